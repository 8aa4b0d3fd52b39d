/** `PolicyGrants`: standing approvals. Given by an answer, listed, used, revoked (docs/policy.md, "Grants"). */
import type { HITLBackend, PageOptions } from "../backends/hitl-backend.ts";
import { checkActor, checkId } from "../backends/hitl-codec.ts";
import { GRANT_KIND } from "../backends/kinds.ts";
import type { OpResult, Page, PageQuery, RecordEvent, StoredRecord } from "../backends/record-store.ts";
import { expireGrantOp, isLiveGrant } from "../backends/retention/grants.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { HoldpointError } from "../core/errors.ts";
import { defaultRandomId, isOwnId, makeRandomId, type RandomId } from "../core/ids.ts";
import { toJsonObject } from "../core/json.ts";
import type { Actor } from "../core/record.ts";
import { GRANT_STATUSES, type GrantStatus } from "../core/states.ts";
import { engineBackend } from "../suspend/configure.ts";
import { grantOfAnswer } from "./answered.ts";
import { type ArgsPattern, argsPatternOf } from "./args-pattern.ts";
import {
  type Grant,
  grantIdOf,
  type GrantValue,
  grantValueOf,
  newGrantValue,
  scopeSlot,
  toGrant,
} from "./grant-record.ts";
import { durationOf, usesOf } from "./grant-terms.ts";
import { GrantUses } from "./grant-uses.ts";
import { grantOp, revokeOp } from "./grant-writes.ts";
import { GRANT_SCOPES, type GrantScope, type GrantUser, type PolicyAsk } from "./types.ts";

export interface PolicyGrantsOptions {
  readonly backend: HITLBackend;
  readonly randomId?: RandomId | undefined;
}

/** A grant that somebody gives without having been asked. */
export interface GrantRequest {
  readonly scope: GrantScope;
  /** The session or the user; none for the scope `tenant`. */
  readonly scope_id?: string | undefined;
  readonly tool: string;
  /** Default: any arguments. Globs are yours; a list in the arguments has to fit with all of its entries. */
  readonly args?: ArgsPattern | undefined;
  /** The rule that would ask, as in `policy.rules`. */
  readonly rule_id: string;
  readonly rule_version: string;
  /** 1 to 1000. Default: any number. */
  readonly uses?: number | undefined;
  readonly expiresInMs?: number | undefined;
  readonly actor?: Actor | undefined;
}

/** One of `session_id` and `user_id`, or none for all of the tenant. */
export interface ListGrantsQuery extends PageOptions {
  readonly session_id?: string | undefined;
  readonly user_id?: string | undefined;
  readonly status?: GrantStatus | readonly GrantStatus[] | undefined;
}

export interface GrantUsed {
  readonly grant: Grant;
  /** The call had used the grant before: it is executed again. */
  readonly repeated: boolean;
}

export type RevokeGrantResult =
  | { readonly status: "revoked"; readonly grant: Grant }
  /** It had been revoked, or had expired. */
  | { readonly status: "conflict"; readonly grant: Grant }
  | { readonly status: "not_found"; readonly grant?: undefined };

const LIST_FIELDS: ReadonlySet<string> = new Set([
  "session_id",
  "user_id",
  "status",
  "order",
  "limit",
  "cursor",
] satisfies (keyof (ListGrantsQuery & PageQuery) | "session_id" | "user_id" | "status")[]);

function invalid(message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}

/**
 * The grants of a tenant, in the store of its backend. They are read from the store for each call: a revocation stops the
 * very next one.
 *
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 * import { definePolicy, PolicyGrants } from "holdpoint/policy";
 *
 * const grants = new PolicyGrants({ backend: new InMemoryHITLBackend() });
 * const { rules } = definePolicy({ rules: [{ id: "mail", for: "send_mail", verdict: "ask" }] });
 * const [mail] = rules;
 *
 * export const grant = await grants.create({
 *   scope: "user",
 *   scope_id: "ann",
 *   tool: "send_mail",
 *   args: { to: "*@example.com" },
 *   rule_id: "mail",
 *   rule_version: mail?.version ?? "",
 *   uses: 10,
 * });
 * ```
 */
export class PolicyGrants {
  readonly #backend: StoreHITLBackend;
  readonly #randomId: RandomId;

  constructor({ backend, randomId = defaultRandomId }: PolicyGrantsOptions) {
    this.#backend = engineBackend(backend);
    this.#randomId = randomId;
  }

  /** @throws HoldpointError `ERR_HITL_INVALID_INPUT`; nothing was written */
  async create(request: GrantRequest): Promise<Grant> {
    const { scope, tool, rule_id, rule_version, args = {} } = request;
    if (!GRANT_SCOPES.includes(scope)) invalid(`scope has to be one of ${GRANT_SCOPES.join(", ")}.`);
    if (scope === "tenant" && request.scope_id !== undefined)
      invalid("A grant for a tenant has no scope_id.");
    const scope_id = scope === "tenant" ? null : checkId(request.scope_id, "scope_id");
    const expiresInMs = durationOf(request.expiresInMs, "A grant");
    const value = newGrantValue({
      scope,
      scope_id,
      tool: checkId(tool, "tool"),
      args: toJsonObject(argsPatternOf(args, "args").data, "args"),
      rule_id: checkId(rule_id, "rule_id"),
      rule_version: checkId(rule_version, "rule_version"),
      uses: usesOf(request.uses, "A grant"),
      expires_at: expiresInMs === null ? null : (await this.#backend.store.now()) + expiresInMs,
      granted_by: checkActor(request.actor) ?? null,
      hitl_id: null,
    });
    const slot = scopeSlot(this.#backend.tenant_id, scope, scope_id);
    return toGrant((await this.#insert(makeRandomId("grant", slot, this.#randomId), value)).stored);
  }

  /**
   * The grant that an answered question gives. Whoever reads the answer may call it: there is one grant, however often.
   * Null if the answer gives none, or there is no such question.
   */
  async fromAnswer(hitl_id: string): Promise<Grant | null> {
    const record = await this.#backend.get(hitl_id);
    const value = record && grantOfAnswer(record);
    if (!value) return null;
    const { tenant_id } = this.#backend;
    const slot = scopeSlot(tenant_id, value.scope, value.scope_id);
    const { stored, isNew } = await this.#insert(grantIdOf(tenant_id, slot, record.hitl_id), value);
    if (isNew && !(await this.#backend.find(record.hitl_id))) return this.#takeBack(stored);
    return toGrant(stored);
  }

  /**
   * Its question was removed since it was read, and with it the grant that it had given, which may have been revoked: that one
   * must not come back (P8).
   */
  async #takeBack(stored: StoredRecord): Promise<null> {
    await this.#backend.store.commit([
      revokeOp(stored, undefined, "its question is gone", this.#backend.retention),
    ]);
    return null;
  }

  /**
   * Allows a call that the policy asks about, if a grant does, and counts it: once for a `call_id`, however often it is
   * executed. Null: ask. Nothing is allowed at high risk.
   *
   * @throws HoldpointError of the store; the call must not run then (P8)
   */
  async consume(ask: PolicyAsk, by: GrantUser): Promise<GrantUsed | null> {
    if (ask.verdict !== "ask")
      invalid("A grant is looked up for what the policy asks about, and nothing else.");
    if (ask.question.request.data?.["risk_level"] === "high") return null;
    const user: GrantUser = {
      call_id: checkId(by.call_id, "call_id"),
      session_id: checkId(by.session_id, "session_id"),
      ...(by.user_id === undefined ? {} : { user_id: checkId(by.user_id, "user_id") }),
    };
    const used = await new GrantUses(this.#backend, ask, user).take();
    return used && { grant: toGrant(used.stored), repeated: used.repeated };
  }

  async get(grant_id: string): Promise<Grant | null> {
    const stored = await this.#find(grant_id);
    return stored && toGrant(await this.#settled(stored));
  }

  /** @throws HoldpointError `ERR_HITL_INVALID_INPUT`, `ERR_HITL_CURSOR` */
  async list(query: ListGrantsQuery = {}): Promise<Page<Grant>> {
    const { session_id, user_id, status = GRANT_STATUSES, order, limit, cursor } = query;
    const unknown = Object.keys(query).find((name) => !LIST_FIELDS.has(name));
    if (unknown !== undefined || (session_id !== undefined && user_id !== undefined))
      invalid("Grants are listed by session_id, by user_id, or all of the tenant.");
    const statuses = typeof status === "string" ? [status] : status;
    const bad = statuses.find((name) => !GRANT_STATUSES.includes(name));
    if (bad !== undefined) invalid(`There is no status "${bad}"; there are ${GRANT_STATUSES.join(", ")}.`);
    const key =
      session_id === undefined
        ? user_id !== undefined && ({ name: "assignee", value: checkId(user_id, "user_id") } as const)
        : ({ name: "session", value: checkId(session_id, "session_id") } as const);
    const page = await this.#backend.store.page({
      kind: GRANT_KIND,
      tenant_id: this.#backend.tenant_id,
      statuses,
      ...(key ? { key } : {}),
      ...(order ? { order } : {}),
      ...(limit === undefined ? {} : { limit }),
      cursor,
    });
    const settled = await Promise.all(page.items.map((item) => this.#settled(item)));
    const items = settled.map(toGrant).filter((grant) => statuses.includes(grant.status));
    return page.next_cursor === undefined ? { items } : { items, next_cursor: page.next_cursor };
  }

  /** What became of a grant: `granted`, each `used`, `revoked`, `expired`, with who and when. */
  async history(
    grant_id: string,
    page: { limit?: number; cursor?: string } = {},
  ): Promise<Page<RecordEvent>> {
    const stored = await this.#find(grant_id);
    return stored ? this.#backend.store.history(stored.id, page) : { items: [] };
  }

  /** The very next call is asked about, and one that has used the grant, too, if it is executed again. */
  async revoke(
    grant_id: string,
    { actor, reason = "revoked" }: { readonly actor?: Actor; readonly reason?: string } = {},
  ): Promise<RevokeGrantResult> {
    const stored = await this.#find(grant_id);
    if (!stored) return { status: "not_found" };
    const { status, results } = await this.#backend.store.commit([
      revokeOp(stored, checkActor(actor), reason, this.#backend.retention),
    ]);
    const record = results[0]?.record;
    if (!record) return { status: "not_found" };
    if (status === "committed") return { status: "revoked", grant: toGrant(record) };
    return { status: "conflict", grant: toGrant(await this.#settled(record)) };
  }

  async #insert(id: string, value: GrantValue): Promise<{ stored: StoredRecord; isNew: boolean }> {
    const { store, tenant_id } = this.#backend;
    const { results } = await store.commit([grantOp(id, tenant_id, value)]);
    const [{ status, record }] = results as readonly [OpResult];
    return { stored: record as StoredRecord, isNew: status === "inserted" };
  }

  async #find(grant_id: string): Promise<StoredRecord | null> {
    if (!isOwnId(grant_id)) return null;
    const { store, tenant_id } = this.#backend;
    const [stored] = await store.get([grant_id]);
    return stored?.kind === GRANT_KIND && stored.tenant_id === tenant_id ? stored : null;
  }

  /** One whose deadline has passed is shown as what it is; the store's clock decides. */
  async #settled(stored: StoredRecord): Promise<StoredRecord> {
    const { expires_at } = grantValueOf(stored);
    if (!isLiveGrant(stored.status) || expires_at === null || expires_at > this.#backend.now()) return stored;
    const { results } = await this.#backend.store.commit([expireGrantOp(stored.id, this.#backend.retention)]);
    return results[0]?.record ?? stored;
  }
}
