/** The other end of {@link WorkerProcess}: what a process of ours does with the jobs that it is given. */
import { isHoldpointError } from "holdpoint";
import { KEEP } from "./program-files.ts";
import type { FromWorker, ToWorker } from "./worker-process.ts";

/** Of one job. */
export interface Gate {
  /** Says that the job stands there, and waits until it may go on. */
  barrier(): Promise<void>;
  /** Resolves when whoever gave the job says `go`. */
  readonly go: Promise<void>;
}

/** Once: after a job, when most of what jobs need has been compiled. */
function keepCompiled(): void {
  const kept = globalThis as { [KEEP]?: () => void };
  kept[KEEP]?.();
  delete kept[KEEP];
}

/** Does one job after the other, until whoever started this process is gone. */
export function doJobs<Job, Reply>(perform: (job: Job, gate: Gate) => Promise<Reply>): void {
  const send = (message: FromWorker<Reply>): void => void process.send?.(message);
  let passes = (): void => undefined;
  process.on("message", (message: ToWorker<Job>) => {
    if (message.type === "go") return passes();
    const go = new Promise<void>((resolve) => {
      passes = resolve;
    });
    const barrier = (): Promise<void> => {
      send({ type: "ready" });
      return go;
    };
    perform(message.job, { barrier, go }).then(
      (reply) => {
        send({ type: "reply", reply });
        keepCompiled();
      },
      (error: unknown) =>
        send({
          type: "failed",
          message: error instanceof Error ? (error.stack ?? error.message) : String(error),
          code: isHoldpointError(error) ? error.code : undefined,
        }),
    );
  });
  process.on("disconnect", () => process.exit(0));
  send({ type: "hello" });
}
