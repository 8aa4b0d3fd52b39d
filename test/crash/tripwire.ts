/** Counts the operations of a round by name, and ends or stops its own process exactly at one of them. */
import type { RecordStore, StoreOp } from "holdpoint";

export type Side = "before" | "after";

export interface Trip {
  /** Index of the operation, from 0. */
  readonly at: number;
  readonly side: Side;
  readonly signal: "SIGKILL" | "SIGSTOP";
}

export class Tripwire {
  /** Every operation so far, in the order in which they began. */
  readonly names: string[] = [];
  readonly #trip: Trip | undefined;

  constructor(trip?: Trip) {
    this.#trip = trip;
  }

  async around<T>(name: string, run: () => T | Promise<T>): Promise<T> {
    const at = this.names.push(name) - 1;
    this.#pass(at, "before");
    const result = await run();
    this.#pass(at, "after");
    return result;
  }

  /** The process is gone, or stands still, before this returns. */
  #pass(at: number, side: Side): void {
    const trip = this.#trip;
    if (trip && trip.at === at && trip.side === side) process.kill(process.pid, trip.signal);
  }
}

/** The object with some of its methods led over the wire; everything else, its class too, is its own. */
export function wired<T extends object>(
  target: T,
  wire: Tripwire,
  nameOf: (method: string, args: readonly unknown[]) => string | null,
): T {
  return new Proxy(target, {
    get(own, method) {
      const found: unknown = Reflect.get(own, method, own);
      if (typeof found !== "function") return found;
      return (...args: unknown[]): unknown => {
        const name = nameOf(String(method), args);
        const run = (): unknown => Reflect.apply(found, own, args);
        return name === null ? run() : wire.around(name, run);
      };
    },
  });
}

const STORE_METHODS = new Set(["get", "page", "acquireDue", "append"]);

/** Renewals come by time, not by what the round does: they are not counted. */
function isRenewal(ops: readonly StoreOp[]): boolean {
  return ops.every(({ op, ...rest }) => {
    const lease = op === "update" ? (rest as { patch?: { lease?: unknown } }).patch?.lease : undefined;
    return typeof lease === "object" && lease !== null && "renewMs" in lease;
  });
}

function kindOf(op: StoreOp): string {
  const id = op.op === "insert" ? op.record.id : op.id;
  return id.slice(0, id.indexOf("_"));
}

export function nameOfStoreCall(method: string, args: readonly unknown[]): string | null {
  if (STORE_METHODS.has(method)) return `store.${method}`;
  if (method !== "commit") return null;
  const ops = args[0] as Parameters<RecordStore["commit"]>[0];
  if (isRenewal(ops)) return null;
  return `store.commit ${ops.map((op) => `${op.op}:${kindOf(op)}`).join(" ")}`;
}

export function nameOfSaverCall(method: string): string | null {
  return ["getTuple", "put", "putWrites"].includes(method) ? `saver.${method}` : null;
}
