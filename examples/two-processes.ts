/** What the examples with servers have in common: a graph whose tool asks before it deploys, and a process that asks. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { tool } from "@langchain/core/tools";
import { type BaseCheckpointSaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { confirm, type HITLBackend, HITLToolNode } from "holdpoint";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const deploy = tool(
  async ({ version }) => {
    const { confirmed } = await confirm({ message: `Deploy ${version}?`, risk_level: "high" });
    if (!confirmed) return "not deployed";
    console.log(`deployed ${version}`);
    return "deployed";
  },
  { name: "deploy", description: "Deploys.", schema: z.object({ version: z.string() }) },
);

export function releaseGraph(backend: HITLBackend, checkpointer: BaseCheckpointSaver) {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", scriptedModel([{ name: "deploy", args: { version: "1.4.0" } }]))
    .addNode("tools", new HITLToolNode([deploy], { backend }))
    .addEdge(START, "model")
    .addConditionalEdges("model", callsTools)
    .addEdge("tools", "model")
    .compile({ checkpointer });
}

/** The arguments after "ask", if this is the process that asks. */
export function asksFor(): readonly string[] | undefined {
  const [role, ...given] = process.argv.slice(2);
  return role === "ask" ? given : undefined;
}

/** Runs the example once more, as the process that asks, and says how that one ended. */
export function askElsewhere(url: string, ...given: readonly string[]): string {
  const args = [...process.execArgv, fileURLToPath(url), "ask", ...given];
  const { signal, status } = spawnSync(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
  return signal ?? `exit code ${status}`;
}
