/**
 * The names of the protocol, and its limits. Apart from the schemas, so that a page that only reads and draws blocks does
 * not load zod.
 */
export const BLOCK_PROTOCOL_VERSION = "1.0";

export const BLOCK_KINDS = [
  "text",
  "thinking",
  "tool_use",
  "sub_agent",
  "plan",
  "start",
  "end",
  "node",
  "hitl",
  "yield",
  "artifact",
  "error",
] as const;
/** The named kinds have a documented data shape; any other string is allowed and kept. */
export type BlockKind = (typeof BLOCK_KINDS)[number] | (string & {});

export const BLOCK_PERSISTENCES = ["persistent", "transient"] as const;
/** `transient`: for the screen only (spinners, progress); a log leaves it out. */
export type BlockPersistence = (typeof BLOCK_PERSISTENCES)[number];

export const BLOCK_OPS = ["apply", "delta", "patch"] as const;
/** `apply` replaces the data, `delta` adds to it, `patch` sets paths in it. */
export type BlockOp = (typeof BLOCK_OPS)[number];

export const TOOL_USE_STATUSES = ["pending", "running", "waiting", "aborted", "failed", "success"] as const;
/** `waiting`: for a human. */
export type ToolUseStatus = (typeof TOOL_USE_STATUSES)[number];

/** In the order of their stages (PROTOCOL.md §16, B15), as those of a tool. */
export const NODE_STATUSES = ["running", "suspended", "failed", "completed"] as const;
export type NodeStatus = (typeof NODE_STATUSES)[number];

/** What a Date can hold, in ms. */
export const MAX_TIME = 8.64e15;
/** A record's `block_id` may have 1024 characters. */
export const MAX_BLOCK_ID = 1100;
export const MAX_EVENT_ID = 1300;
