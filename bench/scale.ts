/**
 * How reading depends on how many questions are open: pages and claims with a thousand to a million of them, and what
 * one of them takes. Each figure is a ratio to reading one record, measured in turns with it.
 */
import type { HITLBackend, InsertOp, StoreHITLBackend, StoredRecord } from "holdpoint";
import { defaultRandomId, makeRandomId, slotOf } from "../src/core/ids.ts";
import { quantile } from "./measure.ts";
import type { Options } from "./options.ts";
import { atMost, type Report } from "./report.ts";
import { type Subject, subjects } from "./subjects.ts";

const KIND = "hitl";
const TENANT = "default";
/** Questions of one session, and of one invocation. */
const PER_SESSION = 100;
const PAGE = 50;
const COMMIT = 100;
/** Claims take from these; their leases end at once, so that they never run out. Beside the others: a list would end them. */
const DUE = 300;
const SIZES = [1000, 10_000, 100_000, 1_000_000];

const DATA = { message: "Refund 42 for order-1?", details: "x".repeat(200), risk_level: "high" };

/** Open questions without number: copies of one that the backend has made. */
class Crowd {
  readonly #store: StoreHITLBackend["store"];
  readonly #like: StoredRecord;
  count = 0;

  private constructor(store: StoreHITLBackend["store"], like: StoredRecord) {
    this.#store = store;
    this.#like = like;
  }

  static async in(backend: StoreHITLBackend): Promise<Crowd> {
    const { record } = await backend.create({ hitl_type: "confirm", session_id: "sample", data: DATA });
    const [like] = await backend.store.get([record.hitl_id]);
    return new Crowd(backend.store, like as StoredRecord);
  }

  #insert(session: string, due_at: number): InsertOp {
    const { value } = this.#like;
    const id = makeRandomId(KIND, slotOf(TENANT, session), defaultRandomId);
    const keys = { session, invocation: `i${session}`, thread: session };
    const own = { ...value, session_id: session, invocation_id: keys.invocation, thread_id: session };
    return {
      op: "insert",
      record: { id, kind: KIND, tenant_id: TENANT, status: "pending", keys, due_at, value: own },
      event: { type: "created" },
    };
  }

  #commit(session: string, due_at: number): InsertOp[] {
    return Array.from({ length: COMMIT }, () => this.#insert(session, due_at));
  }

  /** Sessions of a hundred questions each, until there are so many. Those that are due come after the first session. */
  async growTo(count: number): Promise<void> {
    const day = 86_400_000;
    const commits: InsertOp[][] = [];
    for (; this.count < count; this.count += COMMIT) {
      commits.push(this.#commit(`s${this.count / PER_SESSION}`, Date.now() + day));
      if (this.count === 0) await this.#write(commits.splice(0));
      if (this.count === 0)
        for (let n = 0; n < DUE; n += COMMIT) commits.push(this.#commit(`due${n}`, Date.now() - day));
      if (commits.length >= 64) await this.#write(commits.splice(0));
    }
    await this.#write(commits);
  }

  async #write(commits: readonly InsertOp[][]): Promise<void> {
    await Promise.all(commits.map((ops) => this.#store.commit(ops)));
  }
}

type Reads = Readonly<Record<string, () => Promise<unknown>>>;

function readsOf(backend: HITLBackend & Pick<StoreHITLBackend, "store">, size: number): Reads {
  const middle = `s${Math.floor(size / PER_SESSION / 2)}`;
  const full = (items: readonly unknown[]): void => {
    if (items.length !== PAGE) throw new Error(`A page of ${PAGE} has ${items.length}.`);
  };
  let claims = 0;
  return {
    "page by session": async () => full((await backend.getPendingBySession(middle, { limit: PAGE })).items),
    "page by invocation": async () =>
      full((await backend.getPendingByInvocation(`i${middle}`, { limit: PAGE })).items),
    "page over all": async () => full((await backend.list({ status: "pending", limit: PAGE })).items),
    "claim due": async () => {
      claims += 1;
      const lease = { owner: `bench${claims}`, durationMs: 1 };
      await backend.store.acquireDue({ kind: KIND, limit: PAGE, lease });
    },
  };
}

interface Measured {
  /** Milliseconds, median. */
  readonly ms: number;
  readonly ratio: number;
}

const WARM_UP = 100;

/** One read in turns with a get: the machine's pace cancels out. */
async function inTurns(
  read: () => Promise<unknown>,
  get: () => Promise<unknown>,
  rounds: number,
): Promise<Measured> {
  const times: number[] = [];
  const ratios: number[] = [];
  for (let round = -WARM_UP; round < rounds; round += 1) {
    const a = performance.now();
    for (let n = 0; n < 10; n += 1) await get();
    const b = performance.now();
    await read();
    const c = performance.now();
    if (round < 0) continue;
    times.push(c - b);
    ratios.push((c - b) / ((b - a) / 10));
  }
  return { ms: quantile(times, 0.5), ratio: quantile(ratios, 0.5) };
}

/** How much slower with so many than with the fewest. */
const FLAT = atMost(1.25);
/** Claims and lists over all sessions ask every shard; only reads within a shard have a bound. */
const BOUND_TO_BE_FLAT = new Set(["page by session"]);

async function growing(subject: Subject, report: Report, options: Options): Promise<void> {
  const backend = subject.open();
  const crowd = await Crowd.in(backend);
  const first = new Map<string, number>();
  for (const size of SIZES.filter((one) => one <= options.maxPending)) {
    report.progress(`${subject.name}: filling up to ${size} open questions`);
    await crowd.growTo(size);
    await subject.settle?.();
    const [one] = (await backend.getPendingBySession("s0", { limit: 1 })).items;
    const get = (): Promise<unknown> => backend.get(one?.hitl_id ?? "");
    // All else is compared with the first figures: they have to be those of a process that is warm.
    if (first.size === 0)
      for (const read of Object.values(readsOf(backend, size))) await inTurns(read, get, WARM_UP);
    for (const [name, read] of Object.entries(readsOf(backend, size))) {
      const { ms, ratio } = await inTurns(read, get, options.quick ? 40 : 200);
      const least = first.get(name) ?? ratio;
      first.set(name, least);
      report.add({
        name: `${subject.name} ${name} of ${PAGE}, ${size.toLocaleString("en")} open`,
        value: ratio / least,
        note: `${ms.toFixed(2)} ms, ${ratio.toFixed(1)} gets`,
        bound: BOUND_TO_BE_FLAT.has(name) && size !== SIZES[0] ? FLAT : undefined,
      });
    }
  }
}

const MEASURED = 10_000;

/** Bytes of an open question beyond its JSON, with few indexes and with all. */
async function sizes(subject: Subject, report: Report): Promise<void> {
  if (!subject.bytes) return;
  const backend = subject.open();
  // Makes the tables, which is no part of it.
  await backend.get("none");
  const all = (session_id: string, n: number): object => ({
    session_id,
    invocation_id: `i${session_id}`,
    thread_id: session_id,
    checkpoint_id: `c${n}`,
    callback_id: `b${n}`,
    assignee: "ann",
  });
  const kinds: readonly (readonly [
    name: string,
    bound: number,
    more: (session: string, n: number) => object,
  ])[] = [
    ["session and due indexes", 700, (session_id) => ({ session_id })],
    ["all indexes", 1200, all],
  ];
  for (const [name, bound, more] of kinds) {
    let payload = 0;
    await subject.settle?.();
    const before = await subject.bytes();
    for (let at = 0; at < MEASURED; at += 100) {
      const made = await Promise.all(
        Array.from({ length: 100 }, async (_, n) => {
          const { record } = await backend.create({
            hitl_type: "confirm",
            data: DATA,
            expires_at: Date.now() + 86_400_000,
            ...more(`${name}${(at + n) % 100}`, at + n),
          });
          return record.hitl_id;
        }),
      );
      for (const stored of await backend.store.get(made)) payload += JSON.stringify(stored?.value).length;
    }
    await subject.settle?.();
    const each = ((await subject.bytes()) - before - payload) / MEASURED;
    report.add({
      name: `${subject.name} bytes beyond its JSON, ${name}`,
      value: Math.round(each),
      unit: "bytes",
      note: `JSON ${Math.round(payload / MEASURED)} bytes; with its first event`,
      bound: subject.name === "Redis" ? atMost(bound) : undefined,
    });
  }
}

export async function scale(report: Report, options: Options): Promise<void> {
  report.section(
    "scale",
    "reads with many open questions, as a ratio to the same with the fewest; bytes of one",
  );
  for (const make of subjects(options)) {
    for (const part of [sizes, growing]) {
      const subject = await make();
      try {
        await part(subject, report, options);
      } finally {
        await subject.stop();
      }
    }
  }
}
