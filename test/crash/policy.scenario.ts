/**
 * A tool under a policy, behind the ledger: its first call is approved for always, its second one runs by the grant, which
 * has one use. The oracle is the log of what the outside saw.
 */
import { tool } from "@langchain/core/tools";
import { type HITLRecord, respondAndResume } from "holdpoint";
import { definePolicy, PolicyGrants } from "holdpoint/policy";
import { z } from "zod";
import { graphOf, type Host } from "../nodes-ledger/kit.ts";
import { callOf, start } from "../support/agent.ts";
import { Driver, type Response } from "./drive.ts";
import type { Scenario } from "./scenarios.ts";
import { effectsOf, note, openSite, type Site, type SubjectGraph } from "./site.ts";
import type { ToolName } from "./tools.ts";
import type { Tripwire } from "./tripwire.ts";

const policy = definePolicy({
  rules: [
    {
      id: "bill",
      for: "bill",
      verdict: "ask",
      message: "bill?",
      allowed_decisions: ["approve_once", "approve_always", "reject"],
      grant: { uses: 1 },
    },
  ],
});

function toolOf(site: Site, wire: Tripwire) {
  const run = async (_: unknown, { toolCallId }: { readonly toolCallId: string }): Promise<string> => {
    await wire.around(`effect ${toolCallId}`, () => note(site, toolCallId, 0));
    return toolCallId;
  };
  return tool(run as never, { name: "bill", description: "Bills.", schema: z.object({ n: z.string() }) });
}

class PolicyDriver extends Driver {
  protected override async respond(question: HITLRecord): Promise<void> {
    const { agent, backend, site } = this.world;
    const response = this.#response(question);
    await respondAndResume(agent, { backend, hitl_id: question.hitl_id, response, leaseMs: site.leaseMs });
  }

  #response({ hitl_type, tool_call_id }: HITLRecord): Response {
    if (hitl_type !== "in_doubt") return { decision: "approve_always" };
    const call = tool_call_id as ToolName;
    const decision = effectsOf(this.world.site).includes(call) ? "happened" : "run_again";
    this.doubts.push({ call, decision });
    return decision === "happened" ? { decision, result: `${call} happened` } : { decision };
  }
}

function policyIn(host: Host): Scenario {
  return {
    open(site: Site, wire: Tripwire) {
      const { leaseMs } = site;
      // The same tool and arguments each time; the ids of the calls tell them apart.
      const turns = site.calls.map((id) => [{ ...callOf("bill", "bill"), type: "tool_call" as const, id }]);
      return openSite(site, wire, start, (backend, checkpointer) => {
        const tools = [toolOf(site, wire)] as never;
        const ledger = { for: "bill", leaseMs };
        const options = { backend, tools, policy, ledger, turns, checkpointer, leaseMs };
        return graphOf(host, options) as unknown as SubjectGraph;
      });
    },
    driver: (world) => new PolicyDriver(world),
    async examine({ plain, site }, end) {
      end.checkTurns(1 + site.calls.length);
      end.checkCallIds();
      const effects = effectsOf(site);
      for (const call of site.calls) {
        const times = effects.filter((name) => name === call).length;
        end.check(times === 1, `effect ${call} happened ${times} times`);
      }
      for (const { content, tool_call_id } of end.said)
        end.check(
          [tool_call_id, `${tool_call_id} happened`].includes(content),
          `${tool_call_id} said "${content}"`,
        );
      end.checkAsked("bill?");
      const { items } = await new PolicyGrants({ backend: plain.backend }).list({ session_id: site.thread });
      const found = items.map(({ status, used }) => `${status} ${used}`).join();
      end.check(found === "used_up 1", `the grants are ${found || "nowhere"}`);
    },
  };
}

export const policyScenarios = {
  policy: policyIn("HITLToolNode"),
  "policy in createAgent": policyIn("createAgent v2"),
} as const;
