/** What the cases of the `HITLBackend` suite share. */
import type { CreateRequest, HITLBackend, ListQuery } from "../../backends/hitl-backend.ts";
import type { RecordEvent } from "../../backends/record-store.ts";
import type { HITLRecord } from "../../core/record.ts";
import { must } from "../assertions.ts";
import type { FakeClock } from "../fake-clock.ts";
import type { StoreNeed } from "../record-store/kit.ts";

export interface BackendCaseContext {
  readonly backend: HITLBackend;
  readonly clock: FakeClock;
  /** Opens a second handle on the same data; closed with the case. Only where the case needs `another`. */
  another(): Promise<HITLBackend>;
}

export interface BackendCase {
  readonly name: string;
  readonly needs?: readonly StoreNeed[];
  run(context: BackendCaseContext): Promise<void>;
}

export const SESSION = "session-1";

/** Asks a question that takes any answer, unless the request says otherwise. */
export async function ask(backend: HITLBackend, request: Partial<CreateRequest> = {}): Promise<HITLRecord> {
  const { record } = await backend.create({
    hitl_type: "ask_user",
    session_id: SESSION,
    data: { message: "Go on?" },
    response_schema: null,
    ...request,
  });
  return record;
}

export async function read(backend: HITLBackend, hitl_id: string): Promise<HITLRecord> {
  return must(await backend.get(hitl_id), `record ${hitl_id}`);
}

/** The ids of a list over all of its pages. */
export async function listed(backend: HITLBackend, query: ListQuery = {}): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page: Awaited<ReturnType<HITLBackend["list"]>> = await backend.list({ ...query, cursor });
    ids.push(...page.items.map((record) => record.hitl_id));
    cursor = page.next_cursor;
    pages += 1;
    if (pages > 500) throw new Error("The pages do not come to an end.");
  } while (cursor !== undefined);
  return ids;
}

export async function eventsOf(backend: HITLBackend, hitl_id: string): Promise<readonly RecordEvent[]> {
  return (await backend.history(hitl_id, { limit: 1000 })).items;
}

/** A record that is no longer there, or is not seen, answers like this everywhere. */
export const MISSING = "hitl_nobody";
