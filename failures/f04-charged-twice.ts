import { MemorySaver } from "@langchain/langgraph";
import { Effects } from "./effects.ts";
import { failure, times } from "./failure.ts";
import { callOf, start, stepGraph, toolOf } from "./graphs.ts";
import { YES } from "./ways.ts";

export const f04 = failure({
  id: "F4",
  title: "Two workers get the same answer at once: a double click, a webhook that is sent again.",
  async run(way) {
    const effects = new Effects();
    const charge = toolOf("charge", async () => {
      if (await way.confirm("charge?")) effects.happened("charge");
      return "charged";
    });
    const saver = new MemorySaver();
    const worker = () => stepGraph(way.toolNode([charge]), [callOf("charge")], saver);
    const [one, two] = [worker(), worker()];
    await start(one);
    const [ask] = await way.open(one);
    const told = await Promise.all([one, two].map((graph) => way.answer(graph, ask?.id ?? "", YES)));
    return { charged: effects.times("charge"), told: told.toSorted() };
  },
  text: ({ charged, told }) => `charged ${times(charged)}; the callers hear: ${told.join(", ")}`,
  stock: { charged: 2, told: ["a result", "a result"] },
  holdpoint: { charged: 1, told: ["accepted", "duplicate"] },
});
