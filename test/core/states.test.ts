import { describe, expect, it } from "vitest";
import {
  CALL_STATUSES,
  CALL_TRANSITIONS,
  HITL_STATUSES,
  HITL_TRANSITIONS,
  isTerminalHITLStatus,
  statusesBefore,
} from "../../src/core/states.ts";

describe("HITL states", () => {
  it("leave pending once, and never leave a terminal status (P4)", () => {
    for (const to of HITL_STATUSES) {
      expect(statusesBefore(HITL_TRANSITIONS, to)).toEqual(to === "pending" ? [] : ["pending"]);
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
    expect(statusesBefore(CALL_TRANSITIONS, "running")).toEqual(["suspended", "in_doubt"]);
    expect(statusesBefore(CALL_TRANSITIONS, "in_doubt")).toEqual(["running"]);
  });
});
