/** The scenario `tools`: a model that calls tools in one step of a `HITLToolNode`, and speaks once more. */
import { type Agent, agentOf, callOf, start } from "../support/agent.ts";
import { note, openSite, type Site, type World } from "./site.ts";
import { toolsOf } from "./tools.ts";
import type { Tripwire } from "./tripwire.ts";

export function openWorld(site: Site, wire: Tripwire): World<Agent> {
  const turns = [site.calls.map((name) => callOf(name, name))];
  const tools = toolsOf(site, wire);
  // Only the graph over the wire is ever run.
  const onModel = (): void => note(site, "model", 0);
  const { leaseMs } = site;
  return openSite(site, wire, start, (backend, checkpointer) =>
    agentOf({ backend, tools, turns, leaseMs, onModel, checkpointer }),
  );
}
