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

/** What is heard of the malformed answer, and whether the right one counts after it. */
async function after(way: Way, malformed: unknown): Promise<{ told: string; paid: boolean }> {
  const effects = new Effects();
  const pay = toolOf("pay", () => effects.happened("pay"), { amount: "number" });
  const allowed = { allowedDecisions: ["approve", "edit", "reject"] as const };
  const { graph } = agentOf([way.approvals({ pay: allowed })], [pay], [callOf("pay", { amount: 1 })]);
  await start(graph);
  const told = await way.submit(graph, malformed);
  await way.decide(graph, { pay: { type: "approve" } });
  return { told, paid: effects.times("pay") === 1 };
}

const ALL = Object.keys(MALFORMED);

export const f09 = failure({
  id: "F9",
  title: "A call waits for approval. An answer comes that cannot be used (one of four), then the right one.",
  async run(way) {
    const told: string[] = [];
    const bricked: string[] = [];
    for (const [name, malformed] of Object.entries(MALFORMED)) {
      const outcome = await after(way, malformed);
      if (!told.includes(outcome.told)) told.push(outcome.told);
      if (!outcome.paid) bricked.push(name);
    }
    return { told, bricked };
  },
  text: ({ told, bricked }) =>
    `what comes back: ${told.join(", ")}; then the right answer ${
      bricked.length === 0 ? "counts each time" : `fails for ever in ${bricked.length} of ${ALL.length}`
    }`,
  stock: { told: ["Error"], bricked: ALL },
  holdpoint: { told: ["wrong_count", "invalid", "mismatch", "not_allowed"], bricked: [] },
});
