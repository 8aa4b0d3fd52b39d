import { failure } from "./failure.ts";
import { callOf, messagesOf, resultsIn, start, stepGraph, toolOf } from "./graphs.ts";
import type { Way } from "./ways.ts";

/** What the tool has read after `response`, as JSON; or what the caller was told instead. */
async function readOf(way: Way, response: unknown): Promise<string> {
  const question = toolOf("question", async () => JSON.stringify(await way.ask("go on?")));
  const graph = stepGraph(way.toolNode([question]), [callOf("question")]);
  await start(graph);
  const [ask] = await way.open(graph);
  // In LangGraph `{ [id]: false }` would do, an object around the value; what its documents show is the value.
  const told = await way.answerOnly(graph, ask?.id ?? "", response);
  return resultsIn(await messagesOf(graph))["question"] ?? told;
}

export const f08 = failure({
  id: "F8",
  title: 'The answers false, 0, "" and null, each to a question of its own.',
  async run(way) {
    const read: string[] = [];
    for (const response of [false, 0, "", null]) read.push(await readOf(way, response));
    return { read };
  },
  text: ({ read }) => `the tool reads: ${read.join(", ")}`,
  stock: { read: ["EmptyInputError", "EmptyInputError", "EmptyInputError", "EmptyInputError"] },
  stockFrom17: { read: ["false", "0", '""', "EmptyInputError"] },
  holdpoint: { read: ["false", "0", '""', "null"] },
});
