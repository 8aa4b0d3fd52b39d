/** What humans answer at random, as it has to be or not, and which of it has to be accepted. */
import type { AnswerAct } from "./acts.ts";
import type { Asked } from "./facts.ts";
import type { Args, Decision, RulePlan } from "./rules.model.ts";

const EDITS: readonly Args[] = [{ order: "1" }, { order: "2", to: "ann" }, { order: "30", to: "bob" }];
const WRONG_EDITS: readonly unknown[] = [{ order: 7 }, {}, "all", undefined];

export interface Response {
  readonly decision: Decision;
  readonly edited_args?: unknown;
  readonly message?: string;
  readonly scope?: string;
}

const ALL: readonly Decision[] = ["approve_once", "approve_always", "edit", "reject", "respond", "skip"];

export function responseOf(question: Asked, { good, decision, edit, scope }: AnswerAct): Response {
  const { offered } = question;
  const isStanding = good && decision < 6 && offered.includes("approve_always");
  const chosen = isStanding
    ? "approve_always"
    : ((good ? offered[decision % offered.length] : ALL[decision % ALL.length]) as Decision);
  const picked = good ? undefined : [undefined, undefined, "session", "user", "nowhere"][scope % 5];
  const response = completed({ decision: chosen }, question, edit);
  const scoped = picked === undefined ? response : { ...response, scope: picked };
  return !good && chosen === "edit" && edit % 2 === 0
    ? { ...scoped, edited_args: WRONG_EDITS[edit % WRONG_EDITS.length] }
    : scoped;
}

export function completed(response: Response, question: Asked, edit: number): Response {
  switch (response.decision) {
    case "edit":
      return { ...response, edited_args: EDITS[edit % EDITS.length] };
    case "respond":
      return { ...response, message: "a human says so" };
    case "approve_always": {
      const scopes = scopesOf(question.rule);
      return { ...response, scope: scopes[edit % scopes.length] as string };
    }
    default:
      return response;
  }
}

const scopesOf = ({ grant }: RulePlan): readonly string[] => grant?.scopes ?? ["session"];

export function isAcceptable(
  { offered, rule, until }: Asked,
  response: Response,
  actor: string | undefined,
  now: number,
): boolean {
  const { decision, edited_args, scope } = response;
  if (until !== null && until <= now) return false;
  if (rule.answerers && (actor === undefined || !rule.answerers.includes(actor))) return false;
  if (!offered.includes(decision)) return false;
  if (scope !== undefined && offered.includes("approve_always") && !scopesOf(rule).includes(scope))
    return false;
  if (edited_args === undefined) return decision !== "edit";
  return (
    typeof edited_args === "object" && typeof (edited_args as { order?: unknown } | null)?.order === "string"
  );
}
