/**
 * Holds what a store has in the end against what its callers were told. Knows the promises, and nothing of how they are
 * kept. A rule that speaks about time compares calls that did not overlap; only a set-up that reads its own writes
 * everywhere is held to those.
 */
import { HITL_KIND } from "../../src/backends/hitl-codec.ts";
import type { Operation } from "./ledger.ts";
import { checkJobs } from "./check-jobs.ts";
import { checkListings } from "./check-listings.ts";
import { checkOrder } from "./check-order.ts";
import { checkPairs } from "./check-pairs.ts";
import { checkQuestions } from "./check-questions.ts";
import { Findings, type Violation } from "./findings.ts";
import type { Snapshot } from "./snapshot.ts";

export interface Promises {
  /** What was acknowledged outlives the faults of the run. */
  readonly durable: boolean;
  /** Who calls after another one was answered sees what that one did, and what anybody saw outlives the faults too. */
  readonly linearizable: boolean;
}

export interface Verdict {
  readonly operations: number;
  readonly acknowledged: number;
  readonly failed: number;
  readonly indeterminate: number;
  /** Calls whose process was killed before it heard. */
  readonly open: number;
  readonly questions: number;
  readonly answered: number;
  readonly violations: readonly Violation[];
}

export function check(operations: readonly Operation[], snapshot: Snapshot, promises: Promises): Verdict {
  const findings = new Findings();
  for (const operation of operations) {
    if (operation.outcome === "fail" && operation.code === "UNEXPECTED")
      findings.add("untyped_error", operation.op, operation.message ?? "");
  }
  checkQuestions(operations, snapshot, promises, findings);
  checkJobs(operations, snapshot, promises, findings);
  checkPairs(operations, snapshot, promises, findings);
  checkListings(snapshot, findings);
  if (promises.linearizable) checkOrder(operations, snapshot, findings);
  const count = (outcome: Operation["outcome"]): number =>
    operations.filter((operation) => operation.outcome === outcome).length;
  const questions = snapshot.records.filter(({ kind }) => kind === HITL_KIND);
  return {
    operations: operations.length,
    acknowledged: count("ok"),
    failed: count("fail"),
    indeterminate: count("indeterminate"),
    open: count("open"),
    questions: questions.length,
    answered: questions.filter(({ status }) => status === "completed").length,
    violations: findings.all,
  };
}
