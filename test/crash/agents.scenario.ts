/** langchain's agent: two calls that ask side by side, and a sibling that asks nobody and has an effect. */
import { AIMessage } from "@langchain/core/messages";
import { type AgentMiddleware, createAgent } from "langchain";
import { hitlMiddleware } from "holdpoint";
import { ai, ScriptedModel } from "../nodes/kit.ts";
import { callOf, start } from "../support/agent.ts";
import { Driver } from "./drive.ts";
import type { Scenario } from "./scenarios.ts";
import { openSite, type Site, type SubjectGraph } from "./site.ts";
import { toolsOf } from "./tools.ts";
import type { Tripwire } from "./tripwire.ts";

function agentOf(version: "v1" | "v2"): Scenario {
  return {
    open(site: Site, wire: Tripwire) {
      const calls = site.calls.map((name) => callOf(name, name));
      return openSite(site, wire, start, (backend, checkpointer) => {
        const agent = createAgent({
          model: new ScriptedModel([ai(calls), new AIMessage("done")]),
          tools: toolsOf(site, wire),
          version,
          middleware: [hitlMiddleware({ backend, leaseMs: site.leaseMs })] as AgentMiddleware[],
          checkpointer,
        });
        return agent as unknown as SubjectGraph;
      });
    },
    driver: (world) => new Driver(world),
    async examine(_world, end) {
      end.checkTurns(2);
      end.checkCalls();
    },
  };
}

export const agentsScenarios = {
  "createAgent v1": agentOf("v1"),
  "createAgent v2": agentOf("v2"),
} as const;
