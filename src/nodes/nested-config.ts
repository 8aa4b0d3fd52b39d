/**
 * A graph that is invoked inside a tool gets its namespace from the order in which such graphs start. When only
 * some calls of a step run again, that order changes, and a graph would load its sibling's checkpoint
 * (langgraph 1.4 and 1.7). Counting from a number of the call's own keeps each graph with its call.
 */
import { createHash } from "node:crypto";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";

const SCRATCHPAD = "__pregel_scratchpad";
/** Room for the graphs that one call may start. */
const STRIDE = 1000;

interface Scratchpad {
  subgraphCounter: number;
}

export function nestedConfig(
  config: LangGraphRunnableConfig,
  call: ToolCall,
  siblings: number,
): LangGraphRunnableConfig {
  const configurable = config.configurable as Record<string, unknown> | undefined;
  const shared = configurable?.[SCRATCHPAD] as Scratchpad | undefined;
  if (!shared || siblings < 2) return config;
  let counter =
    (createHash("sha256")
      .update(call.id ?? call.name)
      .digest()
      .readUInt32BE(0) +
      1) *
    STRIDE;
  const own = new Proxy(shared, {
    get: (target, name) => (name === "subgraphCounter" ? counter : Reflect.get(target, name)),
    set: (target, name, value) => {
      if (name !== "subgraphCounter") return Reflect.set(target, name, value);
      counter = value as number;
      return true;
    },
  });
  return { ...config, configurable: { ...configurable, [SCRATCHPAD]: own } };
}

/** One task per call, by `Send`: there is no order in which graphs of several calls could start. */
export function isSentAlone(configurable: Readonly<Record<string, unknown>> | undefined): boolean {
  const scratchpad = configurable?.[SCRATCHPAD] as { readonly currentTaskInput?: unknown } | undefined;
  const input = scratchpad?.currentTaskInput;
  return typeof input === "object" && input !== null && "lg_tool_call" in input;
}
