/** The blocks of a session from what is stored, for a user interface that comes late or was reloaded. */
import type { JsonObject } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import type { HITLStatus } from "../core/states.ts";
import { type BlockContext, eventIdOf, hitlBlock } from "./build.ts";
import type { BlockActor, BlockEvent, BlockKind } from "./events.ts";
import { BLOCK_PROTOCOL_VERSION } from "./names.ts";
import { parseBlockEvent } from "./parse.ts";
import { applyBlockEvent } from "./reduce.ts";
import { type Block, type BlockState, createBlockState, listBlocks } from "./state.ts";

/** Which records. Both are filters that a backend has an index for. */
export interface RecordQuery {
  readonly session_id: string;
  readonly status?: HITLStatus | readonly HITLStatus[] | undefined;
}

/** The part of a `HITLBackend` that is needed here, or the records themselves. */
export type RecordSource =
  | {
      list(query: RecordQuery & { readonly cursor?: string | undefined; readonly limit?: number }): Promise<{
        readonly items: readonly HITLRecord[];
        readonly next_cursor?: string | undefined;
      }>;
    }
  | Iterable<HITLRecord>
  | AsyncIterable<HITLRecord>;

const PAGE = 200;

async function* recordsOf(
  source: RecordSource,
  query: RecordQuery,
): AsyncGenerator<HITLRecord, void, undefined> {
  if (!("list" in source)) {
    for await (const record of source) {
      const { session_id, status = record.status } = query;
      const wanted = typeof status === "string" ? [status] : status;
      if (record.session_id === session_id && wanted.includes(record.status)) yield record;
    }
    return;
  }
  let cursor: string | undefined;
  do {
    const page = await source.list({ ...query, limit: PAGE, cursor });
    yield* page.items;
    cursor = page.next_cursor;
  } while (cursor !== undefined);
}

/**
 * The questions of a session as events, oldest first: what is open, and what was answered, by whom. They are the
 * events that the run itself emits, so they and the live ones may be dispatched in any order.
 *
 * @throws HoldpointError as the backend
 *
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 * import { createBlockStore, openQuestions, recordedEvents } from "holdpoint/blocks";
 *
 * const backend = new InMemoryHITLBackend();
 * await backend.create({ hitl_type: "confirm", session_id: "s1", data: { message: "Go on?" } });
 * const store = createBlockStore();
 * for await (const event of recordedEvents(backend, { session_id: "s1" })) store.dispatch(event);
 * console.log(openQuestions(store.getSnapshot()).length); // 1
 * ```
 */
export async function* recordedEvents(
  source: RecordSource,
  query: RecordQuery,
  context: BlockContext = {},
): AsyncGenerator<BlockEvent, void, undefined> {
  for await (const record of recordsOf(source, query)) yield hitlBlock(record, context);
}

/** A block as a log keeps it: aury's shape. Times are ISO 8601 texts. */
export interface PersistedBlock {
  readonly block_id: string;
  readonly parent_id: string | null;
  readonly kind: BlockKind;
  readonly data: JsonObject;
  readonly session_id: string;
  readonly invocation_id: string;
  readonly actor: BlockActor | null;
  readonly branch: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  /** `seq`, and `schema_version` of the data: what a block needs to go on from here. */
  readonly metadata: JsonObject;
}

/** A block without what is only for the screen. */
export function persistedBlock(block: Block): PersistedBlock {
  const { block_id, parent_id, kind, data, session_id, invocation_id, actor, branch, seq, schema_version } =
    block;
  return {
    block_id,
    parent_id,
    kind,
    data,
    session_id,
    invocation_id,
    actor,
    branch,
    created_at: new Date(block.created_at).toISOString(),
    updated_at: new Date(block.updated_at).toISOString(),
    metadata: { seq, schema_version },
  };
}

/** The persistent blocks of a state, in the order in which they appeared. */
export function persistedBlocks(state: BlockState): PersistedBlock[] {
  return listBlocks(state)
    .filter((block) => block.persistence === "persistent")
    .map(persistedBlock);
}

/**
 * The event that puts a stored block back. Live events that it already holds change nothing after it, and newer ones
 * go on from it.
 *
 * @throws HoldpointError as {@link parseBlockEvent}: what was stored is not trusted
 */
export function restoredEvent(stored: PersistedBlock): BlockEvent {
  const { block_id, parent_id, kind, data, session_id, invocation_id, actor, branch, metadata } = stored;
  const { seq = null, schema_version = null } = metadata;
  const timestamp = Date.parse(stored.updated_at);
  return parseBlockEvent({
    block_id,
    parent_id,
    kind,
    persistence: "persistent",
    op: "apply",
    data,
    branch,
    schema_version,
    protocol_version: BLOCK_PROTOCOL_VERSION,
    event_id: eventIdOf(block_id, `stored_${typeof seq === "number" ? seq : "last"}`),
    seq,
    timestamp: Number.isNaN(timestamp) ? 0 : timestamp,
    invocation_id,
    session_id,
    actor,
  });
}

/**
 * The questions of a session as blocks, oldest first.
 *
 * @throws HoldpointError as the backend
 *
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 * import { blocksOf } from "holdpoint/blocks";
 *
 * const backend = new InMemoryHITLBackend();
 * await backend.create({ hitl_type: "confirm", session_id: "s1", data: { message: "Go on?" } });
 * const [block] = await blocksOf(backend, { session_id: "s1" });
 * console.log(block?.kind, block?.data["status"]); // hitl pending
 * ```
 */
export async function blocksOf(source: RecordSource, query: RecordQuery): Promise<PersistedBlock[]> {
  let state = createBlockState();
  for await (const event of recordedEvents(source, query)) state = applyBlockEvent(state, event);
  return persistedBlocks(state);
}
