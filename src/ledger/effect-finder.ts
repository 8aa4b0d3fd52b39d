/** Finds effects: by id and by call directly, by key over all partitions, and lists of them. */
import { EFFECT_KIND } from "../backends/kinds.ts";
import type { Page, PageQuery, StoredRecord } from "../backends/record-store.ts";
import type { HoldpointError } from "../core/errors.ts";
import { isOwnId, isValidForeignId, slotOf } from "../core/ids.ts";
import { EFFECT_STATUSES, type EffectStatus } from "../core/states.ts";
import { toEffect } from "./effect-record.ts";
import type { EffectStore } from "./effect-store.ts";
import { EffectLedgerError, type EffectStoreErrorContext } from "./errors.ts";
import { invalid } from "./idem-key.ts";
import type { Effect, EffectRef, ListEffectsQuery, ToolCall } from "./types.ts";

const KEY = /^[0-9a-f]{64}$/;
const QUERY_FIELDS: readonly string[] = ["status", "workflow_id", "session_id", "limit", "cursor", "order"];

export class EffectFinder {
  readonly #effects: EffectStore;
  readonly #idOfCall: (call: ToolCall) => string;

  constructor(effects: EffectStore, idOfCall: (call: ToolCall) => string) {
    this.#effects = effects;
    this.#idOfCall = idOfCall;
  }

  async find(operation: string, ref: EffectRef): Promise<StoredRecord | null> {
    if (typeof ref === "string")
      return isOwnId(ref) ? this.byId({ operation, effect_id: ref }, ref) : this.byKey(operation, ref);
    if (typeof ref !== "object" || ref === null)
      throw invalid("effect", "has to be an effect, a call, or a key.");
    const id = "args" in ref ? this.#idOfCall(ref) : ref.id;
    return this.byId({ operation, effect_id: id }, id);
  }

  async byId(context: EffectStoreErrorContext, id: string): Promise<StoredRecord | null> {
    return typeof id === "string" && isOwnId(id) ? this.#effects.get(context, id) : null;
  }

  async byKey(operation: string, idem_key: string): Promise<StoredRecord | null> {
    if (typeof idem_key !== "string" || !KEY.test(idem_key)) return null;
    const { backend } = this.#effects;
    const { items } = await this.#effects.guarded({ operation, idem_key }, () =>
      backend.store.page({
        kind: EFFECT_KIND,
        tenant_id: backend.tenant_id,
        statuses: EFFECT_STATUSES,
        key: { name: "alias", value: idem_key },
        limit: 2,
      }),
    );
    if (items.length > 1)
      throw new EffectLedgerError(
        "ERR_HITL_AMBIGUOUS_ID",
        `Several calls have the key ${idem_key}: pass the call or the effect itself.`,
        { details: { idem_key, ids: items.map(({ id }) => id) } },
      );
    return items[0] ?? null;
  }

  async list(query: ListEffectsQuery): Promise<Page<Effect>> {
    const { backend } = this.#effects;
    const { page, statuses } = this.#pageOf(query);
    const context = { operation: "list" };
    const { items, next_cursor } = await this.#page(page);
    const settled = await this.#effects.settledAll(context, items);
    const effects = settled
      .filter(({ status, tenant_id }) => tenant_id === backend.tenant_id && statuses.has(status))
      .map(toEffect);
    return next_cursor === undefined ? { items: effects } : { items: effects, next_cursor };
  }

  async #page(query: PageQuery): Promise<Page<StoredRecord>> {
    try {
      return await this.#effects.backend.store.page(query);
    } catch (cause) {
      // What is wrong with the query is no failure of the store.
      const { code } = cause as HoldpointError;
      if (code === "ERR_HITL_CURSOR" || code === "ERR_HITL_INVALID_INPUT") throw cause;
      return this.#effects.guarded({ operation: "list" }, () => Promise.reject(cause));
    }
  }

  #pageOf(query: ListEffectsQuery): { page: PageQuery; statuses: ReadonlySet<string> } {
    const unknown = Object.keys(query).find((name) => !QUERY_FIELDS.includes(name));
    if (unknown !== undefined) throw invalid(unknown, "is no filter of effects.");
    const { status, workflow_id, session_id, limit, cursor, order } = query;
    if (workflow_id !== undefined && session_id !== undefined)
      throw invalid("session_id", "and workflow_id cannot be given both.");
    const statuses: readonly EffectStatus[] =
      status === undefined ? EFFECT_STATUSES : typeof status === "string" ? [status] : status;
    if (statuses.length === 0 || statuses.some((name) => !EFFECT_STATUSES.includes(name)))
      throw invalid("status", `has to be of ${EFFECT_STATUSES.join(", ")}.`);
    const session = session_id ?? workflow_id;
    if (session !== undefined && !isValidForeignId(session))
      throw invalid(
        session_id === undefined ? "workflow_id" : "session_id",
        "has to be a string of 1 to 255 characters without control characters.",
      );
    const { tenant_id } = this.#effects.backend;
    const page: PageQuery = {
      kind: EFFECT_KIND,
      tenant_id,
      statuses,
      ...(session === undefined
        ? {}
        : { key: { name: "session", value: session } as const, slot: slotOf(tenant_id, session) }),
      ...(order ? { order } : {}),
      ...(limit === undefined ? {} : { limit }),
      cursor,
    };
    return { page, statuses: new Set(statuses) };
  }
}
