/**
 * What goes over the wire to a user interface: one event about one block (docs/blocks.md, rules B1 to B19). The names
 * are aury's; `seq` is ours beside them.
 */
import { z } from "zod";
import type { JsonObject, JsonValue } from "../core/json.ts";
import { ActorSchema } from "../core/record.ts";
import { HITL_STATUSES } from "../core/states.ts";
import {
  BLOCK_OPS,
  BLOCK_PERSISTENCES,
  BLOCK_PROTOCOL_VERSION,
  type BlockKind,
  MAX_BLOCK_ID,
  MAX_EVENT_ID,
  MAX_TIME,
  NODE_STATUSES,
  TOOL_USE_STATUSES,
} from "./names.ts";

export type { BlockKind, BlockOp, BlockPersistence } from "./names.ts";

const json: z.ZodType<JsonValue> = z.json();
const jsonObject: z.ZodType<JsonObject> = z.record(z.string(), json);
const epochMs = z.number().int().nonnegative().max(MAX_TIME);
const label = z.string().max(1024);
/** Ids go into the lines of server-sent events. */
const id = (longest: number): z.ZodString =>
  z
    .string()
    .max(longest)
    .regex(/^\P{Cc}*$/u, "holds a control character");

/** As `actor` of a record, with every key there. */
export const BlockActorSchema = z.object({
  id: z.string().min(1).max(255),
  role: z.enum(["user", "assistant", "system"]).nullable().default(null),
  name: z.string().max(255).nullable().default(null),
  meta: jsonObject.nullable().default(null),
});
/** Whose event it is. */
export type BlockActor = Readonly<z.infer<typeof BlockActorSchema>>;

/**
 * A block event as it is sent: every key is there, null where there is nothing to say. What is read may lack all but
 * the first four; {@link parseBlockEvent} fills the rest in.
 */
export const BlockEventSchema = z.object({
  block_id: id(MAX_BLOCK_ID).min(1),
  kind: z.string().min(1).max(255),
  persistence: z.enum(BLOCK_PERSISTENCES),
  op: z.enum(BLOCK_OPS),
  parent_id: id(MAX_BLOCK_ID).min(1).nullable().default(null),
  data: jsonObject.nullable().default(null),
  /** Sub-agents by name, outermost first: `agent1.agent2`. */
  branch: label.nullable().default(null),
  /** Version of `data`, for renderers outside of this package. */
  schema_version: label.nullable().default(null),
  protocol_version: z
    .string()
    .max(32)
    .regex(/^1\.\d+$/)
    .default(BLOCK_PROTOCOL_VERSION),
  event_id: id(MAX_EVENT_ID).default(""),
  /** Place in the events of this block, from 0; null: in the order of arrival. See docs/blocks.md, B6 to B10. */
  seq: z.number().int().nonnegative().nullable().default(null),
  /** Epoch milliseconds; 0: not known. */
  timestamp: epochMs.default(0),
  invocation_id: label.default(""),
  session_id: label.default(""),
  actor: BlockActorSchema.nullable().default(null),
});
/** One change of one block. Times are epoch milliseconds. */
export type BlockEvent = Readonly<Omit<z.infer<typeof BlockEventSchema>, "kind">> & {
  readonly kind: BlockKind;
};

/** Data of `text` and `thinking`: what has been said so far. A delta adds to `content`. */
export const TextDataSchema = z.looseObject({ content: z.string() });
export type TextData = z.infer<typeof TextDataSchema>;

/** Data of `tool_use`: the whole life of one call. */
export const ToolUseDataSchema = z.looseObject({
  name: z.string(),
  call_id: z.string().nullable(),
  arguments: jsonObject,
  status: z.enum(TOOL_USE_STATUSES),
  /** What the tool says of its progress, while it runs. */
  progress: json.optional(),
  /** Why it failed, in words. */
  error: z.string().optional(),
});
export type ToolUseData = z.infer<typeof ToolUseDataSchema>;

export const SubAgentDataSchema = z.looseObject({
  agent: z.string().optional(),
  task: z.string().optional(),
  status: z.string().optional(),
});
export type SubAgentData = z.infer<typeof SubAgentDataSchema>;

/** Data of `plan`: a checklist; `current` is the index of the step at work. */
export const PlanDataSchema = z.looseObject({
  steps: z.array(json),
  current: z.number().int().nonnegative().nullable().optional(),
});
export type PlanData = z.infer<typeof PlanDataSchema>;

export const StartDataSchema = z.looseObject({ workflow: z.string().nullable(), inputs: json.optional() });
export type StartData = z.infer<typeof StartDataSchema>;

export const EndDataSchema = z.looseObject({
  status: z.enum(["completed", "suspended", "paused", "failed"]),
  output: json.optional(),
  duration_ms: z.number().nonnegative().optional(),
  usage: json.optional(),
});
export type EndData = z.infer<typeof EndDataSchema>;

/** Data of `node`: one run of one node of a graph. A node that waits for a human is `suspended`, never `completed`. */
export const NodeDataSchema = z.looseObject({
  node_id: z.string(),
  agent: z.string().nullable().optional(),
  status: z.enum(NODE_STATUSES),
  inputs: json.optional(),
  output: json.optional(),
  error: z.string().optional(),
  duration_ms: z.number().nonnegative().optional(),
});
export type NodeData = z.infer<typeof NodeDataSchema>;

/**
 * Data of `hitl`: the author's data of the question, and beside it where the question stands. These fields win over
 * fields of the author's data with the same names.
 */
export const HitlDataSchema = z.looseObject({
  hitl_id: z.string(),
  hitl_type: z.string(),
  status: z.enum(HITL_STATUSES),
  /** JSON Schema that an answer has to satisfy; null: any JSON. */
  response_schema: z.union([jsonObject, z.boolean()]).nullable(),
  tool_name: z.string().nullable(),
  tool_call_id: z.string().nullable(),
  /** Epoch milliseconds; null: never. */
  expires_at: epochMs.nullable(),
  user_response: json.nullable(),
  responded_by: ActorSchema.nullable(),
  responded_at: epochMs.nullable(),
  reason: z.string().nullable(),
  /** Of the record; 0: read from an interrupt, which does not say it. */
  version: z.number().int().nonnegative(),
});
export type HitlData = z.infer<typeof HitlDataSchema>;

export const ArtifactDataSchema = z.looseObject({
  artifact_id: z.string(),
  title: z.string().optional(),
  summary: z.string().optional(),
});
export type ArtifactData = z.infer<typeof ArtifactDataSchema>;

export const ErrorDataSchema = z.looseObject({
  code: z.string().default("error"),
  message: z.string(),
  recoverable: z.boolean().default(true),
});
export type ErrorData = z.infer<typeof ErrorDataSchema>;

/** What is known of the data of each named kind. Unknown fields are kept. */
export const BLOCK_DATA_SCHEMAS = {
  text: TextDataSchema,
  thinking: TextDataSchema,
  tool_use: ToolUseDataSchema,
  sub_agent: SubAgentDataSchema,
  plan: PlanDataSchema,
  start: StartDataSchema,
  end: EndDataSchema,
  node: NodeDataSchema,
  hitl: HitlDataSchema,
  yield: z.looseObject({}),
  artifact: ArtifactDataSchema,
  error: ErrorDataSchema,
} as const;
