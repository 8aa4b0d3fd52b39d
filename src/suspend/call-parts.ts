/** What one execution of a call is made of. Each of its classes takes all of it, and keeps what it needs. */
import type { StoredRecord } from "../backends/record-store.ts";
import type { CallAsks } from "./call-asks.ts";
import type { CallClaim } from "./call-claim.ts";
import type { CallQuestions } from "./call-questions.ts";
import type { CallIdentity, CallMode, CallValue } from "./call-record.ts";
import type { CallSteps } from "./call-steps.ts";
import type { ToolStep } from "./tool-step.ts";

/** What one execution of a call knows of it. */
export interface CallState {
  value: CallValue;
  /** The call as this execution itself has suspended it. */
  suspended: StoredRecord | null;
  executing: boolean;
  mode: CallMode;
}

export interface CallParts {
  readonly step: ToolStep;
  readonly call: CallIdentity;
  readonly state: CallState;
  readonly claim: CallClaim;
  readonly questions: CallQuestions;
  readonly asks: CallAsks;
  readonly steps: CallSteps;
}
