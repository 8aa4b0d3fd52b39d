import { describe, expect, it } from "vitest";
import { isHoldpointError } from "../../src/core/errors.ts";
import {
  assertTransition,
  CALL_STATUSES,
  CALL_TRANSITIONS,
  HITL_STATUSES,
  HITL_TRANSITIONS,
  isTerminalHITLStatus,
} from "../../src/core/states.ts";

describe("HITL states", () => {
  it("leave pending once, and never leave a terminal status (P4)", () => {
    for (const from of HITL_STATUSES) {
      for (const to of HITL_STATUSES) {
        const attempt = (): void => assertTransition(HITL_TRANSITIONS, from, to);
        if (from === "pending" && to !== "pending") expect(attempt).not.toThrow();
        else expect(attempt).toThrow(expect.objectContaining({ code: "ERR_HITL_TRANSITION" }));
      }
    }
  });

  it("are terminal unless pending, and nothing else is", () => {
    expect(HITL_STATUSES.filter(isTerminalHITLStatus)).toEqual(["completed", "cancelled", "expired"]);
    for (const status of ["", "__proto__", "PENDING", "done"])
      expect(isTerminalHITLStatus(status)).toBe(false);
  });
});

describe("call states", () => {
  it("end at finished: what ran, does not run again (P6)", () => {
    const terminal = CALL_STATUSES.filter((status) => CALL_TRANSITIONS[status].length === 0);
    expect(terminal).toEqual(["finished"]);
  });

  it("go from suspended to running only by a claim, and from in doubt by a decision (P6, P9)", () => {
    expect(CALL_STATUSES.filter((status) => CALL_TRANSITIONS[status].includes("running"))).toEqual([
      "suspended",
      "in_doubt",
    ]);
  });

  it("that nobody knows are refused with a typed error", () => {
    let caught: unknown;
    try {
      assertTransition(CALL_TRANSITIONS, "nowhere" as "running", "finished");
    } catch (error) {
      caught = error;
    }
    expect(isHoldpointError(caught, "ERR_HITL_TRANSITION")).toBe(true);
  });
});
