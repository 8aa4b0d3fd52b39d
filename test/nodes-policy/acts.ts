/** What may happen in a play, at random. */
import fc from "fast-check";
import {
  type Args,
  type Change,
  changes,
  granting,
  policies,
  type PolicyPlan,
  TOOLS,
} from "./rules.model.ts";

export interface Agent {
  readonly policy: PolicyPlan;
  readonly turns: readonly (readonly { readonly tool: string; readonly args: Args }[])[];
  /** Before which act the second thread begins; undefined for none. */
  readonly secondAt: number | undefined;
  readonly ledger: boolean;
  /** What is left open at the end is approved for always, where that is offered. */
  readonly standing: boolean;
}

export interface AnswerAct {
  readonly kind: "answer";
  readonly thread: 0 | 1;
  readonly which: number;
  /** By the store alone, with the thread, or twice at once. */
  readonly how: "respond" | "resume" | "both";
  readonly handle: 0 | 1;
  /** As it has to be: by who may, with what is offered. */
  readonly good: boolean;
  /** To a question that may have ended. */
  readonly stale: boolean;
  readonly decision: number;
  readonly actor: number;
  readonly edit: number;
  readonly scope: number;
  readonly dies: boolean;
}

export interface WakeAct {
  readonly kind: "wake";
  readonly thread: 0 | 1;
  readonly handle: 0 | 1;
  readonly how: "resume" | "twice" | "null" | "forged";
  readonly dies: boolean;
}

export type Act =
  | AnswerAct
  | WakeAct
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "cancel"; readonly which: number }
  | { readonly kind: "revoke"; readonly which: number }
  | { readonly kind: "deploy"; readonly change: Change }
  | { readonly kind: "drift"; readonly to: string | undefined }
  | { readonly kind: "replay"; readonly thread: 0 | 1; readonly which: number };

const calls = fc.record({
  tool: fc.constantFrom<string>(...TOOLS, "pay", "pay", "pay"),
  args: fc.constantFrom<Args>(
    { order: "1" },
    { order: "1", to: "ann" },
    { order: "1", to: "ann" },
    { order: "2", to: "ann" },
    { order: "30", to: "bob" },
  ),
});

const messages = (count: number, parallel: number): fc.Arbitrary<Agent["turns"]> =>
  fc.array(fc.array(calls, { minLength: 1, maxLength: parallel }), { minLength: count, maxLength: count });

const general: fc.Arbitrary<Agent> = fc.record<Agent>({
  policy: policies,
  turns: fc.oneof(
    { weight: 2, arbitrary: messages(1, 4) },
    { weight: 3, arbitrary: messages(2, 2) },
    { weight: 1, arbitrary: messages(3, 2) },
  ),
  secondAt: fc.option(fc.nat(5), { nil: undefined, freq: 1 }),
  standing: fc.boolean(),
  ledger: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

/** The same tool in message after message, which is approved for always at first. */
const repeating: fc.Arbitrary<Agent> = fc.record<Agent>({
  policy: granting,
  turns: fc.array(
    fc.array(
      calls.map(({ args }) => ({ tool: "pay", args })),
      { minLength: 1, maxLength: 2 },
    ),
    { minLength: 3, maxLength: 3 },
  ),
  secondAt: fc.option(fc.nat(2), { nil: undefined, freq: 1 }),
  standing: fc.constantFrom(true, true, false),
  ledger: fc.constant(false),
});

export const agents: fc.Arbitrary<Agent> = fc.oneof(
  { weight: 2, arbitrary: general },
  { weight: 1, arbitrary: repeating },
);

const thread = fc.constantFrom<0 | 1>(0, 0, 0, 1);
const handle = fc.constantFrom<0 | 1>(0, 1);
const rarely = fc.oneof(
  { weight: 9, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);
const mostly = fc.constantFrom(true, true, true, false);

const answer = fc.record<AnswerAct>({
  kind: fc.constant("answer"),
  thread,
  which: fc.nat(9),
  how: fc.constantFrom("respond", "resume", "resume", "both"),
  handle,
  good: mostly,
  stale: rarely,
  decision: fc.nat(11),
  actor: fc.nat(3),
  edit: fc.nat(5),
  scope: fc.nat(4),
  dies: rarely,
});
const wake = fc.record<WakeAct>({
  kind: fc.constant("wake"),
  thread,
  handle,
  how: fc.constantFrom("resume", "twice", "null", "forged"),
  dies: rarely,
});

const rest = {
  wait: fc.constantFrom(500, 1500, 4000).map((ms): Act => ({ kind: "wait", ms })),
  cancel: fc.nat(5).map((which): Act => ({ kind: "cancel", which })),
  revoke: fc.nat(3).map((which): Act => ({ kind: "revoke", which })),
  deploy: changes.map((change): Act => ({ kind: "deploy", change })),
  drift: fc.constantFrom("bob", "ann", undefined).map((to): Act => ({ kind: "drift", to })),
  replay: fc.tuple(thread, fc.nat(3)).map(([of, which]): Act => ({ kind: "replay", thread: of, which })),
};

export const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.oneof<fc.WeightedArbitrary<Act>[]>(
    { weight: 12, arbitrary: answer },
    { weight: 3, arbitrary: wake },
    { weight: 1, arbitrary: rest.wait },
    { weight: 1, arbitrary: rest.cancel },
    { weight: 3, arbitrary: rest.revoke },
    { weight: 2, arbitrary: rest.deploy },
    { weight: 1, arbitrary: rest.drift },
    { weight: 1, arbitrary: rest.replay },
  ),
  { minLength: 3, maxLength: 8 },
);
