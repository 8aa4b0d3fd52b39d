/** A process that makes calls, and may be its own end. */
import { isHoldpointError, type RecordStore, StoreHITLBackend, type StoreOp } from "holdpoint";
import { EffectLedger, type EffectContext } from "holdpoint/ledger";
import { nameOfStoreCall, Tripwire, wired } from "../../crash/tripwire.ts";
import { doJobs, type Gate } from "../../support/worker-jobs.ts";
import { Human } from "./human.ts";
import type { CallersJob, Job, Reply, RunJob } from "./jobs.ts";
import { OracleLog, tokenOf } from "./oracle-log.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import { callOf } from "./the-call.ts";
import { openTarget } from "./targets.ts";

const forever = new Promise<never>(() => undefined);
/** Nobody gives up: who waits hears of the end, whenever it comes. */
const PATIENT = { waitTimeoutMs: null, approvalTimeoutMs: null, maxIntervalMs: 200 } as const;

async function call(job: CallersJob, barrier: Gate["barrier"]): Promise<Reply> {
  const { name, leaseMs, holds } = job;
  const backend = openTarget(job.target);
  const ledger = new EffectLedger({ backend, defaults: { leaseMs, concurrency: PATIENT } });
  const log = new OracleLog(job.log);
  const one = callOf(job.workflow_id);

  // Lets the other callers of this process have their turn, too: some drivers answer without leaving it.
  const look = async (id: string): Promise<number> => {
    await new Promise((resolve) => setImmediate(resolve));
    return (await ledger.getEffect(id))?.dedup_count ?? 0;
  };
  const work = async (id: string, turns: number): Promise<void> => {
    for (let turn = 0; turn < turns; turn += 1) await look(id);
  };
  const handler = async ({ effect, fence, signal }: EffectContext): Promise<string> => {
    log.add({ what: "start", by: name, fence });
    if (holds === "start" && fence === 1) await forever;
    while ((await look(effect.id)) < job.together - 1 && !signal.aborted);
    await work(effect.id, job.pace[0]);
    // As whoever is told to stop has to.
    signal.throwIfAborted();
    log.add({ what: "effect", by: name, fence });
    if (holds === "effect" && fence === 1) await forever;
    await work(effect.id, job.pace[1]);
    return tokenOf({ by: name, fence });
  };

  const given: Record<string, number> = {};
  const thrown: string[] = [];
  const caller = async (): Promise<void> => {
    try {
      const value = await ledger.run(one, handler);
      given[value] = (given[value] ?? 0) + 1;
    } catch (error) {
      thrown.push(isHoldpointError(error) ? error.code : String(error));
    }
  };
  try {
    // Connected before the barrier falls.
    await backend.get("none");
    await barrier();
    await Promise.all(Array.from({ length: job.callers }, caller));
  } finally {
    await backend.close();
  }
  return { given, thrown };
}

/** Every operation of the store is counted, its watches too; a question that was asked is answered before anything else. */
function watched(store: RecordStore, wire: Tripwire, human: Human): RecordStore {
  const counted = wired(store, wire, (method, args) =>
    method === "watch" ? "store.watch" : nameOfStoreCall(method, args),
  );
  return new Proxy(counted, {
    get: (target, name) => {
      if (name !== "commit") return Reflect.get(target, name, target) as unknown;
      return async (ops: readonly StoreOp[]): Promise<unknown> => {
        const result = await target.commit(ops);
        if (ops.some((op) => op.op === "insert" && op.record.kind === "hitl")) await human.answerAll();
        return result;
      };
    },
  });
}

async function run(job: RunJob): Promise<Reply> {
  const { name, leaseMs, workflow_id } = job;
  const scenario: Scenario = SCENARIOS[job.scenario];
  const log = new OracleLog(job.log);
  const wire = new Tripwire(job.trip);
  const plain = openTarget(job.target);
  const human = new Human(plain, log, workflow_id, name);
  const store = watched(plain.store, wire, human);
  const backend = new StoreHITLBackend(store, { retention: { sweepEveryMs: 0 } });
  const ledger = new EffectLedger({ backend, defaults: { leaseMs, concurrency: PATIENT } });
  try {
    // What another process has asked, and had no answer to.
    await human.answerAll();
    const value = await ledger.run(
      callOf(workflow_id),
      ({ fence, attempt }) => {
        log.add({ what: "start", by: name, fence });
        return wire.around("handler", async () => {
          if (scenario.fails && attempt === 1) {
            log.add({ what: "failed", by: name, fence });
            throw new Error("declined");
          }
          log.add({ what: "effect", by: name, fence });
          return tokenOf({ by: name, fence });
        });
      },
      scenario.options(log, name),
    );
    return { names: wire.names, given: { [value]: 1 }, thrown: [] };
  } finally {
    await plain.close();
  }
}

doJobs<Job, Reply>((job, { barrier }) => (job.kind === "callers" ? call(job, barrier) : run(job)));
