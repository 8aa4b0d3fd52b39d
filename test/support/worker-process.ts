/** Processes of our own that do jobs and may be killed, stopped and continued. */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { type Program, root } from "./program.ts";

/** What became of a job: its reply, or the end of its process. */
export type Outcome<Reply> =
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "failed"; readonly message: string; readonly code: string | undefined }
  | { readonly kind: "died"; readonly signal: string | null; readonly stderr: string };

export type FromWorker<Reply> =
  /** It listens now. */
  | { readonly type: "hello" }
  | { readonly type: "ready" }
  | { readonly type: "reply"; readonly reply: Reply }
  | { readonly type: "failed"; readonly message: string; readonly code: string | undefined };

/** `job`: what to do. `go`: the job waits behind a barrier and may pass. */
export type ToWorker<Job> = { readonly type: "job"; readonly job: Job } | { readonly type: "go" };

export class WorkerProcess<Job, Reply> {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  /** It takes jobs now. */
  readonly listening: Promise<void>;
  #hello = (): void => undefined;
  #stderr = "";
  #signal: string | null = null;
  #alive = true;
  #settle: ((outcome: Outcome<Reply>) => void) | null = null;
  #ready: (() => void) | null = null;

  constructor(program: Program) {
    this.#child = fork(program.path, [], {
      cwd: root,
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.listening = new Promise((resolve) => {
      this.#hello = resolve;
    });
    const orphan = (): void => void this.#child.kill("SIGKILL");
    process.once("exit", orphan);
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-4000);
    });
    this.#child.on("message", (message) => this.#heard(message as FromWorker<Reply>));
    this.#ended = new Promise((resolve) => {
      this.#child.once("exit", (_code, signal) => {
        process.off("exit", orphan);
        this.#alive = false;
        this.#signal = signal;
        this.#end({ kind: "died", signal, stderr: this.#stderr });
        resolve();
      });
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Stopped by a signal: neither at work nor dead. */
  stopped(): boolean {
    const state = execFileSync("ps", ["-o", "stat=", "-p", String(this.#child.pid)]).toString();
    return state.trim().startsWith("T");
  }

  /** One job at a time. */
  run(job: Job): Promise<Outcome<Reply>> {
    if (!this.#alive) return Promise.resolve({ kind: "died", signal: this.#signal, stderr: this.#stderr });
    return new Promise((resolve) => {
      this.#settle = resolve;
      void this.listening.then(() => this.#send({ type: "job", job }));
    });
  }

  /** As {@link run} for a job with a barrier: `ready` resolves when it stands there, or has ended before. */
  runToBarrier(job: Job): { readonly ready: Promise<void>; readonly outcome: Promise<Outcome<Reply>> } {
    const ready = new Promise<void>((resolve) => {
      this.#ready = resolve;
    });
    const outcome = this.run(job);
    return { ready: Promise.race([ready, outcome.then(() => undefined)]), outcome };
  }

  go(): void {
    this.#send({ type: "go" });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(): Promise<void> {
    if (this.#alive) this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #send(message: ToWorker<Job>): void {
    // A process that ends meanwhile says so by its exit.
    this.#child.send(message as object, () => undefined);
  }

  #heard(message: FromWorker<Reply>): void {
    if (message.type === "hello") this.#hello();
    else if (message.type === "ready") this.#ready?.();
    else if (message.type === "reply") this.#end({ kind: "reply", reply: message.reply });
    else this.#end({ kind: "failed", message: message.message, code: message.code });
  }

  #end(outcome: Outcome<Reply>): void {
    this.#settle?.(outcome);
    this.#settle = null;
  }
}

/** Started processes that are free, and new ones for those that died. */
export class WorkerPool<Job, Reply> {
  readonly #program: Program;
  readonly #all = new Set<WorkerProcess<Job, Reply>>();
  readonly #free: WorkerProcess<Job, Reply>[] = [];

  constructor(program: Program) {
    this.#program = program;
  }

  take(): WorkerProcess<Job, Reply> {
    for (let worker = this.#free.pop(); worker; worker = this.#free.pop()) if (worker.alive) return worker;
    const worker = new WorkerProcess<Job, Reply>(this.#program);
    this.#all.add(worker);
    return worker;
  }

  give(worker: WorkerProcess<Job, Reply>): void {
    if (worker.alive) this.#free.push(worker);
    else this.#all.delete(worker);
  }

  /** Does the job in a process of the pool; after `timeoutMs` that process is ended. */
  async run(job: Job, timeoutMs: number): Promise<Outcome<Reply>> {
    const worker = this.take();
    const timer = setTimeout(() => worker.signal("SIGKILL"), timeoutMs);
    const outcome = await worker.run(job);
    clearTimeout(timer);
    this.give(worker);
    return outcome;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((worker) => worker.stop()));
    this.#all.clear();
    this.#program.remove();
  }
}
