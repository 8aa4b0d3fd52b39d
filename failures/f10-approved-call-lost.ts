import { isAIMessage, isToolMessage } from "@langchain/core/messages";
import { agentOf, unansweredIn } from "./agents.ts";
import { Effects } from "./effects.ts";
import { failure } from "./failure.ts";
import { callOf, messagesOf, start, toolOf } from "./graphs.ts";

export const f10 = failure({
  id: "F10",
  title: "Of three calls read needs no approval, pay is approved, del is rejected.",
  async run(way) {
    const effects = new Effects();
    const tools = ["read", "pay", "del"].map((name) => toolOf(name, () => effects.happened(name)));
    const calls = ["read", "pay", "del"].map((name) => callOf(name));
    const { graph } = agentOf([way.approvals({ pay: true, del: true })], tools, calls);
    await start(graph);
    await way.decide(graph, { pay: { type: "approve" }, del: { type: "reject", message: "No." } });
    const messages = await messagesOf(graph);
    const kept = messages
      .filter((message) => isAIMessage(message))
      .flatMap((message) => message.tool_calls ?? []);
    return {
      ran: effects.all.toSorted(),
      calls: kept.map(({ name }) => name),
      with_result: messages
        .filter((message) => isToolMessage(message))
        .map((message) => message.tool_call_id)
        .toSorted(),
      without_result: unansweredIn(messages),
    };
  },
  text: ({ ran, calls, with_result, without_result }) =>
    [
      `ran: ${ran.join(", ") || "nothing"}`,
      `calls in the conversation: ${calls.join(", ")}`,
      `with a result: ${with_result.join(", ")}`,
      ...(without_result.length > 0 ? [`dangling: ${without_result.join(", ")}`] : []),
    ].join("; "),
  stock: { ran: [], calls: ["read", "del"], with_result: ["del"], without_result: ["read"] },
  holdpoint: {
    ran: ["pay", "read"],
    calls: ["read", "pay", "del"],
    with_result: ["del", "pay", "read"],
    without_result: [],
  },
});
