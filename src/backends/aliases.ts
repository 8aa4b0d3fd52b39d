/**
 * Ids that are not ours. A caller's own id (`create({ hitl_id })`) is a record of its own that points to the HITL
 * record: unique in the tenant, whatever the session. An id that a tool gives is an index key, scoped by thread.
 */
import { HoldpointError } from "../core/errors.ts";
import { isOwnId, isValidForeignId, makeId, slotOf } from "../core/ids.ts";
import { HITL_STATUSES } from "../core/states.ts";
import { HITL_KIND, type PreparedRecord } from "./hitl-codec.ts";
import { ALIAS_KIND } from "./kinds.ts";
import type { RecordStore, StoredRecord } from "./record-store.ts";

const MAX_THREADS = 100;

function aliasId(tenant_id: string, hitl_id: string): string {
  return makeId("alias", slotOf(tenant_id, `alias:${hitl_id}`), [tenant_id, hitl_id]);
}

/**
 * Reserves a caller's own id and returns the id in the store that it stands for. A crash before the record is
 * written leaves a reservation, which the same call repairs.
 *
 * @throws HoldpointError `ERR_HITL_CONFLICT` if another session has reserved it and written nothing yet
 */
export async function claimAlias(
  store: RecordStore,
  tenant_id: string,
  hitl_id: string,
  prepared: PreparedRecord,
): Promise<string> {
  const { results } = await store.commit([
    {
      op: "insert",
      record: {
        id: aliasId(tenant_id, hitl_id),
        kind: ALIAS_KIND,
        tenant_id,
        status: "active",
        value: { schema_version: 1, target: prepared.id, session_id: prepared.session_id },
      },
    },
  ]);
  const alias = results[0]?.record as StoredRecord;
  const target = alias.value["target"] as string;
  if (alias.value["session_id"] === prepared.session_id) return target;
  const [taken] = await store.get([target]);
  if (taken) return target;
  throw new HoldpointError(
    "ERR_HITL_CONFLICT",
    `hitl_id ${hitl_id} is reserved by another session of the tenant.`,
    {
      details: { hitl_id },
    },
  );
}

/** The aliases that point to these records: those of callers' own ids. */
export async function aliasesOf(
  store: RecordStore,
  records: readonly StoredRecord[],
): Promise<readonly StoredRecord[]> {
  const named = records.filter(({ id, value }) => value["hitl_id"] !== id);
  if (named.length === 0) return [];
  const ids = named.map(({ tenant_id, value }) => aliasId(tenant_id, value["hitl_id"] as string));
  const found = await store.get(ids);
  return found.filter(
    (alias) => alias !== null && named.some(({ id }) => id === alias.value["target"]),
  ) as StoredRecord[];
}

/** The prepared record, shown under the caller's own id. */
export function withOwnId(hitl_id: string, prepared: PreparedRecord): PreparedRecord {
  const { insert } = prepared;
  const value = { ...insert.record.value, hitl_id };
  return { ...prepared, insert: { ...insert, record: { ...insert.record, value } } };
}

/** The record behind an id of ours, a caller's own id, or an alias that only one thread (or the given one) uses. */
export async function findRecord(
  store: RecordStore,
  tenant_id: string,
  hitl_id: string,
  thread_id?: string,
): Promise<StoredRecord | null> {
  if (!isValidForeignId(hitl_id)) return null;
  if (isOwnId(hitl_id)) {
    const [stored] = await store.get([hitl_id]);
    if (stored) return stored.tenant_id === tenant_id && stored.kind === HITL_KIND ? stored : null;
  }
  const [alias] = await store.get([aliasId(tenant_id, hitl_id)]);
  if (alias) {
    const [stored] = await store.get([alias.value["target"] as string]);
    if (stored) return stored;
  }
  const { items } = await store.page({
    kind: HITL_KIND,
    tenant_id,
    statuses: HITL_STATUSES,
    key: { name: "alias", value: hitl_id },
    order: "newest",
    limit: MAX_THREADS,
  });
  const found = thread_id === undefined ? items : items.filter((item) => item.keys.thread === thread_id);
  if (new Set(found.map((item) => item.keys.thread)).size > 1) {
    throw new HoldpointError(
      "ERR_HITL_AMBIGUOUS_ID",
      `Tools of several threads named a question "${hitl_id}". Pass thread_id, or use the record's own id.`,
      { details: { hitl_id, ids: found.map((item) => item.id) } },
    );
  }
  return found.find((item) => item.status === "pending") ?? found[0] ?? null;
}
