/**
 * holdpoint/blocks: what a user interface shows of a run, as events about blocks. It runs in a browser, and needs
 * neither Node nor LangChain.
 *
 * @module holdpoint/blocks
 */
export {
  type ArtifactData,
  ArtifactDataSchema,
  BLOCK_DATA_SCHEMAS,
  BLOCK_KINDS,
  BLOCK_OPS,
  BLOCK_PERSISTENCES,
  BLOCK_PROTOCOL_VERSION,
  type BlockEvent,
  BlockEventSchema,
  type BlockKind,
  type BlockOp,
  type BlockPersistence,
  type EndData,
  EndDataSchema,
  type ErrorData,
  ErrorDataSchema,
  type HitlData,
  HitlDataSchema,
  NODE_STATUSES,
  type NodeData,
  NodeDataSchema,
  type NodeStatus,
  type PlanData,
  PlanDataSchema,
  type StartData,
  StartDataSchema,
  type SubAgentData,
  SubAgentDataSchema,
  type TextData,
  TextDataSchema,
  TOOL_USE_STATUSES,
  type ToolUseData,
  ToolUseDataSchema,
  type ToolUseStatus,
} from "./events.ts";
