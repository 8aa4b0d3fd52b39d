/** Runs the mutants: each has to be killed by something that the sources as they are survive. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleProgram, root, temporaryFolder } from "../support/program.ts";
import { type Mutant, MUTANTS } from "./mutants.ts";
import { type Patched, patchedSource, patching } from "./patched-source.ts";
import { runRound } from "./round.ts";
import { setupNamed } from "./setups/all.ts";
import { WORKER } from "./worker-program.ts";

/** What noticed, or null. */
export type Killer = string | null;

const TESTS_MS = 90_000;

/** As the project's own, but for one module. */
function configOf(patched: Patched): string {
  return `import { mergeConfig } from "vitest/config";
import own from ${JSON.stringify(join(root, "vitest.config.ts"))};
const patched = ${JSON.stringify(patched)};
const mutant = {
  name: "mutant",
  enforce: "pre",
  load: (id) => (id.split("?")[0] === patched.path ? patched.contents : undefined),
};
export default mergeConfig(own, { plugins: [mutant] });
`;
}

interface TestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** The first test that fails with the mutant. A file that does not load is no kill. */
async function killedByTests({ tests }: Mutant, patched: Patched): Promise<Killer> {
  if (!tests) return null;
  const folder = temporaryFolder();
  try {
    const config = join(folder, "vitest.config.mjs");
    const report = join(folder, "report.json");
    writeFileSync(config, configOf(patched));
    const args = ["run", "--root", root, "--config", config, "--reporter=json", `--outputFile=${report}`];
    const names = tests.names === undefined ? [] : ["-t", tests.names];
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    await new Promise<void>((resolve, reject) => {
      const child = spawn(process.execPath, [vitest, ...args, ...names, ...tests.files], {
        cwd: root,
        stdio: "ignore",
        timeout: TESTS_MS,
      });
      child.once("error", reject);
      child.once("exit", () => resolve());
    });
    if (!existsSync(report)) return null;
    const { testResults } = JSON.parse(readFileSync(report, "utf8")) as TestReport;
    const failed = testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === "failed"),
    );
    return failed[0] ? `${failed.length} tests: ${failed[0].fullName}` : null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function killedByRound({ round }: Mutant, patched: Patched, seed: number): Promise<Killer> {
  if (!round) return null;
  const program = await bundleProgram(WORKER, [patching(patched)]);
  try {
    const { setup, faults, loadMs } = round;
    const { verdict } = await runRound({ setup: setupNamed(setup), program, seed, faults, loadMs });
    const rules = new Set(verdict.violations.map(({ rule }) => rule));
    return rules.size === 0 ? null : `${setup}: ${[...rules].join(", ")}`;
  } finally {
    program.remove();
  }
}

/** By a round and by tests, whichever the mutant has. */
export async function killersOf(mutant: Mutant, seed: number): Promise<readonly string[]> {
  const patched = await patchedSource(mutant);
  const killers = [await killedByRound(mutant, patched, seed), await killedByTests(mutant, patched)];
  return killers.filter((killer): killer is string => killer !== null);
}

/** @returns the exit code */
export async function runMutants(log: (line: string) => void, seed: number): Promise<number> {
  let killed = 0;
  for (const mutant of MUTANTS) {
    const killers = await killersOf(mutant, seed).catch((error: unknown): readonly string[] => {
      log(`FAILED   ${mutant.name}: ${error instanceof Error ? error.message : String(error)}`);
      return [];
    });
    if (killers.length > 0) killed += 1;
    log(
      `${killers.length > 0 ? "killed  " : "SURVIVED"} ${mutant.name}: ${killers.join("; ") || "nothing noticed"}`,
    );
  }
  log(`${killed} of ${MUTANTS.length} mutants killed.`);
  return killed === MUTANTS.length ? 0 : 1;
}
