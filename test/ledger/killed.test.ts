/** Workers that are killed, in processes of their own: the effect is a line in a file. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { afterAll, describe, expect, it } from "vitest";
import { EffectLedger, type InDoubtChoice, isEffectTimeoutError } from "../../src/ledger/index.ts";
import { bundleProgram } from "../support/program.ts";
import { errorOf } from "./kit.ts";

const LEASE_MS = 150;
const POINTS = ["before the effect", "after the effect", "after the outcome"] as const;

const program = await bundleProgram("test/ledger/killed.child.ts");
const folder = mkdtempSync(join(tmpdir(), "holdpoint-killed-"));
afterAll(() => {
  program.remove();
  rmSync(folder, { recursive: true, force: true });
});

const call = { workflow_id: "order-1", tool: "charge", args: { amount: 1 } };
const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];

/** What another process finds after a worker was killed at this point. */
async function afterKill<T>(
  point: string,
  then: (ledger: EffectLedger, file: string) => Promise<T>,
): Promise<T> {
  const own = mkdtempSync(join(folder, "case-"));
  const [path, file] = [join(own, "h.db"), join(own, "effects")];
  const child = fork(program.path, [path, file, point, String(LEASE_MS)], { execArgv: [] });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  expect(signal).toBe("SIGKILL");
  const backend = new SqliteHITLBackend({ path, retention: { sweepEveryMs: 0 } });
  try {
    return await then(new EffectLedger({ backend, defaults: { leaseMs: LEASE_MS } }), file);
  } finally {
    await backend.close();
  }
}

describe("a worker that is killed", () => {
  it.each(POINTS)("P6 %s: it happens once, where the service can be asked", async (point) => {
    await afterKill(point, async (ledger, file) => {
      const inDoubt: InDoubtChoice = {
        verify: ({ idem_key }) =>
          linesOf(file).includes(idem_key)
            ? { status: "succeeded", result: "charged" }
            : { status: "not_run" },
      };
      let ran = 0;
      const result = await ledger.run(
        call,
        () => {
          ran += 1;
          return "charged";
        },
        { inDoubt },
      );
      expect(result).toBe("charged");
      expect(linesOf(file).length + ran).toBe(1);
    });
  });

  it.each(POINTS)("P6 %s: it never runs again silently", async (point) => {
    await afterKill(point, async (ledger, file) => {
      const before = linesOf(file).length;
      let ran = 0;
      const run = (): Promise<unknown> =>
        ledger.run(call, () => (ran += 1), { concurrency: { approvalTimeoutMs: 20 } });
      if (point === "after the outcome") expect(await run()).toBe("charged");
      else {
        expect(isEffectTimeoutError(await errorOf(run))).toBe(true);
        const { items } = await ledger.list({ status: "in_doubt" });
        expect(items).toMatchObject([{ workflow_id: "order-1", attempt: 1 }]);
      }
      expect([ran, linesOf(file).length]).toEqual([0, before]);
    });
  });
});
