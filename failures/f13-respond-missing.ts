import { agentOf } from "./agents.ts";
import { Effects } from "./effects.ts";
import { failure, times } from "./failure.ts";
import { callOf, messagesOf, resultsIn, start, toolOf } from "./graphs.ts";

export const f13 = failure({
  id: "F13",
  title: "The human answers for the tool: the decision respond, which langchain's documents have.",
  async run(way) {
    const effects = new Effects();
    const search = toolOf("search", () => effects.happened("search"));
    const respond = { allowedDecisions: ["approve", "respond"] as const };
    let told: readonly string[];
    const { graph } = agentOf([way.approvals({ search: respond })], [search], [callOf("search")]);
    try {
      await start(graph);
      told = await way.decide(graph, { search: { type: "respond", message: "Oslo." } });
    } catch (error) {
      told = [(error as Error).name];
    }
    return {
      told: [...told],
      read: resultsIn(await messagesOf(graph))["search"] ?? null,
      ran: effects.times("search"),
    };
  },
  text: ({ told, read, ran }) =>
    `what comes back: ${told.join(", ")}; the model reads: ${read === null ? "nothing" : `"${read}"`}; the tool ran ${times(ran)}`,
  stock: { told: ["ZodError"], read: null, ran: 0 },
  holdpoint: { told: ["accepted"], read: "Oslo.", ran: 0 },
});
