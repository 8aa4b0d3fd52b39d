import { MemorySaver } from "@langchain/langgraph";
import { Effects } from "./effects.ts";
import { failure } from "./failure.ts";
import { callOf, fanOut, interruptsOf, start, toolOf } from "./graphs.ts";

export const f15 = failure({
  id: "F15",
  title: "An AG-UI client answers two questions at once: rent is approved, gifts is cancelled.",
  async run(way) {
    const effects = new Effects();
    const paying = (name: string) =>
      toolOf(name, async () => {
        const answer = (await way.ask(`${name}?`)) as { readonly confirmed?: boolean };
        effects.happened(
          answer.confirmed ? `${name} paid` : `${name} read ${Object.keys(answer).join(", ")}`,
        );
        return name;
      });
    const node = way.toolNode([paying("rent"), paying("gifts")]);
    const graph = fanOut(node, [callOf("rent"), callOf("gifts")]).compile({
      checkpointer: new MemorySaver(),
    });
    await start(graph);
    const ids = new Map(
      (await interruptsOf(graph)).map(({ id, value }) => [(value as { message: string }).message, id]),
    );
    const resume_map = {
      [ids.get("rent?") ?? ""]: { status: "resolved", payload: { confirmed: true } },
      [ids.get("gifts?") ?? ""]: { status: "cancelled" },
    };
    await way.submit(graph, { __agui_resume_map__: resume_map });
    return { done: effects.all.toSorted(), open: (await way.open(graph)).length };
  },
  text: ({ done, open }) =>
    `${done.join("; ").replaceAll("__agui_resume_map__", "the whole map") || "nothing"}; still open: ${open}`,
  stock: { done: ["gifts read __agui_resume_map__", "rent read __agui_resume_map__"], open: 0 },
  holdpoint: { done: ["rent paid"], open: 0 },
});
