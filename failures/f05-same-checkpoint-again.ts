import { Command } from "@langchain/langgraph";
import { Effects } from "./effects.ts";
import { failure, times } from "./failure.ts";
import { callOf, CONFIG, type Graph, start, stepGraph, THREAD, toolOf } from "./graphs.ts";
import { answerTo, YES } from "./ways.ts";

async function checkpointOf(graph: Graph): Promise<string> {
  const { config } = (await graph.getState(CONFIG)) as unknown as {
    readonly config: { readonly configurable: { readonly checkpoint_id: string } };
  };
  return config.configurable.checkpoint_id;
}

export const f05 = failure({
  id: "F5",
  title:
    "The thread was answered and went on. Then it is resumed from the checkpoint at which it had waited.",
  async run(way) {
    const effects = new Effects();
    const charge = toolOf("charge", async () => {
      if (await way.confirm("charge?")) effects.happened("charge");
      return `charged ${effects.times("charge")}`;
    });
    const graph = stepGraph(way.toolNode([charge]), [callOf("charge")]);
    await start(graph);
    const checkpoint_id = await checkpointOf(graph);
    await answerTo(way, graph, "charge?", YES);
    const again = { configurable: { thread_id: THREAD, checkpoint_id } };
    await graph.invoke(new Command({ resume: YES }), again);
    return { charged: effects.times("charge") };
  },
  text: ({ charged }) => `charged ${times(charged)}`,
  stock: { charged: 2 },
  holdpoint: { charged: 1 },
});
