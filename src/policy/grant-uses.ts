/**
 * A call that the policy asks about, allowed by a grant: at most as often as the grant says, and once for a call, however
 * often it is executed, in whatever process (docs/policy.md, "Grants"). Nothing is remembered between two calls.
 */
import { GRANT_KIND } from "../backends/kinds.ts";
import type { StoredRecord } from "../backends/record-store.ts";
import { expireGrantOp, isLiveGrant } from "../backends/retention/grants.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { HoldpointError } from "../core/errors.ts";
import { cloneJson, type JsonObject } from "../core/json.ts";
import { slotOfId } from "../core/ids.ts";
import { argsPatternOf } from "./args-pattern.ts";
import { choiceId, type GrantValue, grantValueOf, bindingKey, scopeSlot, useId } from "./grant-record.ts";
import { choiceOp, type Keeping, useOps } from "./grant-writes.ts";
import type { GrantScope, GrantUser, PolicyAsk } from "./types.ts";

/** Each of its rounds means that somebody else has used the grant: a grant has at most 1000 uses. */
const MAX_ROUNDS = 2000;

interface Used {
  readonly stored: StoredRecord;
  readonly repeated: boolean;
}

export class GrantUses {
  readonly #backend: StoreHITLBackend;
  readonly #ask: PolicyAsk;
  readonly #by: GrantUser;
  readonly #scopes: readonly (readonly [GrantScope, string | null])[];

  constructor(backend: StoreHITLBackend, ask: PolicyAsk, by: GrantUser) {
    this.#backend = backend;
    this.#ask = ask;
    this.#by = by;
    this.#scopes = [
      ["session", by.session_id],
      ...(by.user_id === undefined ? [] : [["user", by.user_id] as const]),
      ["tenant", null],
    ];
  }

  /** Null if no grant allows the call. */
  async take(): Promise<Used | null> {
    const { session_id, call_id } = this.#by;
    const { store, tenant_id } = this.#backend;
    const choice_id = choiceId(tenant_id, session_id, call_id);
    // What speaks against a grant is final, so it is asked once.
    const failed = new Set<string>();
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const [[choice = null], candidates] = await Promise.all([store.get([choice_id]), this.#candidates()]);
      const chosen = choice?.value["grant_id"];
      if (typeof chosen === "string" && !failed.has(chosen)) {
        const used = await this.#useChosen(chosen);
        if (used) return used;
        failed.add(chosen);
      }
      const next = candidates.find(({ id }) => !failed.has(id));
      if (!next) {
        // The choice was read beside the grants: another execution may have used the last one in between.
        const [now = null] = await store.get([choice_id]);
        if (now?.version === choice?.version) return null;
        continue;
      }
      const used = await this.#chooseAndUse(choice_id, choice, next);
      if (used === "lost") continue;
      if (used) return used;
      failed.add(next.id);
    }
    throw busy(call_id);
  }

  /** `lost`: another execution of the call has chosen, and its choice counts. */
  async #chooseAndUse(
    choice_id: string,
    before: StoredRecord | null,
    grant: StoredRecord,
  ): Promise<Used | "lost" | null> {
    const { store, tenant_id } = this.#backend;
    const { call_id } = this.#by;
    const choice = choiceOp(choice_id, tenant_id, before, { call_id, grant_id: grant.id }, this.#keeping());
    if (slotOfId(choice_id) === slotOfId(grant.id)) {
      const { status, results } = await store.commit([
        choice,
        ...useOps(grant, this.#useIdOf(grant.id), this.#by, this.#keeping()),
      ]);
      const stored = results[2]?.record;
      if (status === "committed" && stored) return { stored, repeated: false };
      // Something has changed since it was read. One by one it shows what.
    }
    if ((await store.commit([choice])).status !== "committed") return "lost";
    return this.#use(grant, undefined);
  }

  /** Grants that may allow the call: of the narrowest scope first, and those without a number before those with one. */
  async #candidates(): Promise<readonly StoredRecord[]> {
    const scopes = await Promise.all(this.#scopes.map(([scope, id]) => this.#active(scope, id)));
    return scopes.flatMap((found) => {
      const fitting = found.filter((stored) => this.#fits(stored));
      const isCounted = (stored: StoredRecord): boolean => grantValueOf(stored).uses !== null;
      return [...fitting.filter((stored) => !isCounted(stored)), ...fitting.filter(isCounted)];
    });
  }

  async #active(scope: GrantScope, scope_id: string | null): Promise<readonly StoredRecord[]> {
    const { store, tenant_id } = this.#backend;
    const { tool, rule_id, rule_version } = this.#ask;
    const value = bindingKey({ scope, scope_id, tool, rule_id, rule_version });
    const found: StoredRecord[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.page({
        kind: GRANT_KIND,
        tenant_id,
        statuses: ["active"],
        key: { name: "alias", value },
        slot: scopeSlot(tenant_id, scope, scope_id),
        cursor,
      });
      found.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return found;
  }

  /** The grant is for this call, as it is now: the tool, the arguments, the rule that asks, and who calls (P7). */
  #fits(stored: StoredRecord): boolean {
    const value = grantValueOf(stored);
    const { tool, args, rule_id, rule_version } = this.#ask;
    return (
      value.tool === tool &&
      value.rule_id === rule_id &&
      value.rule_version === rule_version &&
      this.#scopes.some(([scope, id]) => scope === value.scope && id === value.scope_id) &&
      argsFit(value, args)
    );
  }

  async #useChosen(grant_id: string): Promise<Used | null> {
    const { store, tenant_id } = this.#backend;
    const [grant, use] = await store.get([grant_id, this.#useIdOf(grant_id)]);
    if (!grant || grant.kind !== GRANT_KIND || grant.tenant_id !== tenant_id) return null;
    return this.#use(grant, use ?? null);
  }

  #useIdOf(grant_id: string): string {
    return useId(slotOfId(grant_id), grant_id, this.#by.call_id);
  }

  /** @param found - the call's use of the grant, null for none, undefined if that is not known */
  async #use(found: StoredRecord, known: StoredRecord | null | undefined): Promise<Used | null> {
    const { store } = this.#backend;
    const use_id = this.#useIdOf(found.id);
    let grant = found;
    let use = known;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      if (!this.#fits(grant)) return null;
      if (grant.status !== "active" && use === undefined) use = (await store.get([use_id]))[0] ?? null;
      if (use) return (await this.#holds(grant)) ? { stored: grant, repeated: true } : null;
      if (grant.status !== "active") return null;
      const { status, results } = await store.commit(useOps(grant, use_id, this.#by, this.#keeping()));
      const [inserted, counted] = results;
      const now = counted?.record;
      if (!now) return null;
      if (status === "committed") return { stored: now, repeated: false };
      use = inserted?.record ?? null;
      if (!use && now.version === grant.version) {
        // Refused although nothing has changed: by the store's clock it has expired.
        await store.commit([{ ...expireGrantOp(grant.id, this.#backend.retention), optional: true }]);
        return null;
      }
      grant = now;
    }
    throw busy(this.#by.call_id);
  }

  /** A call that has used the grant is executed again: it was revoked, or has expired, or it still holds. */
  async #holds(stored: StoredRecord): Promise<boolean> {
    if (!isLiveGrant(stored.status)) return false;
    const { expires_at } = grantValueOf(stored);
    return expires_at === null || expires_at > (await this.#backend.store.now());
  }

  #keeping(): Keeping {
    return { retention: this.#backend.retention, now: this.#backend.now() };
  }
}

/** P8: a pattern that cannot be read allows nothing. */
function argsFit({ args }: GrantValue, given: Readonly<JsonObject>): boolean {
  try {
    return argsPatternOf(args, "args").matches(cloneJson<JsonObject>(given), "every");
  } catch {
    return false;
  }
}

function busy(call_id: string): HoldpointError {
  return new HoldpointError("ERR_HITL_STORE", `The grants of the call ${call_id} changed all the time.`, {
    details: { call_id },
  });
}
