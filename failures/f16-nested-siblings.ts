import { Effects } from "./effects.ts";
import { failure, times } from "./failure.ts";
import { callOf, fanOut, nested, start, toolOf } from "./graphs.ts";
import { answerTo, YES } from "./ways.ts";

export const f16 = failure({
  id: "F16",
  title:
    "A graph as a node of another one, a task for each call. pay asks nobody, book and mail ask; both are answered.",
  async run(way) {
    const effects = new Effects();
    const asking = (name: string) =>
      toolOf(name, async () => ((await way.confirm(`${name}?`)) ? "done" : "not done"));
    const pay = toolOf("pay", () => effects.happened("pay"));
    const node = way.toolNode([pay, asking("book"), asking("mail")]);
    const graph = nested(fanOut(node, [callOf("pay"), callOf("book"), callOf("mail")]));
    await start(graph);
    await answerTo(way, graph, "book?", YES);
    await answerTo(way, graph, "mail?", YES);
    return { pay: effects.times("pay") };
  },
  text: ({ pay }) => `pay, which had finished, ran ${times(pay)}`,
  stock: { pay: 3 },
  stockFrom17: { pay: 1 },
  holdpoint: { pay: 1 },
});
