import { agentOf } from "./agents.ts";
import { Effects } from "./effects.ts";
import { failure } from "./failure.ts";
import { callOf, start, toolOf } from "./graphs.ts";

export const f12 = failure({
  id: "F12",
  title:
    'The human edits pay({ amount: 1 }) to { amount: "two" }, which the tool\'s schema refuses, then to { amount: 2 }.',
  async run(way) {
    const effects = new Effects();
    const pay = toolOf("pay", ({ amount }) => effects.happened(`paid ${String(amount)}`), {
      amount: "number",
    });
    const { graph } = agentOf([way.approvals({ pay: true })], [pay], [callOf("pay", { amount: 1 })]);
    await start(graph);
    const told = await way.decide(graph, { pay: { type: "edit", args: { amount: "two" } } });
    const open = (await way.pendingApprovals(graph)).length;
    if (open > 0) await way.decide(graph, { pay: { type: "edit", args: { amount: 2 } } });
    return { told, open, done: effects.all };
  },
  text: ({ told, open, done }) =>
    `the human hears: ${told.join(", ")}; the question is ${open > 0 ? "open" : "gone"}; done: ${done.join(", ") || "nothing"}`,
  stock: { told: ["a result"], open: 0, done: [] },
  holdpoint: { told: ["invalid at edited_args.amount"], open: 1, done: ["paid 2"] },
});
