/** The processes of the load: killed, stopped, their clocks set wrong, and new ones for those that died. */
import { join } from "node:path";
import type { Program } from "../support/program.ts";
import { WorkerProcess } from "../support/worker-process.ts";
import { LEASE_MS } from "./calls.ts";
import type { Job, Reply } from "./jobs.ts";
import { type Line, readLedger } from "./ledger.ts";
import { below, oneOf, type Random } from "./random.ts";
import { type Fault, wait } from "./setup.ts";

export type Orders = Omit<Job, "name" | "ledger">;

interface Member {
  readonly worker: WorkerProcess<Job, Reply>;
  readonly ended: ReturnType<WorkerProcess<Job, Reply>["run"]>;
}

/** Everything that is still at work when the load has ended has this long. */
const STOP_MS = 30_000;

export class Crew {
  readonly #program: Program;
  readonly #folder: string;
  readonly #orders: Orders;
  readonly #members: Member[] = [];
  readonly #ledgers: string[] = [];
  /** What no fault explains. */
  readonly troubles: string[] = [];

  constructor(program: Program, folder: string, orders: Orders) {
    this.#program = program;
    this.#folder = folder;
    this.#orders = orders;
  }

  /** Resolves when all of them are there. */
  async start(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) this.#members.push(this.#begin());
    await Promise.all(this.#members.map(({ worker }) => worker.listening));
  }

  get faults(): readonly Fault[] {
    return [
      { name: "kill-client", inject: (random) => this.#kill(random) },
      { name: "stop-client", inject: (random) => this.#stop(random) },
      { name: "clock", inject: (random) => this.#skew(random) },
    ];
  }

  /** Lets each end its calls and show that it can work; ends those that cannot. */
  async finish(): Promise<readonly Line[]> {
    for (const { worker } of this.#members) worker.go();
    const timer = setTimeout(() => {
      for (const { worker } of this.#members) worker.signal("SIGKILL");
    }, STOP_MS);
    for (const { ended } of this.#members) {
      const outcome = await ended;
      if (outcome.kind === "reply" && outcome.reply.stuck !== null) this.troubles.push(outcome.reply.stuck);
      if (outcome.kind === "failed") this.troubles.push(outcome.message);
      if (outcome.kind === "died") this.troubles.push(`did not end: ${outcome.signal} ${outcome.stderr}`);
    }
    clearTimeout(timer);
    await this.close();
    return this.#ledgers.flatMap(readLedger);
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ worker }) => worker.stop()));
  }

  #begin(): Member {
    const name = `p${this.#ledgers.length}`;
    const ledger = join(this.#folder, `${name}.jsonl`);
    this.#ledgers.push(ledger);
    const worker = new WorkerProcess<Job, Reply>(this.#program);
    return { worker, ended: worker.run({ ...this.#orders, name, ledger }) };
  }

  async #kill(random: Random): Promise<void> {
    const position = below(random, this.#members.length);
    const { worker, ended } = this.#members[position] as Member;
    worker.signal("SIGKILL");
    const outcome = await ended;
    if (outcome.kind !== "died" || outcome.signal !== "SIGKILL")
      this.troubles.push(`ended by itself: ${JSON.stringify(outcome)}`);
    const next = this.#begin();
    this.#members[position] = next;
    await next.worker.listening;
  }

  async #skew(random: Random): Promise<void> {
    oneOf(random, this.#members).worker.signal("SIGUSR2");
  }

  /** Longer than a lease: who held one goes on without it, and does not know. */
  async #stop(random: Random): Promise<void> {
    const { worker } = oneOf(random, this.#members);
    worker.signal("SIGSTOP");
    await wait(LEASE_MS + below(random, 300));
    worker.signal("SIGCONT");
  }
}
