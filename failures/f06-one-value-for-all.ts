import { Command, MemorySaver } from "@langchain/langgraph";
import { Effects } from "./effects.ts";
import { failure } from "./failure.ts";
import { callOf, CONFIG, fanOut, start, toolOf } from "./graphs.ts";
import { YES } from "./ways.ts";

export const f06 = failure({
  id: "F6",
  title:
    "Two questions are open (a task for each call). One value comes by Command({ resume }), without an id.",
  async run(way) {
    const effects = new Effects();
    const paying = (name: string) =>
      toolOf(name, async () => {
        if (await way.confirm(`${name}?`)) effects.happened(name);
        return name;
      });
    const node = way.toolNode([paying("rent"), paying("gifts")]);
    const graph = fanOut(node, [callOf("rent"), callOf("gifts")]).compile({
      checkpointer: new MemorySaver(),
    });
    await start(graph);
    await graph.invoke(new Command({ resume: YES }), CONFIG);
    return { paid: effects.all.toSorted(), still_open: (await way.open(graph)).length };
  },
  text: ({ paid, still_open }) => `paid: ${paid.join(", ") || "nothing"}; still open: ${still_open}`,
  stock: { paid: ["gifts", "rent"], still_open: 0 },
  holdpoint: { paid: [], still_open: 2 },
});
