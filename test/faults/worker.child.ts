/**
 * A process of the load: some writers and readers on one backend, until it is told to stop; then it shows that it can
 * still work. SIGUSR2 sets the backend's clock: ten minutes forward, ten minutes back, right again.
 */
import { StoreHITLBackend } from "holdpoint";
import { doJobs, type Gate } from "../support/worker-jobs.ts";
import type { Job, Reply } from "./jobs.ts";
import { LedgerFile } from "./ledger.ts";
import { Load } from "./load.ts";
import { below, randomOf, seedOf } from "./random.ts";
import { wait } from "./setup.ts";
import { setupNamed } from "./setups/all.ts";

const SKEWS_MS = [0, 600_000, -600_000];
/** Between two calls of one writer or reader: the load is steady, and leaves the machine some room. */
const THINK_MS = 5;
const RECOVERY_MS = 10_000;

let skew = 0;

async function recover(load: Load): Promise<string | null> {
  const deadline = performance.now() + RECOVERY_MS;
  while (!(await load.prove())) {
    if (performance.now() > deadline) return `Its calls still failed ${RECOVERY_MS} ms after the last fault.`;
    await wait(20);
  }
  return null;
}

async function perform(job: Job, { go }: Gate): Promise<Reply> {
  let stopped = false;
  void go.then(() => {
    stopped = true;
  });
  const clock = { now: () => Date.now() + (SKEWS_MS[skew] ?? 0) };
  // The store has its own clock: only the backend's is the one that goes wrong.
  const backend = new StoreHITLBackend(setupNamed(job.setup).open(job.target), { clock });
  const ledger = new LedgerFile(job.ledger);
  const work = async (role: "write" | "read", n: number): Promise<number> => {
    const name = `${job.name}${role === "write" ? "w" : "r"}${n}`;
    const random = randomOf(seedOf(job.seed, name));
    const load = new Load({ backend, ledger, random, name, pause: wait, now: () => Date.now() });
    while (!stopped) {
      await load[role]();
      await wait(below(random, THINK_MS));
    }
    return load.calls;
  };
  const calls = await Promise.all([
    ...Array.from({ length: job.writers }, (_, n) => work("write", n)),
    ...Array.from({ length: job.readers }, (_, n) => work("read", n)),
  ]);
  skew = 0;
  const random = randomOf(job.seed);
  const last = new Load({
    backend,
    ledger,
    random,
    name: `${job.name}p`,
    pause: wait,
    now: () => Date.now(),
  });
  const stuck = await recover(last);
  ledger.close();
  await backend.close();
  return { calls: calls.reduce((sum, count) => sum + count, 0), stuck };
}

process.on("SIGUSR2", () => {
  skew = (skew + 1) % SKEWS_MS.length;
});
doJobs(perform);
