/** The formats that are understood, each with the version that it was read in (docs/interop.md). */
export const INTEROP_FORMATS = [
  "agent_inbox_1",
  "langchain_js_1",
  "langchain_python_1",
  "langgraph_1",
  "ag_ui_1",
  "ai_sdk_7",
  "mcp_1",
  "mcp_2",
  "librechat_3",
  "claude_agent_0",
  "holdpoint_1",
] as const;

export type InteropFormat = (typeof INTEROP_FORMATS)[number];

/** In these words answers come by LangGraph, too, whose envelopes say for which interrupt they are. */
const BY_LANGGRAPH: readonly InteropFormat[] = ["agent_inbox_1", "langchain_js_1", "langchain_python_1"];

/** What has to be understood for this format's clients. */
export function formatsFor(format: InteropFormat): readonly InteropFormat[] {
  return BY_LANGGRAPH.includes(format) ? [format, "langgraph_1"] : [format];
}
