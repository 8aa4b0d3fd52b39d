import type { Failure } from "./failure.ts";
import { f01 } from "./f01-siblings-run-again.ts";
import { f02 } from "./f02-one-ask-of-two.ts";
import { f03 } from "./f03-answers-swapped.ts";
import { f04 } from "./f04-charged-twice.ts";
import { f05 } from "./f05-same-checkpoint-again.ts";
import { f06 } from "./f06-one-value-for-all.ts";
import { f07 } from "./f07-unknown-id.ts";
import { f08 } from "./f08-no-cannot-be-said.ts";
import { f09 } from "./f09-bricked-by-an-answer.ts";
import { f10 } from "./f10-approved-call-lost.ts";
import { f11 } from "./f11-message-while-pending.ts";
import { f12 } from "./f12-edit-not-checked.ts";
import { f13 } from "./f13-respond-missing.ts";
import { f14 } from "./f14-what-interfaces-see.ts";
import { f15 } from "./f15-ag-ui-answers.ts";
import { f16 } from "./f16-nested-siblings.ts";
import { f17 } from "./f17-nested-approved-code.ts";

/** In the order of the table. */
export const FAILURES: readonly Failure[] = [
  f01,
  f02,
  f03,
  f04,
  f05,
  f06,
  f07,
  f08,
  f09,
  f10,
  f11,
  f12,
  f13,
  f14,
  f15,
  f16,
  f17,
];
