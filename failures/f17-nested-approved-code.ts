import { Effects } from "./effects.ts";
import { failure, times } from "./failure.ts";
import { callOf, fanOut, nested, start, toolOf } from "./graphs.ts";
import { answerTo, YES } from "./ways.ts";

export const f17 = failure({
  id: "F17",
  title: "The same nested graph: what comes behind the approval of book, after mail is approved too.",
  async run(way) {
    const effects = new Effects();
    const asking = (name: string) =>
      toolOf(name, async () => {
        if (await way.confirm(`${name}?`)) effects.happened(name);
        return name;
      });
    const node = way.toolNode([asking("book"), asking("mail")]);
    const graph = nested(fanOut(node, [callOf("book"), callOf("mail")]));
    await start(graph);
    await answerTo(way, graph, "book?", YES);
    await answerTo(way, graph, "mail?", YES);
    return { book: effects.times("book"), mail: effects.times("mail") };
  },
  text: ({ book, mail }) => `booked ${times(book)}, mailed ${times(mail)}`,
  stock: { book: 2, mail: 1 },
  stockFrom17: { book: 1, mail: 1 },
  holdpoint: { book: 1, mail: 1 },
});
