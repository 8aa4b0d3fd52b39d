/**
 * Calls behind the effect ledger: one that asks nobody, one that needs an approval, one whose effect is in a step behind a
 * question. The oracle is the log of what the outside saw: each effect once, whoever died where.
 */
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { confirm, type HITLRecord, respondAndResume, step } from "holdpoint";
import { EffectLedger } from "holdpoint/ledger";
import { z } from "zod";
import { callOf, start } from "../support/agent.ts";
import { graphOf, type Host } from "../nodes-ledger/kit.ts";
import { Driver, type Response } from "./drive.ts";
import type { Scenario } from "./scenarios.ts";
import { effectsOf, note, openSite, type Site, type SubjectGraph } from "./site.ts";
import type { LedgerToolName } from "./tools.ts";
import type { Tripwire } from "./tripwire.ts";

function toolsOf(site: Site, wire: Tripwire): StructuredToolInterface[] {
  const effect = (name: LedgerToolName): Promise<void> =>
    wire.around(`effect ${name}`, () => note(site, name, 0));
  const plain = (name: LedgerToolName) => async (): Promise<string> => {
    await effect(name);
    return name;
  };
  const book = async (): Promise<string> => {
    const { comment } = await confirm({ message: "book?" });
    const booked = await step("book", async () => {
      await effect("book");
      return "book";
    });
    return `${booked} ${comment ?? ""}`;
  };
  const bodies = { bill: plain("bill"), send: plain("send"), book };
  return Object.entries(bodies).map(([name, body]) =>
    tool(body, { name, description: `Does ${name}.`, schema: z.object({ n: z.string() }) }),
  );
}

class LedgerDriver extends Driver {
  protected override async respond(question: HITLRecord): Promise<void> {
    const { agent, backend, site } = this.world;
    const { leaseMs } = site;
    await respondAndResume(agent, {
      backend,
      hitl_id: question.hitl_id,
      response: this.#response(question),
      leaseMs,
    });
  }

  #response(question: HITLRecord): Response {
    if (question.hitl_type === "permission") return { decision: "approve_once" };
    if (question.hitl_type !== "in_doubt") return this.answer(question);
    const call = question.tool_call_id as LedgerToolName;
    const happened = effectsOf(this.world.site).includes(call);
    const decision = happened ? "happened" : "run_again";
    this.doubts.push({ call, decision });
    if (!happened) return { decision };
    return { decision, result: question.data["step"] === undefined ? `${call} happened` : call };
  }
}

function ledgerOf(host: Host): Scenario {
  return {
    open(site: Site, wire: Tripwire) {
      const tools = toolsOf(site, wire);
      const { leaseMs } = site;
      const turns = [site.calls.map((name) => callOf(name, name))];
      const ledger = [
        { for: "send", requires_approval: true, approval: { message: "send?" }, leaseMs },
        { for: ["bill", "book"], leaseMs },
      ];
      return openSite(site, wire, start, (backend, checkpointer) => {
        const graph = graphOf(host, { backend, tools: tools as never, ledger, turns, checkpointer, leaseMs });
        return graph as unknown as SubjectGraph;
      });
    },
    driver: (world) => new LedgerDriver(world),
    async examine({ plain, site }, end) {
      end.checkTurns(2);
      end.checkCallIds();
      const effects = effectsOf(site);
      for (const call of site.calls) {
        const times = effects.filter((name) => name === call).length;
        end.check(times === 1, `effect ${call} happened ${times} times`);
      }
      end.checkAsked("send?");
      end.checkAsked("book?");
      const said = new Map(end.said.map(({ tool_call_id, content }) => [tool_call_id, content]));
      const comment = (end.asked("book?")[0]?.user_response as { comment?: string } | null)?.comment ?? "";
      for (const call of ["bill", "send"]) {
        const text = said.get(call) ?? "";
        end.check(text === call || text === `${call} happened`, `${call} said "${text}"`);
      }
      end.check(
        said.get("book") === `book ${comment}`,
        `book said "${said.get("book")}", not "book ${comment}"`,
      );
      const ledger = new EffectLedger({ backend: plain.backend });
      const { items } = await ledger.list({ workflow_id: site.thread });
      const open = items.filter(({ status }) => status !== "succeeded");
      end.check(items.length === 4, `there are ${items.length} effects, not 4`);
      end.check(open.length === 0, `effects are ${open.map(({ status }) => status).join()}`);
    },
  };
}

export const ledgerScenarios = {
  ledger: ledgerOf("HITLToolNode"),
  "ledger in createAgent": ledgerOf("createAgent v2"),
} as const;
