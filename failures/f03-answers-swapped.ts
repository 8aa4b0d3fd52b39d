import { Effects, turns } from "./effects.ts";
import { failure } from "./failure.ts";
import { callOf, start, stepGraph, toolOf } from "./graphs.ts";
import { answerTo } from "./ways.ts";

export const f03 = failure({
  id: "F3",
  title:
    "Two calls ask for an account. On resume rent, which asked first, is slower. Its question is answered.",
  async run(way) {
    const runs = new Effects();
    const paid = new Effects();
    const paying = (name: string, slowTurns: number) =>
      toolOf(name, async () => {
        // A look-up that was quick the first time.
        if (runs.happened(name) > 1) await turns(slowTurns);
        const account = await way.ask(`account for ${name}?`);
        paid.happened(`${name} from ${String(account)}`);
        return "paid";
      });
    const node = way.toolNode([paying("rent", 20), paying("gifts", 0)]);
    const graph = stepGraph(node, [callOf("rent"), callOf("gifts")]);
    await start(graph);
    await answerTo(way, graph, "account for rent?", "savings");
    return { paid: paid.all };
  },
  text: ({ paid }) => `the answer for rent: "savings"; done with it: ${paid.join(", ") || "nothing"}`,
  stock: { paid: ["gifts from savings"] },
  holdpoint: { paid: ["rent from savings"] },
});
