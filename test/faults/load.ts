/** The load: calls at random, each with its lines in the ledger. Two writers and a reader are a process's. */
import { isHoldpointError } from "../../src/core/errors.ts";
import type { HITLBackend } from "../../src/backends/hitl-backend.ts";
import type { StoredRecord } from "../../src/backends/record-store.ts";
import type { HITLRecord } from "../../src/core/record.ts";
import * as calls from "./calls.ts";
import { type Call, type Ledger, microseconds, type OnExpire, type Result } from "./ledger.ts";
import { FAULT_SESSIONS, generationOf, jobIds, pairIds, sharedQuestion } from "./names.ts";
import { below, oneOf, type Random } from "./random.ts";

export interface LoadOptions {
  readonly backend: HITLBackend;
  readonly ledger: Ledger;
  readonly random: Random;
  /** Unique for each process that ever was: begins all ops and marks. */
  readonly name: string;
  /** Lets time pass while a lease is held. */
  readonly pause: (ms: number) => Promise<void>;
  /** Time of the machine for deadlines, whatever the backend's clock says. */
  readonly now: () => number;
  readonly at?: () => number;
}

const REMEMBERED = 48;
const EXPIRY: readonly OnExpire[] = ["expire", "expire", "respond", "escalate"];
/** How often an unconfirmed call is sent again, as PROTOCOL.md §5.1 tells callers to. */
const TRIES = 3;

type Weighed = readonly (readonly [weight: number, work: (load: Load) => Promise<void>])[];

export class Load {
  readonly #options: LoadOptions;
  /** Questions that this process has met, newest last. */
  readonly #known: string[] = [];
  readonly #seen = new Map<string, HITLRecord>();
  #seeded = -1;
  #calls = 0;
  #named = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  get calls(): number {
    return this.#calls;
  }

  write(): Promise<void> {
    return this.#one(WRITES);
  }

  read(): Promise<void> {
    return this.#one(READS);
  }

  async create(): Promise<void> {
    const { random, now } = this.#options;
    const shared = random() < 0.5 ? sharedQuestion(this.#calls, below(random, 3)) : undefined;
    const call: Call = {
      kind: "create",
      hitl_id: shared?.hitl_id ?? null,
      session: shared?.session ?? oneOf(random, FAULT_SESSIONS),
      mark: this.#name("q"),
      // A rival that creates the same question may give it another deadline, and be told that it exists.
      expires_at: random() < 0.2 ? now() + 100 + below(random, 1500) : null,
      on_expire: oneOf(random, EXPIRY),
    };
    // A question without a name of its own would be asked twice.
    const tries = shared ? TRIES : 1;
    const result = await this.#until(tries, call, () => calls.create(this.#options.backend, call));
    if (result?.view) this.#remember(result.view.hitl_id);
  }

  async respond(): Promise<void> {
    const { random, backend } = this.#options;
    const hitl_id = this.#question();
    const same = random() < 0.25;
    const mark = same ? `same:${hitl_id}` : this.#name("a");
    const keys = [null, null, `key:${mark}`, `key:${hitl_id}`];
    const call: Call = { kind: "respond", hitl_id, mark, key: oneOf(random, keys), valid: random() > 0.07 };
    if (call.valid || !same) {
      const given = random() < 0.3 ? this.#seen.get(hitl_id) : undefined;
      await this.#until(TRIES, call, () => calls.respond(backend, call, given));
    }
  }

  /** One question from its creation to its end. False if any of it failed: to be tried again, with the same marks. */
  async prove(): Promise<boolean> {
    const { backend, name } = this.#options;
    const hitl_id = `proof-${name}`;
    const create: Call = {
      kind: "create",
      hitl_id,
      session: "proofs",
      mark: `${name}.proof`,
      expires_at: null,
      on_expire: "expire",
    };
    const asked = await this.#call(create, () => calls.create(backend, create));
    const respond: Call = { kind: "respond", hitl_id, mark: `${name}.proven`, key: null, valid: true };
    const answered = await this.#call(respond, () => calls.respond(backend, respond, undefined));
    const get: Call = { kind: "get", hitl_id };
    const read = await this.#call(get, async () => {
      const record = await backend.get(hitl_id);
      return { status: "read", view: record && calls.viewOf(record) };
    });
    const told = answered.result?.status;
    return (
      asked.result !== null &&
      (told === "accepted" || told === "duplicate") &&
      read.result?.view?.status === "completed"
    );
  }

  async cancel(): Promise<void> {
    const call: Call = { kind: "cancel", hitl_id: this.#question(), mark: this.#name("c") };
    await this.#call(call, () => calls.cancel(this.#options.backend, call));
  }

  async get(): Promise<void> {
    const call: Call = { kind: "get", hitl_id: this.#question() };
    await this.#call(call, async () => {
      const record = await this.#options.backend.get(call.hitl_id);
      if (record) this.#see(record);
      return { status: "read", view: record && calls.viewOf(record) };
    });
  }

  async list(): Promise<void> {
    const call: Call = { kind: "list", session: oneOf(this.#options.random, FAULT_SESSIONS) };
    await this.#call(call, async () => {
      const { result, records } = await calls.listAll(this.#options.backend, call);
      for (const record of records.slice(0, 8)) {
        this.#remember(record.hitl_id);
        this.#see(record);
      }
      return result;
    });
  }

  async history(): Promise<void> {
    const call: Call = { kind: "history", hitl_id: this.#question() };
    await this.#call(call, () => calls.history(this.#options.backend, call));
  }

  async waitFor(): Promise<void> {
    const { random, backend } = this.#options;
    const call: Call = { kind: "wait", hitl_id: this.#question(), timeoutMs: 50 + below(random, 300) };
    await this.#call(call, () => calls.waitFor(backend, call));
  }

  async acquire(): Promise<void> {
    const call: Call = { kind: "acquire", id: await this.#job(), owner: this.#name("o") };
    await this.#hold(call, () => calls.acquire(this.#options.backend, call));
  }

  async acquireDue(): Promise<void> {
    await this.#seed();
    const call: Call = { kind: "acquire_due", owner: this.#name("o") };
    await this.#hold(call, () => calls.acquireDue(this.#options.backend, call));
  }

  async look(): Promise<void> {
    const ids = oneOf(this.#options.random, pairIds(await this.#seed()));
    const call: Call = { kind: "look", ids };
    await this.#call(call, () => calls.look(this.#options.backend, call));
  }

  async pair(): Promise<void> {
    const ids = oneOf(this.#options.random, pairIds(await this.#seed()));
    const call: Call = { kind: "pair", ids, mark: this.#name("p") };
    await this.#call(call, () => calls.pair(this.#options.backend, call));
  }

  async touch(): Promise<void> {
    const call: Call = { kind: "touch", id: await this.#job(), mark: this.#name("t") };
    await this.#call(call, () => calls.touch(this.#options.backend, call));
  }

  async append(): Promise<void> {
    const call: Call = { kind: "append", id: await this.#job(), mark: this.#name("n") };
    await this.#call(call, () => calls.append(this.#options.backend, call));
  }

  /** Takes a lease, works a while, writes what it did, and mostly gives the lease back. */
  async #hold(
    call: Call,
    take: () => Promise<{ readonly result: Result; readonly records: readonly StoredRecord[] }>,
  ): Promise<void> {
    const { random, backend, pause } = this.#options;
    let records: readonly StoredRecord[] = [];
    await this.#call(call, async () => {
      const taken = await take();
      ({ records } = taken);
      return taken.result;
    });
    for (const record of records) {
      const { id, fence } = record;
      let held: StoredRecord | null = record;
      for (let writes = below(random, 3); held && writes > 0; writes -= 1) {
        const from: StoredRecord = held;
        const done: Call = { kind: "write", id, fence, mark: this.#name("w") };
        await pause(below(random, 20));
        held = null;
        await this.#call(done, async () => {
          const written = await calls.write(backend, done, from);
          held = written.record;
          return written.result;
        });
      }
      if (held === null || random() < 0.3) continue;
      const release: Call = { kind: "release", id, fence, mark: this.#name("r") };
      await this.#call(release, () => calls.release(backend, release));
    }
  }

  async #one(weighed: Weighed): Promise<void> {
    const total = weighed.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.#options.random() * total;
    for (const [weight, work] of weighed) {
      left -= weight;
      if (left < 0) return work(this);
    }
  }

  /** Calls, and again with the same mark while it is not confirmed. */
  async #until(tries: number, call: Call, perform: () => Promise<Result>): Promise<Result | null> {
    for (let n = 1; ; n += 1) {
      const { confirmed, result } = await this.#call(call, perform);
      if (confirmed || n >= tries) return result;
    }
  }

  async #call(
    call: Call,
    perform: () => Promise<Result>,
  ): Promise<{ readonly confirmed: boolean; readonly result: Result | null }> {
    const { ledger, name, at = microseconds } = this.#options;
    this.#calls += 1;
    const op = `${name}.${this.#calls}`;
    ledger.write({ t: "invoke", op, at: at(), call });
    try {
      const result = await perform();
      if (result.status === "indeterminate") {
        ledger.write({ t: "indeterminate", op, at: at(), code: "status" });
        return { confirmed: false, result: null };
      }
      ledger.write({ t: "ok", op, at: at(), result });
      return { confirmed: true, result };
    } catch (error) {
      if (isHoldpointError(error, "ERR_HITL_INDETERMINATE")) {
        ledger.write({ t: "indeterminate", op, at: at(), code: error.code });
        return { confirmed: false, result: null };
      }
      const code = isHoldpointError(error) ? error.code : "UNEXPECTED";
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      ledger.write({ t: "fail", op, at: at(), code, message: message.slice(0, 600) });
      return { confirmed: true, result: null };
    }
  }

  /** The leased records and the pairs of this stretch of the load are there. Returns its number. */
  async #seed(): Promise<number> {
    const generation = generationOf(this.#calls);
    if (this.#seeded !== generation) {
      for (const ids of [jobIds(generation), ...pairIds(generation)]) {
        const call: Call = { kind: "seed", ids };
        await this.#call(call, () => calls.seed(this.#options.backend, call));
      }
      this.#seeded = generation;
    }
    return generation;
  }

  async #job(): Promise<string> {
    return oneOf(this.#options.random, jobIds(await this.#seed()));
  }

  #question(): string {
    const { random } = this.#options;
    if (this.#known.length === 0 || random() < 0.3)
      return sharedQuestion(this.#calls, below(random, 3)).hitl_id;
    return oneOf(random, this.#known);
  }

  #remember(hitl_id: string): void {
    if (this.#known.includes(hitl_id)) return;
    this.#known.push(hitl_id);
    if (this.#known.length > REMEMBERED) this.#known.shift();
  }

  #see(record: HITLRecord): void {
    this.#seen.delete(record.hitl_id);
    this.#seen.set(record.hitl_id, record);
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.keys().next().value as string);
  }

  #name(what: string): string {
    this.#named += 1;
    return `${this.#options.name}.${what}${this.#named}`;
  }
}

const READS: Weighed = [
  [4, (load) => load.get()],
  [3, (load) => load.list()],
  [2, (load) => load.history()],
  [2, (load) => load.waitFor()],
  [3, (load) => load.look()],
];

const WRITES: Weighed = [
  [20, (load) => load.create()],
  [26, (load) => load.respond()],
  [4, (load) => load.cancel()],
  [5, (load) => load.list()],
  [9, (load) => load.acquire()],
  [5, (load) => load.acquireDue()],
  [9, (load) => load.pair()],
  [5, (load) => load.touch()],
  [5, (load) => load.append()],
];
