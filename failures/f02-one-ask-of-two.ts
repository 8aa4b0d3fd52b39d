import { failure } from "./failure.ts";
import { callOf, interruptsOf, start, stepGraph, toolOf } from "./graphs.ts";
import { answerTo, YES } from "./ways.ts";

interface Shown {
  readonly message: string;
  readonly asks?: readonly Shown[];
}

export const f02 = failure({
  id: "F2",
  title: "The same step: which of the two questions are there when it pauses, and by how many ids?",
  async run(way) {
    const asking = (name: string) =>
      toolOf(name, async () => ((await way.confirm(`${name}?`)) ? "done" : "not done"));
    const node = way.toolNode([asking("book"), asking("mail")]);
    const graph = stepGraph(node, [callOf("book"), callOf("mail")]);
    await start(graph);
    const first = await way.open(graph);
    const shown = (await interruptsOf(graph)).flatMap(
      ({ value }) => (value as Shown).asks ?? [value as Shown],
    );
    const messages = new Set(shown.map(({ message }) => message));
    await answerTo(way, graph, "book?", YES);
    const ids = new Set([...first, ...(await way.open(graph))].map(({ id }) => id));
    return { open: first.length, in_interrupts: messages.size, ids: ids.size };
  },
  text: ({ open, in_interrupts, ids }) =>
    `${open} of 2 can be answered, ${in_interrupts} in LangGraph's interrupts; ${ids === 1 ? "the second gets the id of the first" : "each has an id of its own"}`,
  stock: { open: 1, in_interrupts: 1, ids: 1 },
  stockFrom17: { open: 1, in_interrupts: 1, ids: 2 },
  holdpoint: { open: 2, in_interrupts: 2, ids: 2 },
});
