/**
 * `HITLBackend` over any `RecordStore`: create, answer, cancel, expire, list, wait. The transitions keep
 * P3 (validate before commit), P4 (first valid answer wins), P5 (one atomic operation each) and P8 (expiry
 * never approves by itself).
 */
import type { Clock } from "../core/clock.ts";
import { HoldpointError, isHoldpointError } from "../core/errors.ts";
import { hashJson } from "../core/ids.ts";
import { assertJsonSize, type JsonValue, toJson } from "../core/json.ts";
import { DEFAULT_TENANT, type HITLRecord } from "../core/record.ts";
import type { StandardSchema } from "../core/response-schema.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import type {
  CancelOptions,
  CancelResult,
  CreateRequest,
  CreateResult,
  HITLBackend,
  ListQuery,
  PageOptions,
  RespondOptions,
  RespondResult,
  WaitOptions,
} from "./hitl-backend.ts";
import {
  checkActor,
  checkId,
  HITL_KIND,
  hitlValue,
  insertedRecord,
  type PreparedRecord,
  prepareRecord,
  toHITLRecord,
  toStoredRecord,
} from "./hitl-codec.ts";
import { answered, type AnsweredBy, answerOp, ended, expiryOf } from "./hitl-transitions.ts";
import { MAX_PAGE_LIMIT } from "./record-store.ts";
import type {
  NewEvent,
  OpResult,
  Page,
  Patch,
  RecordEvent,
  RecordStore,
  StoredRecord,
  StoreOp,
} from "./record-store.ts";
import { claimAlias, findRecord, withOwnId } from "./aliases.ts";
import { BackendState, type StoreBackendOptions } from "./backend-state.ts";
import { pageQueryOf } from "./list-query.ts";
import type { Retention } from "./retention/options.ts";
import { sweep } from "./retention/sweep.ts";
import type { SweepOptions, SweepResult } from "./retention/sweeping.ts";
import { waitForRecord } from "./wait-for.ts";

export type { StoreBackendOptions };

/** A version-guarded write that lost this often has met something other than rivals. */
const MAX_ATTEMPTS = 20;

export class StoreHITLBackend implements HITLBackend {
  readonly store: RecordStore;
  readonly tenant_id: string;
  readonly #shared: BackendState;
  readonly #isView: boolean;
  /** @internal What is around the store of the backend, outermost last: whoever writes beside it needs the same. */
  readonly around: readonly string[];

  constructor(
    store: RecordStore,
    options: StoreBackendOptions = {},
    view?: { tenant_id: string; shared: unknown },
    around: readonly string[] = [],
  ) {
    this.store = store;
    this.around = around;
    this.#isView = view !== undefined;
    this.tenant_id = view?.tenant_id ?? DEFAULT_TENANT;
    this.#shared =
      (view?.shared as BackendState | undefined) ??
      new BackendState(store, options, (sweeping) => this.sweep(sweeping));
  }

  forTenant(tenant_id: string): HITLBackend {
    return new StoreHITLBackend(
      this.store,
      {},
      { tenant_id: checkId(tenant_id, "tenant_id"), shared: this.#shared },
      this.around,
    );
  }

  /** @internal The same backend over a store around this one's. It takes this one's place, which sweeps no more. */
  over(name: string, wrap: (store: RecordStore, clock: Clock) => RecordStore): StoreHITLBackend {
    const { clock, options, janitor } = this.#shared;
    void janitor.stop();
    const around = [...this.around, name];
    const backend = new StoreHITLBackend(wrap(this.store, clock), options, undefined, around);
    return this.#isView ? (backend.forTenant(this.tenant_id) as StoreHITLBackend) : backend;
  }

  /** Epoch milliseconds by the backend's clock. */
  now(): number {
    return this.#shared.clock.now();
  }

  async create(request: CreateRequest): Promise<CreateResult> {
    const given = request.hitl_id;
    let prepared = this.prepare(request);
    let reserved: string | undefined;
    if (given !== undefined && prepared.id !== given) {
      const target = await claimAlias(this.store, this.tenant_id, given, prepared);
      if (target !== prepared.id) reserved = given;
      prepared = withOwnId(given, this.prepare(request, { id: target }));
    }
    const { results } = await this.store.commit([prepared.insert]);
    const stored = results[0]?.record as StoredRecord;
    if (stored.tenant_id !== this.tenant_id || stored.kind !== HITL_KIND) {
      throw new HoldpointError("ERR_HITL_CONFLICT", "The hitl_id is taken by another record.", {
        details: { hitl_id: given },
      });
    }
    if (results[0]?.status === "inserted") {
      // The record that had the id is gone: so may its alias be, if a sweep took both in this moment.
      if (reserved !== undefined) await this.#reserveAgain(reserved, prepared);
      this.remember(stored, prepared.standard);
      return { status: "created", record: insertedRecord(stored, prepared) };
    }
    return { status: "exists", record: toHITLRecord(await this.settled(stored)) };
  }

  /** The record is there already: what fails here must not say that nothing was written. */
  async #reserveAgain(hitl_id: string, prepared: PreparedRecord): Promise<void> {
    try {
      await claimAlias(this.store, this.tenant_id, hitl_id, prepared);
    } catch (cause) {
      if (!isHoldpointError(cause, "ERR_HITL_STORE")) throw cause;
      const text = `The question is recorded, its id ${hitl_id} is not. Send the same request again.`;
      throw new HoldpointError("ERR_HITL_INDETERMINATE", text, { cause });
    }
  }

  /** @internal Checks a request and makes its insert, for a caller that commits it together with other operations. */
  prepare(
    request: CreateRequest,
    identity: { readonly id?: string; readonly alias?: string } = {},
  ): PreparedRecord {
    const { limits, randomId, janitor } = this.#shared;
    janitor.start();
    return prepareRecord(request, { tenant_id: this.tenant_id, limits, randomId, ...identity });
  }

  /** @internal Notes a pending record that was just written, and the schema to check its answer with in this process. */
  remember(stored: StoredRecord, standard?: StandardSchema): void {
    this.#shared.remember(stored, standard);
  }

  async get(hitl_id: string): Promise<HITLRecord | null> {
    const stored = await this.find(hitl_id);
    return stored ? toHITLRecord(await this.settled(stored)) : null;
  }

  /** @internal The stored record behind an id of ours, a caller's own id, or an alias that only one thread uses. */
  find(hitl_id: string, thread_id?: string): Promise<StoredRecord | null> {
    return findRecord(this.store, this.tenant_id, hitl_id, thread_id);
  }

  async respond(
    hitl_id: string,
    user_response: unknown,
    options: RespondOptions = {},
  ): Promise<RespondResult> {
    return this.respondWith(hitl_id, user_response, options, [[]]);
  }

  /**
   * @internal As `respond`, with further operations in the atomic write that accepts the answer: the first of
   * `choices` that nothing speaks against. The last may hold `optional` ones only.
   */
  async respondWith(
    hitl_id: string,
    user_response: unknown,
    options: RespondOptions,
    choices: readonly (readonly StoreOp[])[],
    onCommit?: (answered: OpResult, beside: readonly OpResult[]) => void,
  ): Promise<RespondResult> {
    this.#shared.janitor.start();
    let choice = 0;
    const actor = checkActor(options.actor);
    const answer = toJson(user_response, "user_response", this.#shared.limits);
    const idempotency_key =
      options.idempotency_key === undefined
        ? `answer:${hashJson(answer)}`
        : checkId(options.idempotency_key, "idempotency_key");
    let stored = this.#given(hitl_id, options.record) ?? this.recall(hitl_id);
    const guessed = stored !== null;
    stored ??= await this.find(hitl_id);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      if (stored === null) return { status: "not_found" };
      const outcome = answered(stored, answer);
      if (outcome) return outcome;
      const checked = this.#shared.refusal(stored, answer, actor);
      const refused = checked instanceof Promise ? await checked : checked;
      if (refused) {
        // What was remembered may have been answered meanwhile, or have expired: that outranks who answers, and what.
        const found: StoredRecord | null = guessed && attempt === 0 ? await this.#read(stored.id) : stored;
        const current: StoredRecord | null = found && (await this.settled(found));
        if (current?.version === stored.version) return refused;
        stored = current;
        continue;
      }
      try {
        const { status, results } = await this.#accept(
          stored,
          answer,
          { actor, idempotency_key },
          choices[choice] ?? [],
        );
        const [own, ...beside] = results;
        const record = own?.record ?? null;
        if (status === "committed" && record) {
          this.#shared.forget(stored.id);
          onCommit?.(own as OpResult, beside);
          return { status: "accepted", record: toHITLRecord(record) };
        }
        if (own?.status === "skipped") {
          choice += 1;
          continue;
        }
        this.#shared.forget(stored.id);
        stored = record && record.version === stored.version ? await this.#expire(record) : record;
      } catch (error) {
        if (!isHoldpointError(error, "ERR_HITL_INDETERMINATE")) throw error;
        return stored
          ? { status: "indeterminate", record: toHITLRecord(stored) }
          : { status: "indeterminate" };
      }
    }
    throw new HoldpointError(
      "ERR_HITL_STORE",
      `${hitl_id} changed ${MAX_ATTEMPTS} times while it was being answered.`,
    );
  }

  async cancel(hitl_id: string, options: CancelOptions = {}): Promise<CancelResult> {
    this.#shared.janitor.start();
    const actor = checkActor(options.actor);
    const reason = options.reason ?? "cancelled";
    let stored = await this.find(hitl_id);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      if (!stored) return { status: "not_found" };
      if (isTerminalHITLStatus(stored.status)) return { status: "conflict", record: toHITLRecord(stored) };
      const patch = { status: "cancelled", value: { ...hitlValue(stored), reason } };
      const event = { type: "cancelled", actor, reason };
      const { status, record } = await this.#transition(stored, patch, event, { not_due: true });
      if (status === "updated" && record) return { status: "cancelled", record: toHITLRecord(record) };
      stored = record && record.version === stored.version ? await this.#expire(record) : record;
    }
    throw new HoldpointError(
      "ERR_HITL_STORE",
      `${hitl_id} changed ${MAX_ATTEMPTS} times while it was being cancelled.`,
    );
  }

  async getPendingBySession(session_id: string, page: PageOptions = {}): Promise<Page<HITLRecord>> {
    return this.list({ ...page, session_id, status: "pending" });
  }

  async getPendingByInvocation(invocation_id: string, page: PageOptions = {}): Promise<Page<HITLRecord>> {
    return this.list({ ...page, invocation_id, status: "pending" });
  }

  async getByThread(thread_id: string, page: PageOptions = {}): Promise<Page<HITLRecord>> {
    return this.list({ ...page, thread_id });
  }

  async getByCheckpoint(checkpoint_id: string): Promise<HITLRecord | null> {
    return (await this.list({ checkpoint_id, order: "newest", limit: 1 })).items[0] ?? null;
  }

  async getByCallback(callback_id: string): Promise<HITLRecord | null> {
    return (await this.list({ callback_id, order: "newest", limit: 1 })).items[0] ?? null;
  }

  async list(query: ListQuery): Promise<Page<HITLRecord>> {
    const request = pageQueryOf(query, this.tenant_id);
    const { items, next_cursor } = await this.store.page(request);
    const settled = await Promise.all(items.map((item) => this.settled(item)));
    const records = settled.filter((item) => request.statuses.includes(item.status)).map(toHITLRecord);
    return next_cursor === undefined ? { items: records } : { items: records, next_cursor };
  }

  /** @internal The open questions of a thread; reading them lets passed deadlines take effect. */
  async openInThread(thread_id: string, slot: number): Promise<readonly HITLRecord[]> {
    const { items } = await this.store.page({
      kind: HITL_KIND,
      tenant_id: this.tenant_id,
      statuses: ["pending"],
      key: { name: "thread", value: thread_id },
      slot,
      limit: MAX_PAGE_LIMIT,
    });
    const settled = await Promise.all(items.map((item) => this.settled(item)));
    return settled.filter((item) => item.status === "pending").map(toHITLRecord);
  }

  async history(hitl_id: string, page: { limit?: number; cursor?: string } = {}): Promise<Page<RecordEvent>> {
    const stored = await this.find(hitl_id);
    return stored ? this.store.history(stored.id, page) : { items: [] };
  }

  async waitFor(hitl_id: string, options: WaitOptions = {}): Promise<HITLRecord> {
    const stored = await this.find(hitl_id);
    if (!stored)
      throw new HoldpointError("ERR_HITL_NOT_FOUND", `There is no HITL record ${hitl_id}.`, {
        details: { hitl_id },
      });
    return waitForRecord(this, stored.id, options, this.#shared.clock);
  }

  async sweep(options: SweepOptions = {}): Promise<SweepResult> {
    const expire = async (question: StoredRecord): Promise<void> => {
      await this.#expire(question, { lease: "release" });
    };
    return sweep({ store: this.store, retention: this.retention, expire }, options);
  }

  async close(): Promise<void> {
    if (this.#isView) return;
    await this.#shared.janitor.stop();
    await this.store.close();
  }

  /** @internal How long what ends is kept. */
  get retention(): Retention {
    return this.#shared.retention;
  }

  /** @internal A pending record as this process last saw it; a guess that every write checks. */
  recall(hitl_id: string): StoredRecord | null {
    const stored = this.#shared.recall(hitl_id);
    return stored?.tenant_id === this.tenant_id ? stored : null;
  }

  /** The record that the caller has: its age does not matter, every write checks its version. */
  #given(hitl_id: string, record: HITLRecord | undefined): StoredRecord | null {
    if (record?.hitl_id !== hitl_id || record.tenant_id !== this.tenant_id || record.status !== "pending")
      return null;
    return toStoredRecord(record);
  }

  async #read(id: string): Promise<StoredRecord | null> {
    return (await this.store.get([id]))[0] ?? null;
  }

  #accept(
    stored: StoredRecord,
    answer: JsonValue,
    by: AnsweredBy,
    beside: readonly StoreOp[],
  ): ReturnType<RecordStore["commit"]> {
    const { clock, retention, limits } = this.#shared;
    const op = answerOp(stored, answer, by, clock.now(), retention);
    assertJsonSize(op.patch.value, "the record with its answer", limits);
    return this.store.commit([op, ...beside]);
  }

  /** @internal Brings a pending record whose deadline has passed to what `on_expire` says; others are returned as they are. */
  async settled(stored: StoredRecord): Promise<StoredRecord> {
    if (stored.status !== "pending" || stored.due_at === null || stored.due_at > this.#shared.clock.now())
      return stored;
    return (await this.#expire(stored)) ?? stored;
  }

  async #expire(stored: StoredRecord, more: Patch = {}): Promise<StoredRecord | null> {
    const { patch, event } = expiryOf(stored, this.#shared.clock.now());
    return (await this.#transition(stored, { ...patch, ...more }, event, { due: true })).record;
  }

  async #transition(
    stored: StoredRecord,
    patch: Patch,
    event: NewEvent,
    guard: { readonly due?: true; readonly not_due?: true },
  ): Promise<{ status: string; record: StoredRecord | null }> {
    this.#shared.forget(stored.id);
    const { status } = patch;
    const { results } = await this.store.commit([
      {
        op: "update",
        id: stored.id,
        guard: { status: ["pending"], version: stored.version, ...guard },
        patch: status === undefined ? patch : { ...patch, ...ended(stored, status, this.retention) },
        event,
      },
    ]);
    return results[0] ?? { status: "missing", record: null };
  }
}
