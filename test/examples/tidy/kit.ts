/** Runs the tidy example as its users do: as a process of its own, on real folders. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { bundleModules, type Modules, root } from "../../support/program.ts";

const MAIN = "examples/tidy/main.ts";
const SPY = "test/examples/tidy/effect-spy.child.ts";
const MODEL = "test/examples/tidy/model.child.ts";
const PERSON = "test/examples/tidy/person.child.ts";

/** What `--yes` leaves of the sample. */
export const TIDIED = [
  "Documents/minutes-of-the-garden-club.txt",
  "Documents/report.txt",
  "Documents/shopping-list.md",
  "Media/song.mp3",
  "Pictures/holiday.png",
  "Tables/budget-for-the-summer-party.csv",
  "link-to-somewhere-else",
];

const made: string[] = [];
let bundled: Promise<Modules> | undefined;
afterAll(async () => {
  await Promise.all(made.map((path) => rm(path, { recursive: true, force: true })));
  (await bundled)?.remove();
});

/** The example, after what is to be loaded before it. */
export async function commandOf(...before: readonly string[]): Promise<readonly string[]> {
  bundled ??= bundleModules([MAIN, SPY, MODEL, PERSON]);
  const { pathOf } = await bundled;
  return [...before.flatMap((module) => ["--import", pathOf(module)]), pathOf(MAIN)];
}

/** As `npm start` runs it, from the sources, which takes a process longer than all that it does then. */
function commandOfUsers(...before: readonly string[]): readonly string[] {
  return [
    ...["tsx", ...before.map((module) => join(root, module))].flatMap((module) => ["--import", module]),
    MAIN,
  ];
}

export async function tempFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "tidy-test-"));
  made.push(path);
  return path;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
}

export interface RunOptions {
  readonly state: string;
  /** It dies by SIGKILL as soon as it has written this, or after so many milliseconds. */
  readonly killAt?: string | number;
  /** A model plans: that of model.child.ts. */
  readonly model?: boolean;
  /** As `npm start` does. */
  readonly fromSources?: boolean;
  /** What a person types, each line when the program has asked what is before it. */
  readonly typed?: readonly (readonly [asked: string, line: string])[];
}

/** What the program writes when it waits for a line. */
const PROMPT = /(?:\]|:|\)) $/;

/** Nobody is at its standard input, unless somebody types. */
export async function tidy(args: readonly string[], options: RunOptions): Promise<Ended> {
  const { state, killAt, model = false, fromSources = false, typed } = options;
  const before = [SPY, ...(model ? [MODEL] : []), ...(typed ? [PERSON] : [])];
  const command = fromSources ? commandOfUsers(...before) : await commandOf(...before);
  const { OPENAI_API_KEY: _o, ANTHROPIC_API_KEY: _a, npm_lifecycle_event: _n, ...env } = process.env;
  const child = spawn(process.execPath, [...command, "--state", state, ...args], {
    cwd: root,
    env: {
      ...env,
      TIDY_SPY: spyLog(state),
      TIDY_KILL_AT: typeof killAt === "string" ? killAt : "",
      COLUMNS: "200",
      ...(model ? { OPENAI_API_KEY: "none", OPENAI_MODEL: "test-model" } : {}),
    },
    stdio: [typed ? "pipe" : "ignore", "pipe", "pipe"],
  });
  if (typed) type(child, typed);
  const timer = typeof killAt === "number" ? setTimeout(() => child.kill("SIGKILL"), killAt) : undefined;
  return new Promise((resolve, reject) => {
    let out = "";
    pipesOf(child).forEach((pipe) => pipe.on("data", (chunk: Buffer) => (out += chunk.toString())));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, out });
    });
  });
}

/** Another question than the one that is waited for ends the input: the questions stay open, and the test sees which. */
function type({ stdin, stdout }: ChildProcess, lines: NonNullable<RunOptions["typed"]>): void {
  const left = [...lines];
  let asked = "";
  // It may die while somebody types.
  stdin?.on("error", () => {});
  stdout?.on("data", (chunk: Buffer) => {
    asked += chunk.toString();
    if (!PROMPT.test(asked)) return;
    const [text, line] = left.shift() ?? ["nothing more", ""];
    if (asked.includes(text)) stdin?.write(`${line}\n`);
    else stdin?.end();
    asked = "";
  });
}

function pipesOf({ stdout, stderr }: ChildProcess) {
  return [stdout, stderr].filter((pipe) => pipe !== null);
}

function spyLog(state: string): string {
  return `${state}.effects`;
}

/** Every change that any process made to files, as the system call that succeeded; those of the state left out. */
export function effectsOf(state: string): string[] {
  if (!existsSync(spyLog(state))) return [];
  const lines = readFileSync(spyLog(state), "utf8").split("\n").filter(Boolean);
  return lines.filter((line) => !line.includes("runs.json") && !/"to":"[^"]*sample-folder"/.test(line));
}

/** All files below a folder, without the sample's marker. (Node's own recursive `readdir` follows links.) */
export async function treeOf(folder: string, below = ""): Promise<string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const paths = entries.map(async (entry) => {
    const path = join(below, entry.name);
    return entry.isDirectory() ? treeOf(folder, path) : [path];
  });
  return (await Promise.all(paths))
    .flat()
    .filter((path) => !path.startsWith(".made-by"))
    .sort();
}

export function sampleIn(state: string): string {
  return join(state, "sample-folder");
}
