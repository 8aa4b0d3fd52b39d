import type { HITLBackend } from "../backends/hitl-backend.ts";
import { checkId } from "../backends/hitl-codec.ts";
import type { KeyName, PageQuery, RecordStore, StoredRecord } from "../backends/record-store.ts";
import { HoldpointError } from "../core/errors.ts";
import { auditedStoreOf } from "./audited.ts";
import { type AuditKind, kindsOf } from "./kinds.ts";
import { eventsOf } from "./read-audit.ts";
import type { Redactor } from "./redact.ts";
import { Seen } from "./seen.ts";
import type { AuditAnchor, AuditEvent } from "./verify/format.ts";

export interface ExportAuditOptions {
  /** Default: questions, calls, messages, effects and grants. Others as `{ kind, statuses }`. */
  readonly kinds?: readonly (string | AuditKind)[] | undefined;
  /** One of these at most: each is an index. Records of a kind that does not carry the key are not found by it. */
  readonly session_id?: string | undefined;
  readonly invocation_id?: string | undefined;
  readonly thread_id?: string | undefined;
  readonly assignee?: string | undefined;
  /** Only events from this time on, epoch ms by the store's clock. */
  readonly since?: number | undefined;
  /** Only events before this time. */
  readonly until?: number | undefined;
  /** `next_cursor` of an earlier export with the same options. */
  readonly cursor?: string | undefined;
  /** Ends after so many lines. Default: without an end. */
  readonly limit?: number | undefined;
}

/** The lines of an export, to be walked once. */
export interface AuditExport extends AsyncIterable<string> {
  /** Where another export goes on after the last line that was handed out; undefined when there is nothing left. */
  readonly next_cursor: string | undefined;
}

const KEYS: readonly (readonly [keyof ExportAuditOptions, KeyName])[] = [
  ["session_id", "session"],
  ["invocation_id", "invocation"],
  ["thread_id", "thread"],
  ["assignee", "assignee"],
];
const OTHERS: readonly string[] = ["kinds", "since", "until", "cursor", "limit"];
/** Records at once: their values may be large. */
const PAGE = 20;
const MAX_CURSOR = 2048;
const MAX_READS = 5;

/**
 * The trail of a tenant as JSON Lines: one event a line, `AuditEvent`, with its line feed. The events of a record follow
 * each other, records of a kind are in the order in which they were made. Memory is bounded by a page of records.
 * `verifyAuditLines` checks the file.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` if the backend is not audited, for a filter that is no index and for two of
 * them; `ERR_HITL_CURSOR`
 *
 * @example
 * ```ts
 * import { createWriteStream } from "node:fs";
 * import { Readable } from "node:stream";
 * import { pipeline } from "node:stream/promises";
 * import type { HITLBackend } from "holdpoint";
 * import { exportAudit } from "holdpoint/audit";
 *
 * export async function exportDay(backend: HITLBackend, path: string, since: number): Promise<void> {
 *   const lines = exportAudit(backend, { since, until: since + 24 * 60 * 60 * 1000 });
 *   await pipeline(Readable.from(lines), createWriteStream(path));
 * }
 * ```
 */
export function exportAudit(backend: HITLBackend, options: ExportAuditOptions = {}): AuditExport {
  const store = auditedStoreOf(backend);
  return new Export(store.inner, () => store.redactor(), backend.tenant_id, checkOptions(options));
}

interface CheckedOptions extends Pick<ExportAuditOptions, "since" | "until" | "limit"> {
  readonly kinds: readonly AuditKind[];
  readonly key: PageQuery["key"];
  readonly start: Position | null;
}

/** The last line that was handed out. */
interface Position {
  readonly kind: string;
  /** The cursor of the page that its record was on. */
  readonly page: string | null;
  readonly created_at: number;
  readonly id: string;
  readonly seq: number;
}

function invalid(message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}

function checkOptions(options: ExportAuditOptions): CheckedOptions {
  const { since, until, cursor, limit } = options;
  const given = KEYS.filter(([name]) => options[name] !== undefined);
  const unknown = Object.keys(options).filter(
    (name) => !OTHERS.includes(name) && !KEYS.some(([key]) => key === name),
  );
  if (given.length > 1 || unknown.length > 0) {
    const names = [...given.map(([name]) => name), ...unknown].join(", ");
    invalid(
      `exportAudit takes one of ${KEYS.map(([name]) => name).join(", ")}, and ${OTHERS.join(", ")}; given: ${names}.`,
    );
  }
  for (const [name, time] of Object.entries({ since, until })) {
    if (time !== undefined && !Number.isSafeInteger(time))
      invalid(`${name} has to be epoch milliseconds (a whole number).`);
  }
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0))
    invalid("limit has to be a whole number of lines, at least 1.");
  const kinds = kindsOf(options.kinds);
  const [by] = given;
  const key = by && { name: by[1], value: checkId(options[by[0]], by[0]) };
  return { kinds, key, since, until, limit, start: cursor === undefined ? null : decode(cursor, kinds) };
}

function encode({ kind, page, created_at, id, seq }: Position): string {
  return Buffer.from(JSON.stringify([kind, page, created_at, id, seq])).toString("base64url");
}

function decode(cursor: unknown, kinds: readonly AuditKind[]): Position {
  try {
    if (typeof cursor === "string" && cursor.length <= MAX_CURSOR) {
      const found: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
      const [kind, page, created_at, id, seq] = found as readonly unknown[];
      if (
        kinds.some((one) => one.kind === kind) &&
        (page === null || typeof page === "string") &&
        Number.isFinite(created_at) &&
        typeof id === "string" &&
        Number.isSafeInteger(seq)
      )
        return { kind, page, created_at, id, seq } as Position;
    }
  } catch {
    // Not JSON, or no list.
  }
  throw new HoldpointError(
    "ERR_HITL_CURSOR",
    "The cursor is not one of an export with these options. Pass next_cursor back unchanged, or leave it out.",
  );
}

class Export implements AuditExport {
  readonly #store: RecordStore;
  readonly #redactor: () => Promise<Redactor | null>;
  readonly #tenant_id: string;
  readonly #options: CheckedOptions;
  #position: Position | null;
  #left: number;
  #isDone = false;

  constructor(
    store: RecordStore,
    redactor: () => Promise<Redactor | null>,
    tenant_id: string,
    options: CheckedOptions,
  ) {
    this.#store = store;
    this.#redactor = redactor;
    this.#tenant_id = tenant_id;
    this.#options = options;
    this.#position = options.start;
    this.#left = options.limit ?? Number.POSITIVE_INFINITY;
  }

  get next_cursor(): string | undefined {
    return this.#isDone || !this.#position ? undefined : encode(this.#position);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    const redactor = await this.#redactor();
    const { kinds, since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY } = this.#options;
    const start = this.#position;
    const first = start ? kinds.findIndex(({ kind }) => kind === start.kind) : 0;
    for (const kind of kinds.slice(first)) {
      const after = kind.kind === start?.kind ? start : null;
      for await (const [raw, page] of this.#records(kind, after)) {
        const { id, created_at } = raw;
        const from = id === after?.id && created_at === after.created_at ? after.seq : 0;
        for await (const event of this.#events(raw, redactor)) {
          if (event.seq <= from || event.at < since || event.at >= until) continue;
          // Known to be more only now: an export that was given just its lines has come to its end.
          if (this.#left === 0) return;
          this.#left -= 1;
          this.#position = { kind: kind.kind, page, created_at, id, seq: event.seq };
          yield `${JSON.stringify(event)}\n`;
        }
      }
    }
    this.#isDone = true;
  }

  /** Records from that of the position on, each with the cursor of its page. */
  async *#records(
    { kind, statuses }: AuditKind,
    after: Position | null,
  ): AsyncGenerator<readonly [StoredRecord, string | null]> {
    const { key } = this.#options;
    let cursor = after?.page ?? undefined;
    do {
      const query = { kind, tenant_id: this.#tenant_id, statuses, limit: PAGE, cursor };
      const found = await this.#store.page(key ? { ...query, key } : query);
      for (const raw of found.items) if (!after || !isBefore(raw, after)) yield [raw, cursor ?? null];
      cursor = found.next_cursor;
    } while (cursor !== undefined);
  }

  /** The events of a record; the last one says that it is. */
  async *#events(raw: StoredRecord, redactor: Redactor | null): AsyncGenerator<AuditEvent> {
    let head = anchorOf(raw);
    let seq = 0;
    for (let reads = 0; reads < MAX_READS; reads += 1) {
      for await (const event of eventsOf(this.#store, raw, redactor)) {
        if (event.seq <= seq) continue;
        if (head && event.seq > head.seq) head = await this.#headOf(raw, head);
        seq = event.seq;
        yield seq === head?.seq ? { ...event, head } : event;
      }
      // What the page has not shown yet, or a new event that the history did not: look once more.
      if (!head || head.seq <= seq) return;
    }
  }

  async #headOf({ id }: StoredRecord, before: AuditAnchor): Promise<AuditAnchor> {
    const [raw] = await this.#store.get([id]);
    return (raw && anchorOf(raw)) ?? before;
  }
}

function anchorOf(raw: StoredRecord): AuditAnchor | null {
  const { head } = new Seen(raw);
  return head?.hash ? { seq: head.seq, hash: head.hash } : null;
}

function isBefore(
  a: Pick<StoredRecord, "created_at" | "id">,
  b: Pick<StoredRecord, "created_at" | "id">,
): boolean {
  return a.created_at < b.created_at || (a.created_at === b.created_at && a.id < b.id);
}
