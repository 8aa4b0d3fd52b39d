/** A decision as the question's own answer: in the shape of its type, and checked against its schema (P3). */
import { DECISIONS } from "../core/hitl-types.ts";
import { type JsonObject, type JsonValue, toJson } from "../core/json.ts";
import { checkJsonSchema, describeIssues, type ResponseIssue } from "../core/response-schema.ts";
import {
  type Action,
  actionOf,
  decisionsOf,
  declares,
  editableOf,
  type InteropAsk,
  isObject,
  isSame,
  own,
  reviewDecisions,
} from "./ask.ts";
import { coerceLike, coerceTo, keepShown, saysMore } from "./coerce.ts";
import type { Decision, Told } from "./decision.ts";
import { inOptions, inQuestions } from "./options.ts";
import { type InteropProblem, problem } from "./problem.ts";
import { contentAnswer, textAnswers } from "./typed-answers.ts";

export type Normalised =
  | { readonly response: JsonValue }
  | { readonly cancel: true; readonly reason: string }
  | { readonly problem: InteropProblem };

/** How it is known that this question is meant: the less, the more has to agree. */
export type AddressedBy = "id" | "content" | "place" | "only";

export function normalise(read: Told, ask: InteropAsk, by: AddressedBy, raw: JsonValue): Normalised {
  // A form that has a field `type` or `approved` means its own, if it could.
  const mayBeOwn = decisionsOf(ask) === null && ask.hitl_type !== "confirm";
  if (mayBeOwn && read.mark !== null && declares(ask, read.mark)) {
    const own = checked(ask, [raw]);
    if ("response" in own) return own;
  }
  const { decision } = read;
  const refused = (): Normalised => ({ problem: notAllowed(ask, decision.kind) });
  switch (decision.kind) {
    case "approve":
      return approve(decision, ask, by) ?? refused();
    case "edit":
      return edit(decision, ask) ?? refused();
    case "reject":
      return reject(ask, decision.message) ?? refused();
    case "ignore":
      return ignore(ask) ?? refused();
    case "respond": {
      const answers = respond(ask, decision.message);
      return answers.length === 0 ? refused() : checked(ask, answers);
    }
    case "submit":
      return submit(ask, decision.content) ?? refused();
    case "decline":
      return reject(ask, undefined) ?? { cancel: true, reason: "declined" };
    case "cancel":
      return { cancel: true, reason: "cancelled" };
    case "value":
      return checked(ask, plainAnswers(ask, decision.value));
  }
}

/**
 * The arguments as they were shown, whatever a user interface has made of them: `kept` with what was left alone as it was,
 * `read` by the schema throughout.
 */
function readArgs(
  ask: InteropAsk,
  given: JsonObject,
): { readonly kept: JsonObject; readonly read: JsonObject } {
  const { field, shown } = editableOf(ask);
  const schema = own(own(ask.response_schema, "properties"), field);
  const read = (saysMore(schema) ? coerceTo(schema, given) : coerceLike(shown, given)) as JsonObject;
  return { kept: keepShown(shown, given, read) as JsonObject, read };
}

export function showsArgs(ask: InteropAsk, given: JsonObject): boolean {
  const { args } = actionOf(ask);
  return (
    isSame(args, given) ||
    isSame(args, coerceLike(args, given)) ||
    isSame(args, keepShown(args, given, given)) ||
    Object.values(readArgs(ask, given)).some((one) => isSame(args, one))
  );
}

function approve(
  { name, args }: { name?: string; args?: JsonObject },
  ask: InteropAsk,
  by: AddressedBy,
): Normalised | null {
  if (!reviewDecisions(ask).includes("approve")) return null;
  const wrong = otherCall(ask, name);
  if (wrong) return { problem: wrong };
  if (args !== undefined && !showsArgs(ask, args)) {
    // P7: who approves other arguments than these was not shown these.
    if (by === "id" && reviewDecisions(ask).includes("edit")) return edit({ args }, ask);
    return { problem: problem(ask.hitl_id, "mismatch", "The arguments are not those of the question.") };
  }
  if (ask.hitl_type === "confirm") return checked(ask, [{ confirmed: true }]);
  return checked(ask, [
    { decision: decisionsOf(ask)?.includes("approve_once") ? "approve_once" : "approve" },
  ]);
}

function edit(
  { name, args, approves }: Omit<Extract<Decision, { kind: "edit" }>, "kind">,
  ask: InteropAsk,
): Normalised | null {
  const wrong = otherCall(ask, name);
  if (wrong) return { problem: wrong };
  const offered = reviewDecisions(ask);
  const isEditable = offered.includes("edit");
  const { field, shown } = editableOf(ask);
  const { kept, read } = readArgs(ask, args);
  const isSameArgs = ask.hitl_type === "confirm" ? showsArgs(ask, args) : isSame(shown, kept);
  // Whoever may edit and changes nothing approves; elsewhere only one who says so as well.
  if (isSameArgs && offered.includes("approve") && (isEditable || approves === true))
    return approve({}, ask, "id");
  if (!isEditable) return null;
  // What was shown may be what the schema does not take: it was never checked.
  return checked(
    ask,
    [kept, read].map((edited) => ({ decision: "edit", [field]: edited })),
  );
}

function otherCall(ask: InteropAsk, name: string | undefined): InteropProblem | null {
  const action: Action = actionOf(ask);
  if (name === undefined || name === action.name || name === ask.hitl_type) return null;
  return problem(ask.hitl_id, "mismatch", `The answer is about ${name}, the question about ${action.name}.`);
}

function reject(ask: InteropAsk, message: string | undefined): Normalised | null {
  const said: JsonObject = message === undefined || message === "" ? {} : { message };
  const comment: JsonObject = said["message"] === undefined ? {} : { comment: said["message"] };
  if (ask.hitl_type === "confirm") return checked(ask, [{ confirmed: false, ...comment }]);
  if (ask.hitl_type === "external_auth") return checked(ask, [{ status: "denied", ...said }]);
  const decisions = decisionsOf(ask) ?? [];
  if (ask.hitl_type === "in_doubt" || decisions.includes("give_up"))
    return checked(ask, [{ decision: "give_up" }]);
  const decision = ["reject", "skip"].find((name) => decisions.includes(name));
  if (decision === undefined) return null;
  return checked(ask, [{ decision, ...(declares(ask, "comment") ? comment : said) }]);
}

function ignore(ask: InteropAsk): Normalised | null {
  return decisionsOf(ask)?.includes("skip") ? checked(ask, [{ decision: "skip" }]) : reject(ask, undefined);
}

function respond(ask: InteropAsk, text: string): JsonValue[] {
  if (!reviewDecisions(ask).includes("respond")) return [];
  return decisionsOf(ask)?.includes("respond")
    ? [{ decision: "respond", message: text }]
    : textAnswers(ask, text);
}

function submit(ask: InteropAsk, content: JsonObject): Normalised | null {
  // Opening the page is not what the page is for.
  if (ask.hitl_type === "external_auth" && Object.keys(content).length === 0) {
    const message = "That the page was opened grants nothing: the answer comes from there, by its callback.";
    return { problem: problem(ask.hitl_id, "not_allowed", message) };
  }
  if (Object.keys(content).length === 0 && reviewDecisions(ask).includes("approve"))
    return approve({}, ask, "id");
  return checked(ask, contentAnswer(ask, content));
}

/** What may be meant by a value that does not say what it is, the likeliest first. */
function plainAnswers(ask: InteropAsk, value: JsonValue): JsonValue[] {
  const answers: JsonValue[] = [value];
  const decisions = decisionsOf(ask);
  const isApproval = ask.hitl_type === "confirm" || (decisions !== null && ask.hitl_type !== "in_doubt");
  if (isApproval) {
    const said =
      value === true || value === "approve"
        ? "approve"
        : value === false || value === "reject"
          ? "reject"
          : null;
    const read =
      said === "approve" ? approve({}, ask, "id") : said === "reject" ? reject(ask, undefined) : null;
    if (read && "response" in read) return [read.response];
    const named = typeof value === "string" ? value : own(value, "response");
    if (typeof named === "string" && (decisions ?? DECISIONS).includes(named)) {
      const more = isObject(value) ? Object.entries(value).filter(([name]) => name !== "response") : [];
      answers.push({ ...Object.fromEntries(more), decision: named });
    }
    return answers;
  }
  if (typeof value === "string") return textAnswers(ask, value);
  if (ask.hitl_type !== "ask_user") return [coerceTo(ask.response_schema ?? undefined, value)];
  if (Array.isArray(value)) answers.push({ answer: inOptions(ask.data, value) });
  if (isObject(value)) {
    const [answer, some] = [own(value, "answer"), own(value, "answers")];
    if (answer !== undefined) answers.push({ ...value, answer: inOptions(ask.data, answer) });
    if (isObject(some)) answers.push({ ...value, answers: inQuestions(ask.data, some) });
  }
  return answers;
}

/** The first one that the schema takes; else what it says of the first. */
function checked(ask: InteropAsk, answers: readonly JsonValue[]): Normalised {
  const { hitl_id, response_schema } = ask;
  let first: InteropProblem | undefined;
  for (const answer of answers) {
    let response: JsonValue;
    try {
      response = toJson(answer, "answer");
    } catch (error) {
      first ??= problem(hitl_id, "invalid", (error as Error).message);
      continue;
    }
    const issues = response_schema === null ? [] : checkJsonSchema(response_schema, response);
    if (issues.length === 0) return { response };
    first ??= problem(hitl_id, "invalid", `${sentence(issues)} ${expected(ask)}`, issues);
  }
  return { problem: first ?? problem(hitl_id, "invalid", expected(ask)) };
}

/** Each issue is a sentence of its own, or none. */
function sentence(issues: readonly ResponseIssue[]): string {
  const parts = issues.map(({ path, message }) => ({ path, message: message.replace(/\.$/, "") }));
  return `${describeIssues(parts)}.`;
}

function notAllowed(ask: InteropAsk, kind: Decision["kind"]): InteropProblem {
  return problem(
    ask.hitl_id,
    "not_allowed",
    `This question cannot be answered by "${kind}". ${expected(ask)}`,
  );
}

/** For whoever's answer was not understood. */
export function expected(ask: InteropAsk): string {
  const named = reviewDecisions(ask);
  return `Expected: ${named.join(", ")}, or an answer that satisfies its response_schema.`;
}
