import { Effects } from "./effects.ts";
import { failure, times } from "./failure.ts";
import { callOf, start, stepGraph, toolOf } from "./graphs.ts";
import { answerTo, YES } from "./ways.ts";

export const f01 = failure({
  id: "F1",
  title: "Three calls side by side: pay asks nobody, book and mail ask. Both are answered, book first.",
  async run(way) {
    const effects = new Effects();
    const asking = (name: string) =>
      toolOf(name, async () => {
        if (await way.confirm(`${name}?`)) effects.happened(name);
        return name;
      });
    const pay = toolOf("pay", () => effects.happened("pay"));
    const node = way.toolNode([pay, asking("book"), asking("mail")]);
    const graph = stepGraph(node, [callOf("pay"), callOf("book"), callOf("mail")]);
    await start(graph);
    await answerTo(way, graph, "book?", YES);
    await answerTo(way, graph, "mail?", YES);
    return { pay: effects.times("pay"), book: effects.times("book"), mail: effects.times("mail") };
  },
  text: ({ pay, book, mail }) => `pay ran ${times(pay)}, book ${times(book)}, mail ${times(mail)}`,
  stock: { pay: 3, book: 2, mail: 1 },
  holdpoint: { pay: 1, book: 1, mail: 1 },
});
