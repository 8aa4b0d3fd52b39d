/** Other processes on the same file. */
import { type ChildProcess, spawn } from "node:child_process";
import { afterAll } from "vitest";
import { bundleModules } from "../../../support/program.ts";
import { atEnd } from "./support.ts";

const WORKER = "test/backends/sqlite/helpers/worker.child.ts";
const program = await bundleModules([WORKER]);
afterAll(() => program.remove());

export interface Worker {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<{ code: number | null; errors: string }>;
  say(line: string): void;
}

/** Another process that runs `worker.child.ts` of this folder. */
export function startWorker(job: string, path: string, ...parameters: readonly string[]): Worker {
  const child = spawn(process.execPath, [program.pathOf(WORKER), job, path, ...parameters], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const lines: string[] = [];
  let partial = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (partial + text).split("\n");
    partial = parts.pop() ?? "";
    lines.push(...parts);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  child.stdin.on("error", () => undefined);
  const ended = new Promise<{ code: number | null; errors: string }>((resolve) => {
    child.on("close", (code) => resolve({ code, errors }));
  });
  atEnd(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, lines, ended, say: (line) => child.stdin.write(`${line}\n`) };
}
