import { agentOf, unansweredIn } from "./agents.ts";
import { failure } from "./failure.ts";
import { callOf, start, toolOf } from "./graphs.ts";

export const f11 = failure({
  id: "F11",
  title: "An agent's tool waits for a human. The user writes something else into the chat.",
  async run(way) {
    const pay = toolOf("pay", async () => ((await way.confirm("pay?")) ? "paid" : "not paid"));
    const { graph, seen } = agentOf(way.tools(), [pay], [callOf("pay")]);
    await start(graph, "pay");
    await start(graph, "no, wait");
    const given = seen().at(-1) ?? [];
    return {
      given: given.map((message) => message.getType()),
      unanswered: unansweredIn(given).length,
    };
  },
  text: ({ given, unanswered }) =>
    `the model is given ${given.join(", ")}: ${unanswered === 0 ? "a valid list" : `${unanswered} call without a result, which providers refuse`}`,
  stock: { given: ["human", "ai", "human"], unanswered: 1 },
  holdpoint: { given: ["human", "ai", "tool", "human"], unanswered: 0 },
});
