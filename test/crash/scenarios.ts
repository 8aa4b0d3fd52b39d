/** The rounds that are killed: what runs in them, who drives it, what must have come of it. */
import type { Driver } from "./drive.ts";
import type { Examination } from "./oracle.ts";
import type { Site, World } from "./site.ts";
import type { ToolName } from "./tools.ts";
import type { Tripwire } from "./tripwire.ts";

export const SCENARIOS = [
  "tools",
  "approval node",
  "approval node in a subgraph",
  "two approval nodes",
  "createAgent v1",
  "createAgent v2",
  "message that waits",
  "message that cancels",
  "message that answers",
  "ledger",
  "ledger in createAgent",
  "policy",
  "policy in createAgent",
] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

/** The tool calls of each. */
export const CALLS: { readonly [name in ScenarioName]: readonly ToolName[] } = {
  tools: ["charge", "ship", "note"],
  "approval node": ["stamp"],
  "approval node in a subgraph": ["stamp"],
  "two approval nodes": ["stamp"],
  "createAgent v1": ["pay", "ship", "stamp"],
  "createAgent v2": ["pay", "ship", "stamp"],
  "message that waits": ["pay", "refund"],
  "message that cancels": ["pay", "refund"],
  "message that answers": ["name"],
  ledger: ["bill", "send", "book"],
  "ledger in createAgent": ["bill", "send", "book"],
  policy: ["bill", "send"],
  "policy in createAgent": ["bill", "send"],
};

export interface Scenario {
  open(site: Site, wire: Tripwire): World;
  driver(world: World): Driver;
  /** Beyond what holds of every thread that has come to its end. */
  examine(world: World, end: Examination): Promise<void>;
}

/** Loaded when it is needed: a process starts with what its jobs want. */
export async function scenarioOf({ scenario = "tools" }: Site): Promise<Scenario> {
  switch (scenario) {
    case "tools":
      return (await import("./tools.scenario.ts")).toolsScenario;
    case "approval node":
    case "approval node in a subgraph":
    case "two approval nodes":
      return (await import("./nodes.scenario.ts")).nodesScenarios[scenario];
    case "createAgent v1":
    case "createAgent v2":
      return (await import("./agents.scenario.ts")).agentsScenarios[scenario];
    case "message that waits":
    case "message that cancels":
    case "message that answers":
      return (await import("./messages.scenario.ts")).messagesScenarios[scenario];
    case "ledger":
    case "ledger in createAgent":
      return (await import("./ledger.scenario.ts")).ledgerScenarios[scenario];
    case "policy":
    case "policy in createAgent":
      return (await import("./policy.scenario.ts")).policyScenarios[scenario];
  }
}
