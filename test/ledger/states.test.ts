import { describe, expect, it } from "vitest";
import {
  AWAITING_STATUSES,
  EFFECT_STATUSES,
  EFFECT_TRANSITIONS,
  isAwaitingStatus,
  isTerminalStatus,
  TERMINAL_STATUSES,
} from "../../src/ledger/index.ts";
import { statusesBefore } from "../../src/core/states.ts";

describe("effect states", () => {
  it("P8 are at work from ready alone, where the approval is checked", () => {
    expect(statusesBefore(EFFECT_TRANSITIONS, "processing")).toEqual(["ready"]);
    expect(statusesBefore(EFFECT_TRANSITIONS, "in_doubt")).toEqual(["processing"]);
  });

  it("P4 end for good, but for a failure that somebody lets run again", () => {
    const ends = EFFECT_STATUSES.filter((status) => EFFECT_TRANSITIONS[status].length === 0);
    expect(ends).toEqual(["succeeded", "denied", "canceled"]);
    expect(EFFECT_TRANSITIONS.failed).toEqual(["ready"]);
    expect(TERMINAL_STATUSES.toSorted()).toEqual([...ends, "failed"].toSorted());
  });

  it("P6 leave processing and in_doubt by an outcome, or by somebody's word, never to processing", () => {
    for (const status of ["processing", "in_doubt", "failed", "requires_approval"] as const)
      expect(EFFECT_TRANSITIONS[status]).not.toContain("processing");
  });

  it("are told by name, and nothing else is", () => {
    for (const status of EFFECT_STATUSES) {
      expect(isTerminalStatus(status)).toBe(TERMINAL_STATUSES.includes(status));
      expect(isAwaitingStatus(status)).toBe(AWAITING_STATUSES.includes(status));
    }
    for (const status of ["", "__proto__", "SUCCEEDED"]) expect(isTerminalStatus(status)).toBe(false);
  });
});
