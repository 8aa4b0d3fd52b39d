/** What hidden parts of the README's blocks use to run a tool in a real graph. */
import type { StructuredToolInterface } from "@langchain/core/tools";
import { HITLToolNode, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import { ai, outputs, thread, toolsGraph } from "../nodes/kit.ts";

interface Call {
  readonly name: string;
  readonly args: Record<string, unknown>;
}

/**
 * Runs one call of a tool to its end and gives what the model would read. Each answer goes to the oldest open
 * question; one that is refused is printed, and the next one is for the same question.
 */
export async function play(
  tools: StructuredToolInterface[],
  call: Call,
  ...answers: unknown[]
): Promise<unknown> {
  const backend = new InMemoryHITLBackend();
  const graph = toolsGraph(new HITLToolNode(tools, { backend }));
  await graph.invoke({ messages: [ai([{ ...call, id: "call" }])] }, thread("t"));
  for (const response of answers) {
    const [open] = (await backend.list({ thread_id: "t", status: "pending" })).items;
    if (!open) throw new Error("There are more answers than questions.");
    const outcome = await respondAndResume(graph, { backend, hitl_id: open.hitl_id, response });
    if (outcome.status === "invalid")
      console.log(["invalid", ...new Set(outcome.issues.flatMap(({ path }) => path))].join(" "));
  }
  const { items } = await backend.list({ thread_id: "t", status: "pending" });
  if (items.length > 0) throw new Error("Questions are left open.");
  return outputs((await graph.getState(thread("t"))).values)["call"];
}
