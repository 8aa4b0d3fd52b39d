/** Processes that share a store and a checkpointer, and may end between any two operations on either. */
import type { StructuredToolInterface } from "@langchain/core/tools";
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import { askUser, confirm, type RecordStore, StoreHITLBackend } from "holdpoint";
import type { FakeClock } from "holdpoint/testing";
import { call, chatOf, replyTo, toolOf } from "./kit.ts";

export const LEASE_MS = 60_000;

export interface Shared {
  readonly store: RecordStore;
  readonly saver: BaseCheckpointSaver;
  readonly clock: FakeClock;
  /** `<call id> <effect>`, of processes that lived when it happened. */
  readonly effects: string[];
  /** Why a provider refused the messages that a model was given. */
  readonly refused: string[];
}

export interface Kill {
  /** After so many operations … */
  readonly after: number;
  /** … before the next one has its effect, or after it. */
  readonly side: "before" | "after";
  /** It does not end there, it stands still for so long: its leases run out, as under a heavy load. Milliseconds. */
  readonly stillMs?: number;
}

export const DIED = "died";
const never = new Promise<never>(() => {});

/** One process. What it does after its end has no effect, and never returns. */
export class Process {
  readonly backend: StoreHITLBackend;
  readonly graph: ReturnType<typeof chatOf>;
  alive = true;
  #left: number;
  readonly #side: Kill["side"] | undefined;
  readonly #stillMs: number | undefined;
  /** It came to where it ends, or stands still. */
  met = false;
  #end: () => void = () => {};
  readonly #ended: Promise<typeof DIED>;

  constructor(shared: Shared, kill?: Kill) {
    this.#left = kill?.after ?? Number.POSITIVE_INFINITY;
    this.#side = kill?.side;
    this.#stillMs = kill?.stillMs;
    this.#ended = new Promise((resolve) => {
      this.#end = () => resolve(DIED);
    });
    this.backend = new StoreHITLBackend(
      this.#mortal(shared, shared.store, ["commit", "get", "page", "now"]),
      {
        clock: shared.clock,
      },
    );
    const saver = this.#mortal(shared, shared.saver, ["getTuple", "put", "putWrites"]);
    this.graph = chatOf({
      backend: this.backend,
      tools: this.#tools(shared),
      script: {},
      leaseMs: LEASE_MS,
      checkpointer: saver,
      reply: (messages) => {
        try {
          return replyTo(
            messages,
            scriptOf(messages.findLast((entry) => entry.getType() === "human")?.text ?? ""),
          );
        } catch (error) {
          shared.refused.push(String(error));
          throw error;
        }
      },
    });
  }

  /** What the operation comes to, or that the process has ended in it. */
  async run<T>(operation: (own: this) => Promise<T>): Promise<T | typeof DIED> {
    return Promise.race([operation(this), this.#ended]);
  }

  #mortal<T extends object>(shared: Shared, target: T, methods: readonly string[]): T {
    return new Proxy(target, {
      get: (own, name) => {
        const found: unknown = Reflect.get(own, name, own);
        if (typeof found !== "function") return found;
        if (!methods.includes(String(name))) return found.bind(own);
        return async (...args: unknown[]): Promise<unknown> => {
          if (this.#stillMs !== undefined)
            return this.#still(shared.clock, () => Reflect.apply(found, own, args));
          if (!this.#lives() && this.#side !== "after") return never;
          if (!this.alive) return never;
          // Time passes: what is written later is newer.
          shared.clock.advance(1);
          const result: unknown = await Reflect.apply(found, own, args);
          return this.#left < 0 ? this.#die() : result;
        };
      },
    });
  }

  async #still(clock: FakeClock, operation: () => unknown): Promise<unknown> {
    clock.advance(1);
    const stands = this.#left === 0;
    this.#left -= 1;
    this.met ||= stands;
    if (stands && this.#side === "before") clock.advance(this.#stillMs ?? 0);
    const result = await operation();
    if (stands && this.#side === "after") clock.advance(this.#stillMs ?? 0);
    return result;
  }

  #lives(): boolean {
    if (!this.alive) return false;
    this.#left -= 1;
    if (this.#left >= 0) return true;
    if (this.#side === "before") void this.#die();
    return false;
  }

  #die(): Promise<never> {
    this.alive = false;
    this.#end();
    return never;
  }

  #tools({ effects }: Shared): StructuredToolInterface[] {
    const effect = (text: string): void => void (this.alive && effects.push(text));
    const look = toolOf("look", () => "sunny");
    const pay = toolOf("pay", async ({ n }) => {
      const { confirmed } = await confirm({ message: `Pay ${String(n)}?` });
      if (confirmed) effect(`${String(n)} paid`);
      return confirmed ? "paid" : "not paid";
    });
    const name = toolOf("name", async ({ n }) => {
      const { answer } = await askUser({ message: `Name ${String(n)}?` });
      effect(`${String(n)} named`);
      return `hello ${String(answer)}`;
    });
    return [look, pay, name];
  }
}

/** `both 3` calls its tools with ids of its own. */
function scriptOf(text: string): Record<string, ReturnType<typeof call>[]> {
  const [kind = "", n = ""] = text.split(" ");
  const tools =
    { pay: ["pay"], name: ["name"], both: ["look", "pay", "pay"], ask: ["pay", "name"] }[kind] ?? [];
  return {
    [text]: tools.map((tool, at) => call(tool, `${n}.${at}`, { n: `${n}.${at}` })),
  };
}
