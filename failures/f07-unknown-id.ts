import { Effects } from "./effects.ts";
import { failure, times } from "./failure.ts";
import { callOf, start, stepGraph, toolOf } from "./graphs.ts";
import { YES } from "./ways.ts";

export const f07 = failure({
  id: "F7",
  title: "An answer for an id that nobody knows; then a thread is resumed that was never started.",
  async run(way) {
    const effects = new Effects();
    const charge = toolOf("charge", async () => {
      effects.happened("run");
      return (await way.confirm("charge?")) ? "charged" : "not charged";
    });
    const graphOf = () => stepGraph(way.toolNode([charge]), [callOf("charge")]);
    const graph = graphOf();
    await start(graph);
    const before = effects.times("run");
    const unknown_id = await way.answer(graph, "f".repeat(32), YES);
    const runs = effects.times("run") - before;
    return { unknown_id, runs, never_started: await way.wake(graphOf()) };
  },
  text: ({ unknown_id, runs, never_started }) =>
    `unknown id: ${unknown_id}, the tool ran ${times(runs)}; never started: ${never_started}`,
  stock: { unknown_id: "a result", runs: 1, never_started: "an empty result" },
  holdpoint: { unknown_id: "not_found", runs: 0, never_started: "nothing_to_resume" },
});
