import { agentOf } from "./agents.ts";
import { Effects } from "./effects.ts";
import { failure } from "./failure.ts";
import { callOf, interruptsOf, start, toolOf } from "./graphs.ts";

interface Shown {
  readonly action_requests?: unknown;
  readonly review_configs?: unknown;
}
type Named = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Named => typeof value === "object" && value !== null;
const listOf = (value: unknown): readonly Named[] =>
  Array.isArray(value) && value.every((entry) => isObject(entry)) ? (value as Named[]) : [];

/** What agent-chat-ui asks of a value before it shows buttons; anything else it shows as JSON. */
function hasPanel({ action_requests, review_configs }: Shown): boolean {
  const requests = listOf(action_requests);
  const configs = listOf(review_configs);
  return (
    requests.length > 0 &&
    requests.every(({ name, args }) => typeof name === "string" && isObject(args)) &&
    configs.length > 0 &&
    configs.every(
      ({ action_name, allowed_decisions }) =>
        typeof action_name === "string" && Array.isArray(allowed_decisions),
    )
  );
}

/** Agent Inbox shows the first action of an interrupt; its versions differ in the name by which they read arguments. */
function isInInbox({ action_requests }: Shown): boolean {
  const [first] = listOf(action_requests);
  return typeof first?.["name"] === "string" && isObject(first["args"]) && isObject(first["arguments"]);
}

export const f14 = failure({
  id: "F14",
  title:
    "Two calls wait for approval. What do user interfaces see? Then Agent Inbox's answer to a single call.",
  async run(way) {
    const effects = new Effects();
    const tools = ["pay", "mail"].map((name) => toolOf(name, () => effects.happened(name)));
    const approvals = () => [way.approvals({ pay: true, mail: true })];
    const both = agentOf(approvals(), tools, [
      callOf("pay", { amount: 1 }),
      callOf("mail", { to: "ann" }),
    ]).graph;
    await start(both);
    const shown = (await interruptsOf(both)).map(({ value }) => value as Shown);
    const { graph } = agentOf(approvals(), tools, [callOf("pay", { amount: 1 })]);
    await start(graph);
    await way.submit(graph, [{ type: "accept", args: null }]);
    return {
      interrupts: shown.length,
      panels: shown.filter((value) => hasPanel(value)).length,
      in_inbox: shown.filter((value) => isInInbox(value)).length,
      accepted: effects.times("pay") === 1,
    };
  },
  text: ({ interrupts, panels, in_inbox, accepted }) =>
    [
      `agent-chat-ui: ${panels === 0 ? "raw JSON, no buttons" : panels === interrupts ? "its buttons" : `buttons for ${panels} of ${interrupts}`}`,
      `Agent Inbox: ${in_inbox} of 2 calls`,
      `its answer ${accepted ? "counts" : "fails"}`,
    ].join("; "),
  stock: { interrupts: 1, panels: 0, in_inbox: 0, accepted: false },
  holdpoint: { interrupts: 2, panels: 2, in_inbox: 2, accepted: true },
});
