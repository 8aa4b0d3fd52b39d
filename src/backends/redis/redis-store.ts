/**
 * `RecordStore` on Redis 5 or newer: one server, a primary behind Sentinel, or a Cluster.
 *
 * A commit is one script call and one round trip; its atomicity is Redis'. How durable an acknowledged commit
 * is, is the server's setting and the option `durability`: docs/redis.md.
 */
import type { Clock } from "../../core/clock.ts";
import { slotOfId } from "../../core/ids.ts";
import type {
  AsRead,
  ChangeHint,
  CommitResult,
  DueQuery,
  HistoryQuery,
  NewEvent,
  OpResult,
  Page,
  PageQuery,
  PurgeQuery,
  RecordEvent,
  RecordStore,
  StoreCapabilities,
  StoredRecord,
  StoreOp,
  Watcher,
} from "../record-store.ts";
import {
  checkCommit,
  checkLimit,
  checkPage,
  checkRemoval,
  decodeSeqCursor,
  encodeCursor,
} from "../store-rules.ts";
import { type AnyRedisClient, isCluster } from "./client.ts";
import {
  decodeHistory,
  decodeRecord,
  encodeOps,
  EVENTS_PER_CHUNK,
  historyField,
  insertedRecord,
  packEvent,
} from "./codec.ts";
import { closedError } from "./faults.ts";
import { escapeField, statusSet } from "./fields.ts";
import type { KeySpace, ShardKeys } from "./keys.ts";
import { Link, type PlainCall, type ScriptCall } from "./link.ts";
import { openKeySpace } from "./meta.ts";
import { openClient } from "./open.ts";
import { type CheckedOptions, checkOptions, type RedisRecordStoreOptions } from "./options.ts";
import { PageReader } from "./page.ts";
import { type RepairOptions, type RepairReport, repairStore } from "./repair.ts";
import { requestIds } from "./request-ids.ts";
import { SCRIPTS } from "./scripts.generated.ts";
import { ChangeFeed } from "./watch.ts";

/** Index entries that one call of the purge script looks at: a few milliseconds of the server. */
const PURGE_BUDGET = 2000;

export class RedisRecordStore implements RecordStore {
  readonly capabilities: StoreCapabilities = {
    name: "redis",
    durable: true,
    shared: true,
    hints: "pushed",
    transactions: false,
  };
  readonly #options: CheckedOptions;
  readonly #clock: Clock | undefined;
  readonly #link: Link;
  readonly #pages: PageReader;
  readonly #feed: ChangeFeed;
  readonly #nextRequest: () => string = requestIds();
  #client: Promise<AnyRedisClient> | undefined;
  #keys: KeySpace | undefined;
  #opening: Promise<KeySpace> | undefined;

  /**
   * Connects with the first call, not before.
   *
   * @throws HoldpointError `ERR_HITL_INVALID_INPUT`
   */
  constructor(options: RedisRecordStoreOptions) {
    const checked = checkOptions(options);
    const { plan, clock, commandTimeoutMs: timeoutMs, durability } = checked;
    this.#options = checked;
    this.#clock = clock;
    const open = (): Promise<AnyRedisClient> => {
      this.#client ??= openClient(checked);
      return this.#client;
    };
    this.#link = new Link(open, { timeoutMs, durability, own: plan.kind !== "client" });
    this.#pages = new PageReader(this.#link, async () => isCluster(await open()));
    this.#feed = new ChangeFeed({
      client: open,
      read: (ids) => this.get(ids),
      timeoutMs,
      pollMs: checked.watchPollMs,
    });
  }

  async commit(ops: readonly StoreOp[]): Promise<CommitResult> {
    this.#assertOpen();
    const slot = checkCommit(ops);
    const request = this.#nextRequest();
    const { args, values } = encodeOps(ops, request);
    const shard = (this.#keys ?? (await this.#open())).ofSlot(slot);
    const reply = (await this.#link.call(
      { script: SCRIPTS.commit, keys: shard.all, args: [this.#now(), request, shard.channel, ...args] },
      "writes",
    )) as string[];
    const now = Number(reply[1]);
    return {
      status: reply[0] === "c" ? "committed" : "refused",
      results: ops.map((operation, n) =>
        resultOf(operation, reply[n + 2] as string, values[n] as string, now),
      ),
    };
  }

  async get(ids: readonly string[]): Promise<(StoredRecord | null)[]> {
    this.#assertOpen();
    const space = this.#keys ?? (await this.#open());
    const found: (StoredRecord | null)[] = ids.map(() => null);
    const asked = new Map<ShardKeys, number[]>();
    for (const [n, id] of ids.entries()) {
      const shard = space.ofId(id);
      if (!shard) continue;
      const positions = asked.get(shard);
      if (positions) positions.push(n);
      else asked.set(shard, [n]);
    }
    const calls = [...asked].map(
      ([shard, positions]): PlainCall => ["HMGET", shard.records, ...positions.map((n) => ids[n] as string)],
    );
    const replies = (await this.#link.batch(calls, "reads")) as (string | null)[][];
    for (const [call, positions] of [...asked.values()].entries()) {
      for (const [m, n] of positions.entries()) {
        const packed = replies[call]?.[m];
        if (packed) found[n] = decodeRecord(ids[n] as string, packed);
      }
    }
    return found;
  }

  async page(query: PageQuery): Promise<Page<StoredRecord>> {
    this.#assertOpen();
    const checked = checkPage(query);
    const items = await this.#pages.read(this.#keys ?? (await this.#open()), checked);
    const last = items[checked.limit - 1];
    return items.length > checked.limit && last
      ? { items: items.slice(0, checked.limit), next_cursor: encodeCursor(last) }
      : { items };
  }

  async acquireDue(query: DueQuery): Promise<readonly StoredRecord[]> {
    this.#assertOpen();
    const limit = checkLimit(query.limit);
    const kind = escapeField(query.kind);
    const owner = escapeField(query.lease.owner);
    const shards = (this.#keys ?? (await this.#open())).all();
    const peeked = (await this.#link.batch(
      shards.map(
        (shard): ScriptCall => ({
          script: SCRIPTS.peekDue,
          keys: [shard.due],
          args: [this.#now(), limit, kind],
        }),
      ),
      "reads",
    )) as string[][];
    // The oldest of all shards first; each shard gets its part of the limit.
    const oldest = peeked
      .flatMap((times, n) => times.map((time) => ({ time, n })))
      .sort((a, b) => (a.time < b.time ? -1 : 1));
    const parts = new Map<ShardKeys, number>();
    for (const { n } of oldest.slice(0, limit)) {
      const shard = shards[n] as ShardKeys;
      parts.set(shard, (parts.get(shard) ?? 0) + 1);
    }
    const request = this.#nextRequest();
    const replies = (await this.#link.batch(
      [...parts].map(
        ([shard, part]): ScriptCall => ({
          script: SCRIPTS.acquireDue,
          keys: [shard.records, shard.due, shard.claim(request)],
          args: [this.#now(), request, shard.channel, part, kind, owner, query.lease.durationMs],
        }),
      ),
      "writes",
    )) as string[][];
    const acquired: { order: string; record: StoredRecord }[] = [];
    for (const reply of replies) {
      for (let n = 0; n + 2 < reply.length; n += 3) {
        const [due, id, packed] = reply.slice(n, n + 3) as [string, string, string];
        acquired.push({ order: `${due}|${id}`, record: decodeRecord(id, packed) });
      }
    }
    return acquired.sort((a, b) => (a.order < b.order ? -1 : 1)).map(({ record }) => record);
  }

  async append(id: string, event: NewEvent): Promise<boolean> {
    this.#assertOpen();
    const shard = (this.#keys ?? (await this.#open())).ofId(id);
    if (!shard) return false;
    const args = [this.#now(), this.#nextRequest(), id, packEvent(event)];
    return (
      (await this.#link.call(
        { script: SCRIPTS.append, keys: [shard.records, shard.history], args },
        "writes",
      )) === 1
    );
  }

  async history(id: string, query: HistoryQuery = {}): Promise<Page<RecordEvent>> {
    this.#assertOpen();
    const limit = checkLimit(query.limit);
    const start = decodeSeqCursor(query.cursor);
    const shard = (this.#keys ?? (await this.#open())).ofId(id);
    if (!shard) return { items: [] };
    const first = Math.floor(start / EVENTS_PER_CHUNK);
    // One event more than asked for says whether there is another page.
    const last = Math.floor((start + limit) / EVENTS_PER_CHUNK);
    const fields = Array.from({ length: last - first + 1 }, (_, n) => historyField(id, first + n));
    // In this order, see decodeHistory.
    const [[packed], chunks] = (await this.#link.batch(
      [
        ["HMGET", shard.records, id],
        ["HMGET", shard.history, ...fields],
      ],
      "reads",
    )) as [[string | null], (string | null)[]];
    if (!packed) return { items: [] };
    const events = decodeHistory(packed, chunks, first);
    const items = events.filter(({ seq }) => seq > start && seq <= start + limit);
    return events.some(({ seq }) => seq > start + limit)
      ? { items, next_cursor: String(start + limit) }
      : { items };
  }

  async watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher> {
    this.#assertOpen();
    return this.#feed.watch(this.#keys ?? (await this.#open()), ids, listener);
  }

  async purge(query: PurgeQuery): Promise<{ purged: number; more: boolean }> {
    this.#assertOpen();
    const limit = checkLimit(query.limit);
    const kind = escapeField(query.kind);
    const statuses = statusSet(query.statuses);
    const space = this.#keys ?? (await this.#open());
    let purged = 0;
    for (const shard of space.all()) {
      let from = "";
      do {
        const args = [kind, statuses, query.updatedBefore, limit - purged, PURGE_BUDGET, from];
        const reply = await this.#link.call({ script: SCRIPTS.purge, keys: shard.all, args }, "writes");
        const [deleted, next, more] = reply as [number, string, number];
        purged += deleted;
        if (more === 1) return { purged, more: true };
        from = next;
      } while (from !== "");
    }
    return { purged, more: false };
  }

  async remove(records: readonly AsRead[]): Promise<number> {
    this.#assertOpen();
    const wanted = checkRemoval(records);
    if (wanted.length === 0) return 0;
    const space = this.#keys ?? (await this.#open());
    const args = new Map<ShardKeys, (string | number)[]>();
    for (const { id, version, created_at } of wanted) {
      const shard = space.ofSlot(slotOfId(id));
      const own = args.get(shard) ?? [];
      args.set(shard, own);
      own.push(id, version, created_at);
    }
    const calls = [...args].map(
      ([shard, own]): ScriptCall => ({ script: SCRIPTS.remove, keys: shard.all, args: own }),
    );
    const removed = (await this.#link.batch(calls, "writes")) as number[];
    return removed.reduce((total, count) => total + count, 0);
  }

  /**
   * Brings indexes, due times and histories to what the records say, for a store whose server has lost keys. Safe at
   * any time, beside everything else; looks at about `limit` entries and hands out a cursor for the rest.
   *
   * @example
   * ```ts
   * import { RedisRecordStore } from "holdpoint/backends/redis";
   *
   * export async function repairAll(store: RedisRecordStore): Promise<void> {
   *   for (let cursor: string | undefined; ; ) {
   *     const report = await store.repair(cursor === undefined ? {} : { cursor });
   *     console.log(`${report.shards_done}/${report.shards}`, report);
   *     if (report.next_cursor === undefined) return;
   *     cursor = report.next_cursor;
   *   }
   * }
   * ```
   * @throws HoldpointError `ERR_HITL_CURSOR`, `ERR_HITL_INVALID_INPUT`, `ERR_HITL_STORE`
   */
  async repair(options: RepairOptions = {}): Promise<RepairReport> {
    this.#assertOpen();
    return repairStore(this.#link, this.#keys ?? (await this.#open()), options);
  }

  async now(): Promise<number> {
    this.#assertOpen();
    if (this.#clock) return this.#clock.now();
    const [seconds, micros] = (await this.#link.call(["TIME"], "reads")) as [string, string];
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  async close(): Promise<void> {
    if (this.#link.closed) return;
    await Promise.all([this.#feed.close(), this.#link.close()]);
    if (this.#options.plan.kind === "client" || !this.#client) return;
    const client = await this.#client.catch(() => undefined);
    client?.disconnect();
  }

  #assertOpen(): void {
    if (this.#link.closed) throw closedError();
  }

  /** For ARGV: empty lets the server decide. */
  #now(): string {
    return this.#clock ? String(this.#clock.now()) : "";
  }

  async #open(): Promise<KeySpace> {
    this.#opening ??= openKeySpace(this.#link, this.#options);
    try {
      this.#keys = await this.#opening;
      return this.#keys;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}

const STATUSES: Readonly<Record<string, OpResult["status"]>> = {
  i: "inserted",
  u: "updated",
  e: "exists",
  s: "stale",
  m: "missing",
  r: "read",
  k: "skipped",
};

/** @param value The JSON that the operation brought, or empty */
function resultOf(operation: StoreOp, reply: string, value: string, now: number): OpResult {
  const status = STATUSES[reply.charAt(0)] as OpResult["status"];
  if (operation.op === "insert") {
    // The server sends the record only if it was a commit sent twice: it may have changed since.
    if (status === "inserted" && reply.length === 1)
      return { status, record: insertedRecord(operation, value, now) };
    return { status, record: recordOf(operation.record.id, reply) };
  }
  if (operation.op === "update" && status === "updated") {
    const brief = reply.endsWith("\n");
    return { status, record: decodeRecord(operation.id, reply.slice(1), brief ? value : "") };
  }
  return { status, record: recordOf(operation.id, reply) };
}

function recordOf(id: string, reply: string): StoredRecord | null {
  return reply.length === 1 ? null : decodeRecord(id, reply.slice(1));
}
