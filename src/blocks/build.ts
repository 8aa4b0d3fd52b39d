/**
 * Events as an emitter makes them. Ids and seqs are functions of what is told, so that what a run emits again, in
 * whichever process, changes nothing (B6).
 */
import { HoldpointError } from "../core/errors.ts";
import type { Actor, HITLRecord } from "../core/record.ts";
import type { BlockActor, BlockEvent } from "./events.ts";
import {
  BLOCK_PROTOCOL_VERSION,
  MAX_BLOCK_ID,
  NODE_STATUSES,
  type NodeStatus,
  TOOL_USE_STATUSES,
  type ToolUseStatus,
} from "./names.ts";
import { parseBlockEvent } from "./parse.ts";

const OWN_ID = /^[a-z]+_([0-9a-f]{32})$/;
/** A block id that the author gave may hold them; an event's may not. */
const CONTROL = /\p{Cc}/u;
const STAGES = 8;
/** Small events between two stages, such as progress. */
const PER_STAGE = 2 ** 20;

/** Where a block belongs. What is not given is null, or empty. */
export interface BlockContext {
  readonly parent_id?: string | null | undefined;
  /** Sub-agents by name, outermost first: `agent1.agent2`. */
  readonly branch?: string | null | undefined;
  readonly session_id?: string | undefined;
  readonly invocation_id?: string | undefined;
  readonly actor?: Actor | null | undefined;
  /** Epoch ms. Give the record's time where there is one, so that what is emitted again is equal. Default 0: not known. */
  readonly timestamp?: number | undefined;
}

/**
 * The block of a record: `blk_` and the 32 digits of an id of holdpoint's own (`hitl_…`, `call_…`), else `blk_` and
 * the whole id.
 *
 * @example
 * ```ts
 * import { blockIdOf } from "holdpoint/blocks";
 *
 * console.log(blockIdOf("call_00112233445566778899aabbccddeeff")); // blk_00112233445566778899aabbccddeeff
 * ```
 */
export function blockIdOf(id: string): string {
  return `blk_${OWN_ID.exec(id)?.[1] ?? id}`;
}

/** `evt_`, the block's digits and what the event is: a version, a stage, an index. */
export function eventIdOf(block_id: string, stage: string | number): string {
  return `evt_${block_id.startsWith("blk_") ? block_id.slice(4) : block_id}_${stage}`;
}

function actorOf(actor: Actor | null | undefined): BlockActor | null {
  if (!actor) return null;
  return { id: actor.id, role: actor.role ?? null, name: actor.name ?? null, meta: actor.meta ?? null };
}

/** Other people's errors are of any length, and may hold what no JSON text can. */
function errorText(error: string): string {
  return error.slice(0, 4096).toWellFormed();
}

interface Body {
  readonly block_id: string;
  readonly kind: string;
  readonly op: BlockEvent["op"];
  readonly data: unknown;
  readonly stage: string | number;
  readonly seq: number;
  readonly persistence?: BlockEvent["persistence"];
}

/** What was made of values that are checked already, and is not checked once more; readers do. */
type Draft = Omit<BlockEvent, "data"> & { readonly data: unknown };

function eventOf(body: Body, context: BlockContext): BlockEvent {
  return parseBlockEvent(draftOf(body, context));
}

function draftOf(body: Body, context: BlockContext): Draft {
  const { block_id, kind, op, data, stage, seq, persistence = "persistent" } = body;
  return {
    block_id,
    parent_id: context.parent_id ?? null,
    kind,
    persistence,
    op,
    data,
    branch: context.branch ?? null,
    schema_version: null,
    protocol_version: BLOCK_PROTOCOL_VERSION,
    event_id: eventIdOf(block_id, stage),
    seq,
    timestamp: context.timestamp ?? 0,
    invocation_id: context.invocation_id ?? "",
    session_id: context.session_id ?? "",
    actor: actorOf(context.actor),
  };
}

function wholeNumber(value: number, name: string, most: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", `${name} has to be a whole number from 0 to ${most}.`, {
    details: { name },
  });
}

/** Later rounds are after earlier ones, in a round later stages after earlier ones. */
function seqOf(round: number, stage: number, n: number): number {
  if (stage < 0) throw new HoldpointError("ERR_HITL_INVALID_INPUT", "There is no such status of a block.");
  return (
    (wholeNumber(round, "round", 2 ** 29) * STAGES + stage) * PER_STAGE + wholeNumber(n, "n", PER_STAGE - 1)
  );
}

/** The seq of a `hitl` block: what an interrupt says comes before all that the record says. */
export const HITL_SEQ = { ask: 0, payload: 1, record: (version: number): number => version + 1 } as const;

/**
 * The block of a question, as its record stands: the whole of it, so that one event is enough for whoever comes late.
 * Its parent is the block of the tool call, if you give it.
 *
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 * import { hitlBlock } from "holdpoint/blocks";
 *
 * const backend = new InMemoryHITLBackend();
 * const { record } = await backend.create({ hitl_type: "confirm", session_id: "s", data: { message: "Go on?" } });
 * console.log(hitlBlock(record).data?.["status"]); // pending
 * ```
 */
export function hitlBlock(record: HITLRecord, context: BlockContext = {}): BlockEvent {
  return parseBlockEvent(hitlDraft(record, context));
}

/** For the engine, whose records are checked: made whether or not somebody listens. */
export function hitlDraft(record: HITLRecord, context: BlockContext): Draft {
  const { hitl_id, hitl_type, status, response_schema, tool_name, tool_call_id, expires_at } = record;
  const { user_response, responded_by, responded_at, reason, version } = record;
  return draftOf(
    {
      block_id: hitlBlockIdOf(record),
      kind: "hitl",
      op: "apply",
      data: {
        ...record.data,
        hitl_id,
        hitl_type,
        status,
        response_schema,
        tool_name,
        tool_call_id,
        expires_at,
        user_response,
        responded_by,
        responded_at,
        reason,
        version,
      },
      stage: version,
      seq: HITL_SEQ.record(version),
    },
    {
      session_id: record.session_id,
      invocation_id: record.invocation_id,
      timestamp: record.updated_at,
      actor: record.responded_by,
      ...context,
    },
  );
}

/** The block of a question: the one that the author named, else that of its store id. */
export function hitlBlockIdOf(record: {
  readonly hitl_id: string;
  readonly interrupt_id?: string | null | undefined;
  readonly block_id?: string | null | undefined;
}): string {
  const { block_id, interrupt_id, hitl_id } = record;
  if (block_id && block_id.length <= MAX_BLOCK_ID && !CONTROL.test(block_id)) return block_id;
  return interrupt_id ? `blk_${interrupt_id}` : blockIdOf(hitl_id);
}

/** A tool call, as it stands. */
export interface ToolUse {
  /** Of its call record, or any other id that is the same whenever the call runs again. */
  readonly id: string;
  readonly name: string;
  readonly call_id?: string | null | undefined;
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
  readonly status: ToolUseStatus;
  /** How often its body has begun again: 0 at first. Whoever runs it in another process has to give a higher one. */
  readonly round?: number | undefined;
  /** Cut after 4096 characters. */
  readonly error?: string | undefined;
  /** What it gave, as JSON. */
  readonly output?: unknown;
}

/** The block of a tool call in one of its stages: the whole of it, so that one event is enough for whoever comes late. */
export function toolUseBlock(call: ToolUse, context: BlockContext = {}): BlockEvent {
  return parseBlockEvent(toolUseDraft(call, context));
}

/** As {@link hitlDraft}. */
export function toolUseDraft(call: ToolUse, context: BlockContext): Draft {
  const { id, name, status, round = 0, error, output } = call;
  return draftOf(
    {
      block_id: blockIdOf(id),
      kind: "tool_use",
      op: "apply",
      data: {
        name,
        call_id: call.call_id ?? null,
        arguments: call.arguments ?? {},
        status,
        ...(error === undefined ? {} : { error: errorText(error) }),
        ...(output === undefined ? {} : { output }),
      },
      stage: `${round}_${status}`,
      seq: seqOf(round, TOOL_USE_STATUSES.indexOf(status), 0),
    },
    context,
  );
}

export interface ToolProgress {
  /** As in {@link ToolUse}. */
  readonly id: string;
  readonly round?: number | undefined;
  /** Counts the reports of a round, from 1 without gaps. */
  readonly n: number;
  /** Any JSON: a part from 0 to 1, a text, `{ done, total }`. */
  readonly progress: unknown;
}

/** What a running tool says of its progress. It is gone with the next stage, and in no log. */
export function toolProgress(
  { id, round = 0, n, progress }: ToolProgress,
  context: BlockContext = {},
): BlockEvent {
  return eventOf(
    {
      block_id: blockIdOf(id),
      kind: "tool_use",
      op: "patch",
      persistence: "transient",
      data: { progress },
      stage: `${round}_running_${wholeNumber(n, "n", PER_STAGE - 1)}`,
      seq: seqOf(round, TOOL_USE_STATUSES.indexOf("running"), n),
    },
    context,
  );
}

/** One run of one node of a graph, as it stands. */
export interface NodeRun {
  /** The same whenever this run of the node goes on after an answer: LangGraph's task id. */
  readonly id: string;
  readonly node_id: string;
  readonly agent?: string | null | undefined;
  /** `suspended`, not `completed`, while it waits for a human. */
  readonly status: NodeStatus;
  /** How often it has begun again: 0 at first. */
  readonly round?: number | undefined;
  readonly inputs?: unknown;
  readonly output?: unknown;
  readonly error?: string | undefined;
  readonly duration_ms?: number | undefined;
}

export function nodeBlock(run: NodeRun, context: BlockContext = {}): BlockEvent {
  const { id, node_id, agent = null, status, round = 0, inputs, output, error, duration_ms } = run;
  return eventOf(
    {
      block_id: blockIdOf(id),
      kind: "node",
      op: "apply",
      data: {
        node_id,
        agent,
        status,
        inputs,
        output,
        ...(error === undefined ? {} : { error: errorText(error) }),
        duration_ms,
      },
      stage: `${round}_${status}`,
      seq: seqOf(round, NODE_STATUSES.indexOf(status) * 2, 0),
    },
    context,
  );
}

/** A piece of a text. */
export interface TextPiece {
  readonly block_id: string;
  /** Its place among the pieces of this block, from 0 without gaps. */
  readonly index: number;
  readonly content: string;
}

function delta(kind: "text" | "thinking", piece: TextPiece, context: BlockContext): BlockEvent {
  const { block_id, index, content } = piece;
  return eventOf({ block_id, kind, op: "delta", data: { content }, stage: index, seq: index }, context);
}

/** Adds a piece to a text: markdown. */
export function textDelta(piece: TextPiece, context: BlockContext = {}): BlockEvent {
  return delta("text", piece, context);
}

/** Adds a piece to what a model thinks. */
export function thinkingDelta(piece: TextPiece, context: BlockContext = {}): BlockEvent {
  return delta("thinking", piece, context);
}
