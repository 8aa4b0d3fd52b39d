/** What the cases of the `RecordStore` suite share: the shape of a case, and builders for operations. */
import type {
  CommitResult,
  InsertOp,
  OpResult,
  Page,
  PageQuery,
  RecordEvent,
  RecordStore,
  StoredRecord,
  StoreOp,
  UpdateOp,
} from "../../backends/record-store.ts";
import { makeId } from "../../core/ids.ts";
import { must } from "../assertions.ts";
import type { FakeClock } from "../fake-clock.ts";

/** `another`: a second handle on the same data. `clock`: the store takes its time from the test's clock. */
export type StoreNeed = "another" | "clock" | "durable";

export interface StoreCaseContext {
  readonly store: RecordStore;
  readonly clock: FakeClock;
  /** Opens a second handle on the same data; closed with the case. Only where the case needs `another`. */
  another(): Promise<RecordStore>;
}

export interface StoreCase {
  readonly name: string;
  readonly needs?: readonly StoreNeed[];
  run(context: StoreCaseContext): Promise<void>;
}

export const KIND = "thing";
export const TENANT = "default";
export const SLOT = 0x123;

/** The id of the n-th record of a slot. */
export function idOf(n: number | string, slot: number = SLOT): string {
  return makeId("rec", slot, ["conformance", n]);
}

type RecordOptions = Partial<InsertOp["record"]>;

export function insertOp(
  id: string,
  record: RecordOptions = {},
  more: Omit<InsertOp, "op" | "record"> = {},
): InsertOp {
  return {
    op: "insert",
    record: { id, kind: KIND, tenant_id: TENANT, status: "open", value: {}, ...record },
    ...more,
  };
}

export function updateOp(id: string, more: Omit<UpdateOp, "op" | "id"> = {}): UpdateOp {
  return { op: "update", id, ...more };
}

/** Inserts a record and returns it. */
export async function put(
  store: RecordStore,
  id: string,
  record: RecordOptions = {},
  more: Omit<InsertOp, "op" | "record"> = {},
): Promise<StoredRecord> {
  const { results } = await store.commit([insertOp(id, record, more)]);
  return must(results[0]?.record, "record");
}

/** Commits one operation and returns its result. */
export async function commitOne(
  store: RecordStore,
  operation: StoreOp,
): Promise<OpResult & { commit: CommitResult["status"] }> {
  const { status, results } = await store.commit([operation]);
  return { ...must(results[0], "result"), commit: status };
}

export async function update(
  store: RecordStore,
  id: string,
  more: Omit<UpdateOp, "op" | "id"> = {},
): ReturnType<typeof commitOne> {
  return commitOne(store, updateOp(id, more));
}

export async function read(store: RecordStore, id: string): Promise<StoredRecord> {
  const [record] = await store.get([id]);
  return must(record, `record ${id}`);
}

export function pageOf(query: Partial<PageQuery> = {}): PageQuery {
  return { kind: KIND, tenant_id: TENANT, statuses: ["open"], ...query };
}

export async function idsOn(store: RecordStore, query: Partial<PageQuery> = {}): Promise<string[]> {
  return idsOf(await store.page(pageOf({ limit: 1000, ...query })));
}

export function idsOf(page: Page<StoredRecord>): string[] {
  return page.items.map((record) => record.id);
}

/** All pages of a query, one after the other. */
export async function walk(
  store: RecordStore,
  query: Partial<PageQuery>,
  between: (page: number) => Promise<unknown> = async () => undefined,
): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page === 0 || cursor !== undefined; page += 1) {
    if (page > 0) await between(page);
    if (page > 500) throw new Error("The pages do not come to an end.");
    const found = await store.page(pageOf({ ...query, cursor }));
    ids.push(...idsOf(found));
    cursor = found.next_cursor;
  }
  return ids;
}

export async function eventsOf(store: RecordStore, id: string): Promise<readonly RecordEvent[]> {
  return (await store.history(id, { limit: 1000 })).items;
}
