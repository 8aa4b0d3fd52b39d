/** The checker against forged evidence: an honest run with one lie in it. A rule that finds no lie is worth nothing. */
import { beforeAll, describe, expect, it } from "vitest";
import { check } from "./checker.ts";
import { RULES } from "./findings.ts";
import { type Forged, operation, recordOf, remove, said } from "./forge.ts";
import { FORGED_QUESTIONS } from "./forged-questions.ts";
import { FORGED_RECORDS } from "./forged-records.ts";
import { type Evidence, honestRun, STRICT } from "./honest-run.ts";
import { LedgerFile, type Line, type Operation, operationsOf, readLedger } from "./ledger.ts";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let honest: Evidence;
beforeAll(async () => {
  honest = await honestRun(11, 900);
});

const copyOf = (): Forged => structuredClone(honest) as Forged;

const FORGERIES = [...FORGED_QUESTIONS, ...FORGED_RECORDS];

const verdictOf = (evidence: Evidence) => check(evidence.operations, evidence.snapshot, STRICT);

describe("the checker", () => {
  it("finds nothing in honest runs, which have everything in them that it looks at", async () => {
    for (const seed of [11, 12, 13]) {
      const verdict = verdictOf(await honestRun(seed, 600));
      expect(verdict.violations).toEqual([]);
      expect(verdict.answered).toBeGreaterThan(30);
    }
  });

  it.each(FORGERIES)("%s: %s", (rule, _lie, forge) => {
    const forged = copyOf();
    forge(forged);
    expect(verdictOf(forged as Evidence).violations.map((violation) => violation.rule)).toContain(rule);
  });

  it("has a forgery for each of its rules", () => {
    const covered = new Set(FORGERIES.map(([rule]) => rule));
    // Whether a process could work again is what it says itself.
    expect([...RULES].filter((rule) => !covered.has(rule))).toEqual(["not_recovered"]);
  });

  it.each(["indeterminate", "open"] as const)("lets a call that ended %s be either way", (outcome) => {
    for (const [kind, status] of [
      ["respond", "accepted"],
      ["respond", "conflict"],
      ["create", "created"],
      ["create", "exists"],
      ["cancel", "cancelled"],
      ["acquire", "updated"],
      ["acquire", "stale"],
      ["write", "updated"],
      ["release", "updated"],
      ["pair", "committed"],
      ["pair", "refused"],
      ["touch", "exists"],
      ["append", "appended"],
    ] as const) {
      const forged = copyOf();
      if (!forged.operations.some((one) => said(kind, status)(one as never))) continue;
      Object.assign(operation(forged, kind, status), {
        outcome,
        result: null,
        ended: Number.POSITIVE_INFINITY,
      });
      expect(verdictOf(forged as Evidence).violations, `${kind} ${status}`).toEqual([]);
    }
  });

  it("does not ask a store for more than its set-up promises", () => {
    const forged = copyOf();
    remove(
      forged.snapshot.records,
      recordOf(forged, operation(forged, "create", "created").result.view?.hitl_id ?? ""),
    );
    for (const one of forged.snapshot.listings)
      one.ids = one.ids.filter((id) => forged.snapshot.records.some((record) => record.id === id));
    const verdict = check(forged.operations as Operation[], forged.snapshot as Evidence["snapshot"], {
      durable: false,
      linearizable: false,
    });
    expect(verdict.violations).toEqual([]);
  });
});

describe("a ledger", () => {
  it("keeps what was written when its process ends in the middle of a line", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdpoint-ledger-"));
    try {
      const path = join(folder, "one.jsonl");
      const call = { kind: "get", hitl_id: "q" } as const;
      const file = new LedgerFile(path);
      file.write({ t: "invoke", op: "1", at: 1, call });
      file.write({ t: "ok", op: "1", at: 2, result: { status: "read" } });
      file.write({ t: "invoke", op: "2", at: 3, call });
      file.close();
      appendFileSync(path, '{"t":"ok","op":"2","at":4,"res');
      expect(operationsOf(readLedger(path)).map(({ op, outcome }) => [op, outcome])).toEqual([
        ["1", "ok"],
        ["2", "open"],
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("with two ends, two beginnings, or an end without a beginning is no ledger", () => {
    const begun: Line = { t: "invoke", op: "1", at: 1, call: { kind: "get", hitl_id: "q" } };
    const ended: Line = { t: "ok", op: "1", at: 2, result: { status: "read" } };
    for (const lines of [[begun, begun], [begun, ended, ended], [ended]])
      expect(() => operationsOf(lines)).toThrow(/ledger/);
  });
});
