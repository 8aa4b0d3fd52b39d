/** The operations of `RecordStore`, each one statement, wherever a {@link Runner} sends it. */
import type { Clock } from "../../core/clock.ts";
import { HoldpointError } from "../../core/errors.ts";
import { isOwnId, SLOT_COUNT } from "../../core/ids.ts";
import type {
  AsRead,
  ChangeHint,
  CommitResult,
  DueQuery,
  HistoryQuery,
  InsertOp,
  NewEvent,
  OpResult,
  Page,
  PageQuery,
  PurgeQuery,
  ReadOp,
  RecordEvent,
  StoredRecord,
  StoreOp,
  UpdateOp,
} from "../record-store.ts";
import {
  checkLimit,
  checkPage,
  checkRemoval,
  decodeSeqCursor,
  encodeCursor,
  guardHolds,
  newEnvelope,
} from "../store-rules.ts";
import { handOut } from "../held.ts";
import type { PostgresValue } from "./client.ts";
import { encodeEvent, encodeOps } from "./encode.ts";
import type { Effect, Runner } from "./link.ts";
import { escapeText, unescapeText, wholeMs } from "./names.ts";
import { requestIds } from "./request-ids.ts";
import { eventOf, isTrue, recordOf, type Row } from "./rows.ts";
import { shapeInsert, shapeUpdate } from "./shapes.ts";
import type { Statement, Statements } from "./statements.ts";

export interface Committed {
  readonly result: CommitResult;
  /** One for each record with a new version. */
  readonly changes: readonly ChangeHint[];
}

/** A statement that does not see what another one commits meanwhile is sent again, with what it has to see. */
const MAX_LOOKS = 100;
/** Before and after all ids. */
const NO_POSITION = {
  oldest: { created_at: -1, id: "" },
  newest: { created_at: Number.MAX_SAFE_INTEGER, id: "~" },
};
/** Clocks of a client and a server run at nearly the same speed. */
const ELAPSED_SLACK_MS = 1000;

const STATUSES: Readonly<Record<string, OpResult["status"]>> = {
  i: "inserted",
  I: "inserted",
  u: "updated",
  U: "updated",
  e: "exists",
  s: "stale",
  m: "missing",
  r: "read",
  k: "skipped",
};

export class Operations {
  readonly #runner: Runner;
  readonly #statements: Statements;
  readonly #clock: Clock | undefined;
  readonly #nextRequest: () => string = requestIds();

  constructor(runner: Runner, statements: Statements, clock: Clock | undefined) {
    this.#runner = runner;
    this.#statements = statements;
    this.#clock = clock;
  }

  /** @param ops - checked already: a store does so before it makes its schema */
  async commit(ops: readonly StoreOp[]): Promise<Committed> {
    const [only] = ops;
    if (ops.length === 1 && only?.op === "insert" && !only.touch) return this.#insert(only);
    if (ops.length === 1 && only?.op === "update" && !(only.touch && only.optional))
      return this.#update(only);
    return ops.every((operation) => operation.op === "read") ? this.#reads(ops) : this.#commitOps(ops);
  }

  async get(ids: readonly string[]): Promise<(StoredRecord | null)[]> {
    const wanted = [...new Set(ids.filter(isOwnId))];
    const [only] = wanted;
    if (only === undefined) return ids.map(() => null);
    const rows =
      wanted.length === 1
        ? await this.#ask(this.#statements.of("getRecord"), [only], "reads")
        : await this.#ask(this.#statements.of("getRecords"), [wanted], "reads");
    const found = new Map(
      rows.map(([envelope, value]) => [recordOf(envelope, value).id, { envelope, value }]),
    );
    // A record of its own for each place, since its value is the caller's.
    return ids.map((id) => {
      const row = found.get(id);
      return row ? recordOf(row.envelope, row.value) : null;
    });
  }

  async heads(ids: readonly string[]): Promise<ChangeHint[]> {
    const rows = await this.#ask(this.#statements.of("getHeads"), [ids.filter(isOwnId)], "reads");
    return rows.map(([id, version, status]) => ({
      id: id as string,
      version: Number(version),
      status: unescapeText(status as string),
    }));
  }

  async page(query: PageQuery): Promise<Page<StoredRecord>> {
    const { kind, tenant_id, statuses, key, order, limit, after, slot } = checkPage(query);
    const { created_at, id } = after ?? NO_POSITION[order];
    const values: PostgresValue[] = [
      escapeText(kind),
      escapeText(tenant_id),
      [...new Set(statuses)].map(escapeText),
      Math.min(created_at, Number.MAX_SAFE_INTEGER),
      id,
      slot ?? 0,
      slot ?? SLOT_COUNT - 1,
      limit + 1,
    ];
    if (key) values.push(escapeText(key.value));
    const rows = await this.#ask(this.#statements.page(key?.name ?? "tenant", order), values, "reads");
    const items = rows.slice(0, limit).map(([envelope, value]) => recordOf(envelope, value));
    const last = items.at(-1);
    return rows.length > limit && last ? { items, next_cursor: encodeCursor(last) } : { items };
  }

  async acquireDue({ kind, limit, lease }: DueQuery): Promise<readonly StoredRecord[]> {
    const request = this.#nextRequest();
    const now = this.#now();
    const ms = wholeMs(lease.durationMs, "durationMs");
    const escaped = escapeText(kind);
    const rows = await this.#runner.run({
      statement: this.#statements.of("acquireDue"),
      values: [now, escaped, checkLimit(limit), escapeText(lease.owner), ms, request],
      effect: "writes",
      done: (elapsedMs) => ({
        statement: this.#statements.of("acquired"),
        values: [now, escaped, ms, Math.ceil(elapsedMs) + ELAPSED_SLACK_MS, request],
      }),
    });
    return rows
      .map(([due, envelope, value]) => ({ due: Number(due), record: recordOf(envelope, value) }))
      .sort((a, b) => a.due - b.due || (a.record.id < b.record.id ? -1 : 1))
      .map(({ record }) => record);
  }

  async append(id: string, event: NewEvent): Promise<boolean> {
    if (!isOwnId(id)) return false;
    const { type, actor, reason, data } = encodeEvent(event);
    const values = [id, this.#now(), this.#nextRequest(), type, actor, reason, data];
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const [row = []] = await this.#ask(this.#statements.of("append"), values, "writes");
      const [added, known, before] = row.map(isTrue);
      if (added || before) return true;
      if (!known) return false;
    }
    throw unsettled();
  }

  async history(id: string, query: HistoryQuery = {}): Promise<Page<RecordEvent>> {
    const limit = checkLimit(query.limit);
    const after = decodeSeqCursor(query.cursor);
    if (!isOwnId(id)) return { items: [] };
    const rows = await this.#ask(this.#statements.of("getHistory"), [id, after, limit + 1], "reads");
    const items = rows.slice(0, limit).map(eventOf);
    const last = items.at(-1);
    return rows.length > limit && last ? { items, next_cursor: String(last.seq) } : { items };
  }

  async purge({
    kind,
    statuses,
    updatedBefore,
    limit,
  }: PurgeQuery): Promise<{ purged: number; more: boolean }> {
    const before = Math.ceil(Math.min(updatedBefore, Number.MAX_SAFE_INTEGER));
    const values = [escapeText(kind), [...new Set(statuses)].map(escapeText), before, checkLimit(limit)];
    const [row = []] = await this.#ask(this.#statements.of("purge"), values, "writes");
    return { purged: Number(row[0]), more: isTrue(row[1]) };
  }

  async remove(records: readonly AsRead[]): Promise<number> {
    const wanted = checkRemoval(records).filter(({ created_at }) => Number.isInteger(created_at));
    if (wanted.length === 0) return 0;
    // In one order for all, so that two of them do not wait for each other.
    const sorted = wanted.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const values = [
      sorted.map(({ id }) => id),
      sorted.map(({ version }) => String(version)),
      sorted.map(({ created_at }) => String(created_at)),
    ];
    const [row = []] = await this.#ask(this.#statements.of("remove"), values, "writes");
    return Number(row[0]);
  }

  async now(): Promise<number> {
    if (this.#clock) return this.#clock.now();
    const [row = []] = await this.#ask(this.#statements.of("now"), [], "reads");
    return Number(row[0]);
  }

  #ask(statement: Statement, values: readonly PostgresValue[], effect: Effect): Promise<readonly Row[]> {
    return this.#runner.run({ statement, values, effect });
  }

  /** Null lets the server decide. */
  #now(): number | null {
    return this.#clock ? Math.floor(this.#clock.now()) : null;
  }

  async #insert(operation: InsertOp): Promise<Committed> {
    const request = this.#nextRequest();
    const { statement, parameters, value } = shapeInsert(this.#statements, operation, this.#now(), request);
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const [row] = await this.#ask(statement, parameters, "writes");
      if (!row) continue;
      const [at, insertedBy, envelope, found] = row;
      if (at !== null) {
        const record = handOut(newEnvelope(rounded(operation), Number(at)), value ?? "{}");
        return committed({ status: "inserted", record }, record);
      }
      const record = recordOf(envelope, found);
      // This very insert, sent before and not answered.
      if (insertedBy === request) return committed({ status: "inserted", record }, record);
      return {
        result: {
          status: operation.if_exists === "abort" ? "refused" : "committed",
          results: [{ status: "exists", record }],
        },
        changes: [],
      };
    }
    throw unsettled();
  }

  async #update(operation: UpdateOp): Promise<Committed> {
    const request = this.#nextRequest();
    const { statement, parameters, value } = shapeUpdate(this.#statements, operation, this.#now(), request);
    const status = operation.optional ? "committed" : "refused";
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const [row] = await this.#ask(statement, parameters, "writes");
      if (!row) return { result: { status, results: [{ status: "missing", record: null }] }, changes: [] };
      const [requests, now, envelope, found] = row;
      const record = recordOf(envelope, found ?? value);
      if (requests === null || (requests as string).includes(request))
        return committed({ status: "updated", record }, record);
      if (guardHolds(record, operation.guard, Number(now))) continue;
      return { result: { status, results: [{ status: "stale", record }] }, changes: [] };
    }
    throw unsettled();
  }

  /** One statement, and so one moment for all of them. */
  async #reads(ops: readonly ReadOp[]): Promise<Committed> {
    const records = await this.get(ops.map(({ id }) => id));
    return {
      result: { status: "committed", results: records.map((record) => ({ status: "read", record })) },
      changes: [],
    };
  }

  async #commitOps(ops: readonly StoreOp[]): Promise<Committed> {
    const { json, texts, values } = encodeOps(ops);
    const parameters = [this.#now(), this.#nextRequest(), json, texts];
    const rows = await this.#ask(this.#statements.of("commitOps"), parameters, "writes");
    const changes: ChangeHint[] = [];
    const results = ops.map((operation, n): OpResult => {
      const [, code, , now, envelope, value] = rows[n] as Row;
      const status = STATUSES[code as string] as OpResult["status"];
      const record =
        code === "i" && operation.op === "insert"
          ? handOut(newEnvelope(rounded(operation), Number(now)), values[n] ?? "{}")
          : // It may have been inserted since: whoever is told that it was missing has not touched it (S4).
            envelope === null || code === "m"
            ? null
            : recordOf(envelope, value ?? values[n]);
      if (record && (status === "inserted" || status === "updated")) changes.push(hintOf(record));
      return { status, record };
    });
    return { result: { status: isTrue(rows[0]?.[2]) ? "refused" : "committed", results }, changes };
  }
}

function hintOf({ id, version, status }: StoredRecord): ChangeHint {
  return { id, version, status };
}

function committed(result: OpResult, record: StoredRecord): Committed {
  return { result: { status: "committed", results: [result] }, changes: [hintOf(record)] };
}

/** The operation as it was stored: columns of times hold whole milliseconds. */
function rounded(operation: InsertOp): InsertOp {
  const { record, lease } = operation;
  const due = record.due_at;
  if (
    (due === undefined || due === null || Number.isInteger(due)) &&
    (!lease || Number.isInteger(lease.durationMs))
  )
    return operation;
  return {
    ...operation,
    record: { ...record, due_at: due === undefined || due === null ? null : wholeMs(due, "due_at") },
    ...(lease && { lease: { ...lease, durationMs: wholeMs(lease.durationMs, "durationMs") } }),
  };
}

function unsettled(): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_STORE",
    `Nothing was written. Others changed the record in each of ${MAX_LOOKS} attempts.`,
  );
}
