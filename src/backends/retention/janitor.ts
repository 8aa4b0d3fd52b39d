/** Sweeps in the background: from the first write to `close`, and on one process of all that share the store. */
import { isHoldpointError } from "../../core/errors.ts";
import { defaultLeaseOwner, makeId, slotOf } from "../../core/ids.ts";
import { DEFAULT_TENANT } from "../../core/record.ts";
import type { RecordStore, StoreOp } from "../record-store.ts";
import type { Schedule } from "./options.ts";
import type { SweepOptions, SweepResult } from "./sweeping.ts";

const KIND = "sweep";
const ID = makeId(KIND, slotOf(DEFAULT_TENANT, KIND), [KIND]);
const LIMIT = 100;
/** The part of a turn's time in which it begins another sweep: what is left waits for the next turn. */
const BUSY = 0.5;
/** The shortest turn, as a part of the usual one; the longest is as much longer. */
const SHORTEST = 0.75;

export interface JanitorOptions {
  readonly store: RecordStore;
  /** 0: never. */
  readonly everyMs: number;
  readonly sweep: (options: SweepOptions) => Promise<SweepResult>;
  readonly onError?: ((error: unknown) => void) | undefined;
  readonly schedule?: Schedule | undefined;
}

export class Janitor {
  readonly #options: JanitorOptions;
  readonly #stopped = new AbortController();
  #callOff: (() => void) | undefined;
  #turn: Promise<void> = Promise.resolve();
  #warned = false;

  constructor(options: JanitorOptions) {
    this.#options = options;
  }

  /** Once; what is called on every write. */
  start(): void {
    if (this.#callOff || this.#options.everyMs === 0 || this.#stopped.signal.aborted) return;
    this.#schedule();
  }

  /** Resolves when no sweep is under way. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#callOff?.();
    await this.#turn;
  }

  #schedule(): void {
    const { everyMs, schedule = unrefTimer } = this.#options;
    const delayMs = everyMs * (SHORTEST + Math.random() * 2 * (1 - SHORTEST));
    this.#callOff = schedule(() => {
      this.#turn = this.#run();
    }, Math.ceil(delayMs));
  }

  async #run(): Promise<void> {
    const { sweep, everyMs } = this.#options;
    const until = performance.now() + everyMs * BUSY;
    const { signal } = this.#stopped;
    try {
      if (await this.#isOurs()) {
        for (let more = true; more && !signal.aborted && performance.now() < until; )
          ({ more } = await sweep({ limit: LIMIT, signal }));
      }
      this.#warned = false;
    } catch (error) {
      // Somebody has closed the store, and not the backend.
      if (isHoldpointError(error, "ERR_HITL_CLOSED")) return;
      if (!signal.aborted) this.#report(error);
    }
    if (!signal.aborted) this.#schedule();
  }

  /** The lease is not given back: it lasts until somebody's next turn may begin. */
  async #isOurs(): Promise<boolean> {
    const { store, everyMs } = this.#options;
    const lease = { owner: defaultLeaseOwner(), durationMs: Math.ceil(everyMs * SHORTEST) };
    const take: StoreOp = {
      op: "update",
      id: ID,
      optional: true,
      guard: { lease: "free" },
      patch: { lease },
    };
    const [taken] = (await store.commit([take])).results;
    if (taken?.status !== "missing") return taken?.status === "updated";
    const record = {
      id: ID,
      kind: KIND,
      tenant_id: DEFAULT_TENANT,
      status: "active",
      value: { schema_version: 1 },
    };
    const [made] = (await store.commit([{ op: "insert", record, lease }])).results;
    return made?.status === "inserted";
  }

  #report(error: unknown): void {
    const { onError } = this.#options;
    if (onError) {
      try {
        onError(error);
      } catch {
        // There is nobody left to tell, and the timer must go on.
      }
      return;
    }
    if (this.#warned) return;
    this.#warned = true;
    const message = error instanceof Error ? error.message : String(error);
    process.emitWarning(`Old records could not be removed: ${message}`, {
      code: "HOLDPOINT_SWEEP",
      detail: "It is tried again; set retention.onError to hear of it.",
    });
  }
}

function unrefTimer(run: () => void, delayMs: number): () => void {
  const timer = setTimeout(run, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}
