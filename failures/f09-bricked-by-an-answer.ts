import { agentOf } from "./agents.ts";
import { Effects } from "./effects.ts";
import { failure } from "./failure.ts";
import { callOf, start, toolOf } from "./graphs.ts";
import type { Way } from "./ways.ts";

/** What a user interface may send that langchain's middleware for JavaScript does not know. */
const MALFORMED = {
  "two decisions for one call": { decisions: [{ type: "approve" }, { type: "approve" }] },
  "edited_action, as in Python": {
    decisions: [{ type: "edit", edited_action: { name: "pay", args: { amount: "a lot" } } }],
  },
  "Agent Inbox's list": [{ type: "edit", args: { action: "charge", args: {} } }],
  "the respond of the documents": { decisions: [{ type: "respond", message: "Paid in cash." }] },
} as const;

async function paidAfter(way: Way, malformed: unknown): Promise<boolean> {
  const effects = new Effects();
  const pay = toolOf("pay", () => effects.happened("pay"), { amount: "number" });
  const allowed = { allowedDecisions: ["approve", "edit", "reject"] as const };
  const { graph } = agentOf([way.approvals({ pay: allowed })], [pay], [callOf("pay", { amount: 1 })]);
  await start(graph);
  await way.submit(graph, malformed);
  await way.decide(graph, { pay: { type: "approve" } });
  return effects.times("pay") === 1;
}

export const f09 = failure({
  id: "F9",
  title: "A call waits for approval. An answer comes that cannot be used, then the right one.",
  async run(way) {
    const paid: string[] = [];
    const never: string[] = [];
    for (const [name, malformed] of Object.entries(MALFORMED))
      ((await paidAfter(way, malformed)) ? paid : never).push(name);
    return { paid, never };
  },
  text: ({ paid, never }) =>
    never.length === 0
      ? `the right answer counts after each of ${paid.length} that cannot be used`
      : `the right answer fails for ever after: ${never.join("; ")}`,
  stock: { paid: [], never: Object.keys(MALFORMED) },
  holdpoint: { paid: Object.keys(MALFORMED), never: [] },
});
