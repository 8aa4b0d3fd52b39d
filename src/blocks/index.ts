/**
 * holdpoint/blocks: what a user interface shows of a run, as events about blocks. It runs in a browser, and needs
 * neither Node nor LangChain.
 *
 * @module holdpoint/blocks
 */
export {
  type BlockContext,
  blockIdOf,
  eventIdOf,
  hitlBlock,
  hitlBlockIdOf,
  type NodeRun,
  nodeBlock,
  type TextPiece,
  textDelta,
  thinkingDelta,
  type ToolProgress,
  type ToolUse,
  toolProgress,
  toolUseBlock,
} from "./build.ts";
export {
  type ArtifactData,
  ArtifactDataSchema,
  BLOCK_DATA_SCHEMAS,
  type BlockActor,
  BlockActorSchema,
  type BlockEvent,
  BlockEventSchema,
  type EndData,
  EndDataSchema,
  type ErrorData,
  ErrorDataSchema,
  type HitlData,
  HitlDataSchema,
  type NodeData,
  NodeDataSchema,
  type PlanData,
  PlanDataSchema,
  type StartData,
  StartDataSchema,
  type SubAgentData,
  SubAgentDataSchema,
  type TextData,
  TextDataSchema,
  type ToolUseData,
  ToolUseDataSchema,
} from "./events.ts";
export {
  BLOCK_KINDS,
  BLOCK_OPS,
  BLOCK_PERSISTENCES,
  BLOCK_PROTOCOL_VERSION,
  type BlockKind,
  type BlockOp,
  type BlockPersistence,
  NODE_STATUSES,
  type NodeStatus,
  TOOL_USE_STATUSES,
  type ToolUseStatus,
} from "./names.ts";
export { interruptBlocks } from "./interrupts.ts";
export {
  blocksOf,
  type PersistedBlock,
  persistedBlock,
  persistedBlocks,
  recordedEvents,
  type RecordQuery,
  type RecordSource,
  restoredEvent,
} from "./log.ts";
export type { BlockMerger, BlockMergers, Merge } from "./merge.ts";
export { parseBlockEvent } from "./parse.ts";
export { applyBlockEvent } from "./reduce.ts";
export { renderBlockText, type TextBlock } from "./render-text.ts";
export { visible, visibleLines } from "./safe-text.ts";
export { decodeSse, type DecodeSseOptions, encodeSse, SSE_EVENT_NAME, type SseSource } from "./sse.ts";
export {
  type Block,
  type BlockLimits,
  type BlockState,
  type BlockStateOptions,
  childBlocks,
  createBlockState,
  getBlock,
  listBlocks,
  listQuestions,
  openQuestions,
  rootBlocks,
} from "./state.ts";
export { type BlockListener, type BlockStore, createBlockStore, type Unsubscribe } from "./store.ts";
export { blockEvents, type BlockEventsOptions } from "./stream.ts";
export type { StreamMode } from "./stream-chunk.ts";
export type { RenderOptions } from "./text-lines.ts";
