/**
 * How many questions of a policy may be open at once (docs/policy.md, "Many questions at once"). Over a cap a call is denied,
 * not queued (P8): whoever is asked too much approves without looking.
 */
import type { HITLBackend } from "../backends/hitl-backend.ts";
import { checkId, HITL_KIND, toHITLRecord } from "../backends/hitl-codec.ts";
import { POLICY_ASKS } from "../backends/kinds.ts";
import { MAX_PAGE_LIMIT, type Page, type PageQuery, type RecordStore } from "../backends/record-store.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { HoldpointError } from "../core/errors.ts";
import { slotOf } from "../core/ids.ts";
import type { HITLRecord } from "../core/record.ts";
import { HITL_STATUSES } from "../core/states.ts";
import { engineBackend } from "../suspend/configure.ts";
import type { PolicyCaps } from "./types.ts";

const MAX_CAP = 1000;
const MIN_PAGE = 50;
/** Open questions of a session that are looked at for one count. Where there are more, no more are asked. */
const MAX_LOOKED_AT = 10_000;
/** From the count until a question is recorded; its checkpoint is waited for up to 10 s. */
const RECORDED_WITHIN_MS = 30_000;
/** By which the clock of the store may differ from that of the process. */
const CLOCKS_DIFFER_MS = 5000;

const SCOPES = ["session", "tenant"] as const satisfies readonly (keyof PolicyCaps)[];
export type CapScope = keyof PolicyCaps;

/** The question that is about to be asked. */
export interface AskToCount {
  readonly session_id: string;
  /** Names the call for all time, as for grants. */
  readonly call_id: string;
  /** Of the decision. */
  readonly approved_hash: string;
  /** The model's id of the call: a question of it that is recorded already is not counted against it. */
  readonly tool_call_id?: string | undefined;
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function capsOf(given: PolicyCaps | undefined): PolicyCaps {
  if (given === undefined) return Object.freeze({});
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw invalid("caps has to be { session?, tenant? }.");
  const unknown = Object.keys(given).find((name) => !SCOPES.includes(name as CapScope));
  if (unknown !== undefined) throw invalid(`caps has no field ${JSON.stringify(unknown)}.`);
  const { session, tenant } = given;
  for (const cap of [session, tenant])
    if (cap !== undefined && !(Number.isInteger(cap) && cap >= 1 && cap <= MAX_CAP))
      throw invalid(`caps has to name whole numbers from 1 to ${MAX_CAP}.`);
  return Object.freeze({
    ...(session === undefined ? {} : { session }),
    ...(tenant === undefined ? {} : { tenant }),
  });
}

function invalid(message: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", message, { details: { option: "caps" } });
}

/**
 * Which cap a further question would break; null for none, and then it is counted from now on: for calls that run side by
 * side in this process, before their questions are recorded. Two processes that ask at the same moment may both find room.
 *
 * Counted are pending questions of type `permission` whose subject names a rule.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT`, and of the store; the call must not run then (P8)
 *
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 * import { definePolicy, openAsksOver } from "holdpoint/policy";
 *
 * const policy = definePolicy({ rules: [], caps: { session: 20, tenant: 500 } });
 * const backend = new InMemoryHITLBackend();
 *
 * export async function mayAsk(session_id: string, call_id: string): Promise<boolean> {
 *   const decision = await policy.decide({ name: "pay", args: {} });
 *   const { approved_hash } = decision;
 *   return (await openAsksOver(backend, policy.caps, { session_id, call_id, approved_hash })) === null;
 * }
 * ```
 */
export async function openAsksOver(
  backend: HITLBackend,
  caps: PolicyCaps,
  ask: AskToCount,
): Promise<CapScope | null> {
  if (caps.session === undefined && caps.tenant === undefined) return null;
  checkId(ask.session_id, "session_id");
  checkId(ask.call_id, "call_id");
  const own = engineBackend(backend);
  let asking = askings.get(own.store);
  if (!asking) askings.set(own.store, (asking = new Asking()));
  return asking.over(own, caps, ask);
}

/** What the model reads. */
export function overCapText(tool: string, over: CapScope, caps: PolicyCaps): string {
  const whose = over === "session" ? "this session" : "this tenant";
  const what = `${caps[over] ?? 0} questions of ${whose} wait for a human already, and no more may be asked`;
  return `${tool} did not run: ${what}. Do not call it again before they are answered.`;
}

/** A question that was counted, and that the store may not show yet. */
interface Announced extends AskToCount {
  readonly tenant_id: string;
  /** Epoch ms by the process. */
  readonly at: number;
}

class Asking {
  /** In the order of their times. */
  readonly #announced = new Map<string, Announced>();
  readonly #turns = new Map<string, Promise<unknown>>();

  /** One after the other for a tenant: each has to see what the one before it has announced, or the record of it. */
  over(backend: StoreHITLBackend, caps: PolicyCaps, ask: AskToCount): Promise<CapScope | null> {
    const { tenant_id } = backend;
    const run = (): Promise<CapScope | null> => this.#over(backend, caps, ask);
    const turn = (this.#turns.get(tenant_id) ?? Promise.resolve()).then(run, run);
    this.#turns.set(tenant_id, turn);
    const end = (): void => {
      if (this.#turns.get(tenant_id) === turn) this.#turns.delete(tenant_id);
    };
    turn.then(end, end);
    return turn;
  }

  async #over(backend: StoreHITLBackend, caps: PolicyCaps, ask: AskToCount): Promise<CapScope | null> {
    const now = backend.now();
    for (const [key, { at }] of this.#announced) {
      if (at + RECORDED_WITHIN_MS > now) break;
      this.#announced.delete(key);
    }
    for (const scope of SCOPES) {
      const cap = caps[scope];
      if (cap !== undefined && (await this.#isFull(backend, scope, cap, ask))) return scope;
    }
    const key = keyOf(backend.tenant_id, ask);
    this.#announced.delete(key);
    this.#announced.set(key, { ...ask, tenant_id: backend.tenant_id, at: now });
    return null;
  }

  async #isFull(backend: StoreHITLBackend, scope: CapScope, cap: number, ask: AskToCount): Promise<boolean> {
    const open = await openAsks(backend, scope, cap, ask);
    if (open === "too many") return true;
    const waiting = this.#waiting(backend.tenant_id, scope, ask);
    this.#dropRecorded(waiting, open);
    if (open.length + waiting.length < cap) return false;
    if (waiting.length === 0) return true;
    // What was announced may have been recorded meanwhile, and answered: only what is open counts.
    const since = await askedSince(backend, scope, Math.min(...waiting.map(({ at }) => at)), ask);
    this.#dropRecorded(waiting, since);
    const known = new Set(open.map(({ hitl_id }) => hitl_id));
    const isOpen = (record: HITLRecord): boolean =>
      record.status === "pending" && !known.has(record.hitl_id) && !isOwn(record, ask);
    return open.length + since.filter(isOpen).length + waiting.length >= cap;
  }

  #waiting(tenant_id: string, scope: CapScope, ask: AskToCount): Announced[] {
    const own = keyOf(tenant_id, ask);
    return [...this.#announced]
      .filter(([key, one]) => key !== own && one.tenant_id === tenant_id)
      .map(([, one]) => one)
      .filter(({ session_id }) => scope === "tenant" || session_id === ask.session_id);
  }

  /** Each record is that of one announced question at most. */
  #dropRecorded(waiting: Announced[], records: readonly HITLRecord[]): void {
    for (const record of records) {
      const index = waiting.findIndex((one) => isRecordOf(record, one));
      if (index < 0) continue;
      const [found] = waiting.splice(index, 1);
      if (found) this.#announced.delete(keyOf(found.tenant_id, found));
    }
  }
}

/** By store, and so by test. */
const askings = new WeakMap<RecordStore, Asking>();

function keyOf(tenant_id: string, { session_id, call_id }: AskToCount): string {
  return JSON.stringify([tenant_id, session_id, call_id]);
}

function isPolicyAsk({ hitl_type, subject }: HITLRecord): boolean {
  return hitl_type === "permission" && subject?.rule_id !== undefined;
}

function isOf({ session_id, tool_call_id, subject }: HITLRecord, ask: AskToCount): boolean {
  const isCall = (tool_call_id ?? undefined) === ask.tool_call_id;
  return isCall && session_id === ask.session_id && subject?.approved_hash === ask.approved_hash;
}

function isOwn(record: HITLRecord, ask: AskToCount): boolean {
  return ask.tool_call_id !== undefined && isOf(record, ask);
}

function isRecordOf(record: HITLRecord, announced: Announced): boolean {
  return isOf(record, announced) && record.created_at >= announced.at - CLOCKS_DIFFER_MS;
}

/** As many as the cap, at most; without that of the call itself. */
async function openAsks(
  backend: StoreHITLBackend,
  scope: CapScope,
  cap: number,
  ask: AskToCount,
): Promise<readonly HITLRecord[] | "too many"> {
  const limit = Math.min(MAX_PAGE_LIMIT, Math.max(MIN_PAGE, cap));
  const found: HITLRecord[] = [];
  let cursor: string | undefined;
  for (let looked = 0; looked < MAX_LOOKED_AT; looked += limit) {
    const { items, next_cursor } = await asks(backend, scope, ask, { statuses: ["pending"], limit, cursor });
    found.push(...items.filter((record) => record.status === "pending" && !isOwn(record, ask)));
    if (found.length >= cap) return "too many";
    cursor = next_cursor;
    if (cursor === undefined) return found;
  }
  return "too many";
}

/** Those that were recorded since then, ended or not. */
async function askedSince(
  backend: StoreHITLBackend,
  scope: CapScope,
  at: number,
  ask: AskToCount,
): Promise<HITLRecord[]> {
  const query = { statuses: HITL_STATUSES, order: "newest", limit: MIN_PAGE } as const;
  const found: HITLRecord[] = [];
  let cursor: string | undefined;
  for (let looked = 0; looked < MAX_LOOKED_AT; looked += MIN_PAGE) {
    const { items, next_cursor, oldest } = await asks(backend, scope, ask, { ...query, cursor });
    found.push(...items);
    cursor = next_cursor;
    if (cursor === undefined || (oldest !== undefined && oldest < at - CLOCKS_DIFFER_MS)) break;
  }
  return found;
}

interface AsksPage extends Page<HITLRecord> {
  /** When the last record of the page was made, whatever it asks. */
  readonly oldest: number | undefined;
}

/** The policy's questions on a page of the index: in a session among others, in a tenant by themselves. */
async function asks(
  backend: StoreHITLBackend,
  scope: CapScope,
  { session_id }: AskToCount,
  query: Pick<PageQuery, "statuses" | "order" | "limit" | "cursor">,
): Promise<AsksPage> {
  const { store, tenant_id } = backend;
  const where: Pick<PageQuery, "key" | "slot"> =
    scope === "session"
      ? { key: { name: "session", value: session_id }, slot: slotOf(tenant_id, session_id) }
      : { key: { name: "alias", value: POLICY_ASKS } };
  const { items, next_cursor } = await store.page({ kind: HITL_KIND, tenant_id, ...query, ...where });
  const settled = await Promise.all(items.map((item) => backend.settled(item)));
  const records = settled.map(toHITLRecord).filter(isPolicyAsk);
  const oldest = items.at(-1)?.created_at;
  return { items: records, oldest, ...(next_cursor === undefined ? {} : { next_cursor }) };
}
