/**
 * A side of `rounds` as a process: what one side switches on in the engine (async hooks, shapes of objects, a heap of its
 * own) would otherwise be measured in the other one too.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Figure, Plan, Side } from "./measure.ts";
import type { RoundStore, SideName } from "./round-contenders.ts";

export interface SegmentOrder {
  readonly side: SideName;
  readonly on: RoundStore;
  readonly plan: Plan;
}

export type SegmentReply = { readonly figure: Figure } | { readonly failed: string };

export class RoundSide {
  readonly #name: SideName;
  readonly #process: ChildProcess;

  constructor(name: SideName) {
    this.#name = name;
    this.#process = fork(new URL("round-side.child.ts", import.meta.url));
  }

  on(store: RoundStore): Side {
    return async (plan) => {
      const order: SegmentOrder = { side: this.#name, on: store, plan };
      const ended = new AbortController();
      const { signal } = ended;
      try {
        const reply = Promise.race([
          once(this.#process, "message", { signal }),
          once(this.#process, "exit", { signal }).then(([code]) => [{ failed: `it ended with ${code}` }]),
        ]);
        this.#process.send(order);
        const [result] = (await reply) as [SegmentReply];
        if ("figure" in result) return result.figure;
        throw new Error(`The side ${this.#name} of rounds failed: ${result.failed}`);
      } finally {
        ended.abort();
      }
    };
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || !this.#process.connected) return;
    const ended = once(this.#process, "exit");
    this.#process.disconnect();
    await ended;
  }
}

/** Two processes, one for each side, which end with `run`. */
export async function withSides(run: (bare: RoundSide, own: RoundSide) => Promise<void>): Promise<void> {
  const [bare, own] = [new RoundSide("bare"), new RoundSide("own")];
  try {
    await run(bare, own);
  } finally {
    await Promise.all([bare.stop(), own.stop()]);
  }
}
