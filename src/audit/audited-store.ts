import type {
  AsRead,
  ChangeHint,
  CommitResult,
  DueQuery,
  HistoryQuery,
  NewEvent,
  Page,
  PageQuery,
  PurgeQuery,
  RecordEvent,
  RecordStore,
  StoreCapabilities,
  StoredRecord,
  StoreOp,
  Watcher,
} from "../backends/record-store.ts";
import { checkCommit, checkRemoval } from "../backends/store-rules.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { HoldpointError } from "../core/errors.ts";
import { Known } from "./known.ts";
import { type LinkContext, linkUpdate } from "./linking.ts";
import { eventCount, idOf, Planner, readOne } from "./planner.ts";
import { needsRecord, type Plan } from "./planning.ts";
import { checkRedact, type RedactFunction, type Redactor, redactorOf, type RedactPaths } from "./redact.ts";
import { saltOf } from "./salt.ts";
import { openEvent, type Seen, visible, visibleHint } from "./seen.ts";
import { Turns } from "./turns.ts";
import { checkSalt } from "./verify/redacted.ts";

export interface AuditOptions {
  /** What the trail must not hold. All processes on one store have to declare the same. */
  readonly redact?: RedactPaths | RedactFunction | undefined;
  /**
   * 16 to 1024 characters, a secret: whoever has it can test guesses of what was redacted. Default: one that is made once and
   * kept in the store itself.
   */
  readonly salt?: string | undefined;
  /** The time in links. Default: the backend's clock. */
  readonly clock?: Clock | undefined;
}

/** A version-guarded write that lost this often has met something other than rivals. */
const MAX_ATTEMPTS = 100;

/**
 * A record store that links each event of a record to the one before it, over any other store. Whoever reads and writes
 * through it finds what he would find without it (S1 to S6), and redacted events; `readAudit` and `exportAudit` show the
 * links. All processes that write to the store have to use it.
 */
export class AuditedStore implements RecordStore {
  readonly capabilities: StoreCapabilities;
  /** @internal */
  readonly inner: RecordStore;
  readonly #options: AuditOptions;
  readonly #clock: Clock;
  readonly #known = new Known();
  readonly #turns = new Turns();
  #redactor: Promise<Redactor | null> | Redactor | null = null;

  /** @throws HoldpointError `ERR_HITL_INVALID_INPUT` for options that cannot be used */
  constructor(inner: RecordStore, options: AuditOptions = {}) {
    const { redact, salt } = options;
    if (redact !== undefined) checkRedact(redact);
    if (salt !== undefined) checkSalt(salt);
    this.inner = inner;
    this.capabilities = inner.capabilities;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    if (redact !== undefined && salt !== undefined) this.#redactor = redactorOf(redact, salt);
  }

  /** @internal Null where nothing is redacted. */
  async redactor(): Promise<Redactor | null> {
    const { redact, salt } = this.#options;
    if (redact === undefined || salt !== undefined) return this.#redactor;
    this.#redactor ??= saltOf(this.inner).then(
      (made) => (this.#redactor = redactorOf(redact, made)),
      (error: unknown) => {
        this.#redactor = null;
        throw error;
      },
    );
    return this.#redactor;
  }

  async commit(ops: readonly StoreOp[]): Promise<CommitResult> {
    checkCommit(ops);
    return this.#turns.run(ops.map(idOf), () => this.#commit(ops));
  }

  async #commit(ops: readonly StoreOp[]): Promise<CommitResult> {
    if (!ops.some((op) => op.op === "insert" || (op.op === "update" && needsRecord(op))))
      return this.#handOut(await this.#send(ops.map((op) => ({ op }))));
    const planner = new Planner(this.inner, this.#known, ops);
    const context = await this.#context();
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const plans = await planner.plans(context);
      const result = await this.#send(plans);
      if (result.status === "committed" || !planner.learn(plans, result.results))
        return this.#handOut(result);
    }
    throw contended(idOf(ops[0] as StoreOp));
  }

  async append(id: string, event: NewEvent): Promise<boolean> {
    return this.#turns.run([id], () => this.#append(id, event));
  }

  async #append(id: string, event: NewEvent): Promise<boolean> {
    let seen: Seen | null = this.#known.get(id) ?? (await readOne(this.inner, this.#known, id));
    const context = await this.#context();
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      if (seen === null) return false;
      const before = seen.head ? 0 : await eventCount(this.inner, id);
      const { head, ...said } = linkUpdate({ event }, seen, before, context, true);
      const guard = { version: seen.raw.version };
      const { results } = await this.#send([{ op: { op: "update", id, guard, ...said }, head }]);
      const [{ status, record } = { status: "missing", record: null }] = results;
      if (status === "updated") return true;
      seen = record && this.#known.learn(record);
    }
    throw contended(id);
  }

  async get(ids: readonly string[]): Promise<(StoredRecord | null)[]> {
    const found = await this.inner.get(ids);
    return found.map((raw) => raw && this.#seeing(raw));
  }

  async page(query: PageQuery): Promise<Page<StoredRecord>> {
    const { items, ...rest } = await this.inner.page(query);
    return { items: items.map((raw) => this.#seeing(raw)), ...rest };
  }

  async acquireDue(query: DueQuery): Promise<readonly StoredRecord[]> {
    return (await this.inner.acquireDue(query)).map((raw) => this.#seeing(raw));
  }

  async history(id: string, query?: HistoryQuery): Promise<Page<RecordEvent>> {
    const { items, ...rest } = await this.inner.history(id, query);
    return { items: items.map((event) => openEvent(event, id).event), ...rest };
  }

  /** Versions of hints may be ahead of the record's while another process appends events to it. */
  watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher> {
    return this.inner.watch(ids, (hint) => listener(visibleHint(hint, this.#known.get(hint.id))));
  }

  /** As that of the store below, by the time of the last change or appended event. */
  purge(query: PurgeQuery): Promise<{ readonly purged: number; readonly more: boolean }> {
    return this.inner.purge(query);
  }

  async remove(records: readonly AsRead[]): Promise<number> {
    const wanted = checkRemoval(records);
    const found = await this.inner.get(wanted.map(({ id }) => id));
    const asRead = wanted.flatMap(({ id, version, created_at }, index) => {
      const raw = found[index];
      const isSame = raw && raw.created_at === created_at && this.#known.learn(raw).version === version;
      return isSame ? [{ id, version: raw.version, created_at }] : [];
    });
    const removed = await this.inner.remove(asRead);
    for (const { id } of asRead) this.#known.forget(id);
    return removed;
  }

  now(): Promise<number> {
    return this.inner.now();
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  async #context(): Promise<LinkContext> {
    const at = this.#clock.now();
    return { at, redactor: this.#options.redact === undefined ? null : await this.redactor() };
  }

  /** The store's own results; what they show is known from now on. */
  async #send(plans: readonly Plan[]): Promise<CommitResult> {
    let result: CommitResult;
    try {
      result = await this.inner.commit(plans.map(({ op }) => op));
    } catch (error) {
      // It may have been done.
      for (const { op } of plans) this.#known.forget(idOf(op));
      throw error;
    }
    for (const [index, { status, record }] of result.results.entries()) {
      const isDone = status === "inserted" || status === "updated";
      if (record) this.#known.learn(record, isDone ? plans[index]?.head : undefined);
      else this.#known.forget(idOf(plans[index]?.op as StoreOp));
    }
    return result;
  }

  #handOut({ status, results }: CommitResult): CommitResult {
    return {
      status,
      results: results.map(({ status: one, record }) => ({
        status: one,
        record: record && visible(record, this.#known.get(record.id)),
      })),
    };
  }

  #seeing(raw: StoredRecord): StoredRecord {
    return visible(raw, this.#known.learn(raw));
  }
}

function contended(id: string): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_STORE",
    `${id} changed ${MAX_ATTEMPTS} times while a change of it was being linked; nothing was written.`,
    { details: { id } },
  );
}
