/** Plans a commit, attempt by attempt. */
import {
  MAX_PAGE_LIMIT,
  type OpResult,
  type Page,
  type RecordEvent,
  type RecordStore,
  type StoreOp,
  type UpdateOp,
} from "../backends/record-store.ts";
import type { Known } from "./known.ts";
import type { LinkContext } from "./linking.ts";
import {
  type Knowledge,
  needsRecord,
  type Plan,
  planInsert,
  planUpdate,
  surelyFails,
  verdictOn,
} from "./planning.ts";
import type { Seen } from "./seen.ts";

/** What one commit has found out about its records, from attempt to attempt. */
export class Planner {
  readonly #store: RecordStore;
  readonly #known: Known;
  readonly #ops: readonly StoreOp[];
  /** Read by this commit itself; null for what is not there. */
  readonly #fresh = new Map<string, Seen | null>();
  readonly #refuted = new Map<string, number>();
  readonly #inserts = new Map<string, Plan>();

  constructor(store: RecordStore, known: Known, ops: readonly StoreOp[]) {
    this.#store = store;
    this.#known = known;
    this.#ops = ops;
  }

  async plans(context: LinkContext): Promise<readonly Plan[]> {
    const updates = this.#ops.filter((op): op is UpdateOp => op.op === "update" && needsRecord(op));
    await this.#read(updates.filter((op) => this.#seen(op.id) === undefined || this.#isDoubtful(op)));
    const plans: Plan[] = [];
    for (const op of this.#ops) {
      if (op.op === "insert") plans.push(this.#insert(op, context));
      else if (op.op === "update" && needsRecord(op))
        plans.push(planUpdate(op, await this.#knowledge(op), context));
      else plans.push({ op });
    }
    return plans;
  }

  /** False if the refusal is what the caller has to hear. */
  learn(plans: readonly Plan[], results: readonly OpResult[]): boolean {
    let again = false;
    for (const [index, plan] of plans.entries()) {
      const result = results[index] as OpResult;
      const id = idOf(plan.op);
      const verdict = verdictOn(plan, result);
      if (plan.built !== undefined) this.#fresh.set(id, result.record && this.#known.learn(result.record));
      if (verdict === "refuted") this.#refuted.set(id, plan.built?.raw.version ?? 0);
      again ||= verdict !== "final";
    }
    return again;
  }

  #insert(op: StoreOp & { op: "insert" }, context: LinkContext): Plan {
    const made = this.#inserts.get(op.record.id) ?? planInsert(op, context);
    this.#inserts.set(op.record.id, made);
    return made;
  }

  #seen(id: string): Seen | null | undefined {
    return this.#fresh.has(id) ? this.#fresh.get(id) : this.#known.get(id);
  }

  /** The rest of a commit goes on without it, so a guess is not enough to leave it out. */
  #isDoubtful({ id, optional, guard }: UpdateOp): boolean {
    const seen = this.#seen(id);
    return optional === true && !this.#fresh.has(id) && seen != null && surelyFails(seen, guard);
  }

  async #read(updates: readonly UpdateOp[]): Promise<void> {
    if (updates.length === 0) return;
    const ids = updates.map(({ id }) => id);
    const found = await this.#store.get(ids);
    for (const [index, id] of ids.entries()) {
      const raw = found[index];
      this.#fresh.set(id, raw ? this.#known.learn(raw) : null);
    }
  }

  async #knowledge({ id, event }: UpdateOp): Promise<Knowledge> {
    const seen = this.#seen(id) ?? null;
    const isOlder = event !== undefined && seen !== null && seen.head === null;
    const eventsBefore = isOlder ? await eventCount(this.#store, id) : 0;
    return { seen, refuted: this.#refuted.get(id), eventsBefore };
  }
}

export function idOf(op: StoreOp): string {
  return op.op === "insert" ? op.record.id : op.id;
}

export async function readOne(store: RecordStore, known: Known, id: string): Promise<Seen | null> {
  const [raw] = await store.get([id]);
  return raw ? known.learn(raw) : null;
}

/** Only for a record that is older than its trail, and once. */
export async function eventCount(store: RecordStore, id: string): Promise<number> {
  let last = 0;
  let cursor: string | undefined;
  do {
    const page: Page<RecordEvent> = await store.history(id, { limit: MAX_PAGE_LIMIT, cursor });
    last = page.items.at(-1)?.seq ?? last;
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return last;
}
