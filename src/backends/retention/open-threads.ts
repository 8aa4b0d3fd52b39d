/** Whether anything of a thread is still needed. Asked once for each thread in a sweep. */
import { slotOfId } from "../../core/ids.ts";
import { type CallStatus, HITL_STATUSES } from "../../core/states.ts";
import { HITL_KIND } from "../hitl-codec.ts";
import { CALL_KIND, PAUSE_KIND } from "../kinds.ts";
import type { KeyName, PageQuery, RecordStore, StoredRecord } from "../record-store.ts";

/** How long a thread that somebody has resumed is left alone: its run may need what it recorded until it is saved. */
const RESUMED_MS = 24 * 60 * 60 * 1000;

/** Somebody is in the body, or nobody knows how far it came. */
const AT_WORK: readonly CallStatus[] = ["running", "in_doubt"];
const ENDED: readonly string[] = HITL_STATUSES.filter((status) => status !== "pending");

export interface ThreadOf {
  readonly tenant_id: string;
  readonly thread_id: string;
  /** Of its session: questions, calls and pauses are there. */
  readonly slot: number;
}

/** Null for a record that is of no thread. */
export function threadOf({ id, tenant_id, keys }: StoredRecord): ThreadOf | null {
  return keys.thread === undefined ? null : { tenant_id, thread_id: keys.thread, slot: slotOfId(id) };
}

/** The records of a kind in the thread. */
export function inThread(
  { tenant_id, thread_id, slot }: ThreadOf,
  kind: string,
  statuses: readonly string[],
  name: KeyName = "thread",
): PageQuery {
  return { kind, tenant_id, statuses, key: { name, value: thread_id }, slot };
}

export class Threads {
  readonly #store: RecordStore;
  readonly #now: number;
  readonly #known = new Map<string, Promise<boolean>>();

  constructor(store: RecordStore, now: number) {
    this.#store = store;
    this.#now = now;
  }

  /** Something is open, or was until just now. */
  isOpen(thread: ThreadOf): Promise<boolean> {
    const name = JSON.stringify([thread.tenant_id, thread.thread_id, thread.slot]);
    let open = this.#known.get(name);
    if (!open) this.#known.set(name, (open = this.#look(thread)));
    return open;
  }

  async #look(thread: ThreadOf): Promise<boolean> {
    const found = await Promise.all([
      this.#first(inThread(thread, CALL_KIND, AT_WORK)),
      this.#first(inThread(thread, HITL_KIND, ["pending"])),
      this.#first(inThread(thread, HITL_KIND, ENDED, "wake")),
    ]);
    if (found.some((record) => record !== undefined)) return true;
    if (await this.#waitsForOthers(thread)) return true;
    const pause = await this.#first({ ...inThread(thread, PAUSE_KIND, ["active"]), order: "newest" });
    return pause !== undefined && pause.updated_at + RESUMED_MS > this.#now;
  }

  /**
   * A call that is suspended waits for its questions, which have been looked for, or for an interrupt that is not ours. One
   * that waits for neither has failed, or was given up with its questions.
   */
  async #waitsForOthers(thread: ThreadOf): Promise<boolean> {
    let cursor: string | undefined;
    do {
      const page = await this.#store.page({ ...inThread(thread, CALL_KIND, ["suspended"]), cursor });
      if (page.items.some(({ value }) => (value["interrupts"] as readonly unknown[] | undefined)?.length))
        return true;
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return false;
  }

  async #first(query: PageQuery): Promise<StoredRecord | undefined> {
    return (await this.#store.page({ ...query, limit: 1 })).items[0];
  }
}
