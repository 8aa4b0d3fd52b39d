/** All that the components say themselves. Replace any of it with the `texts` property. */
import type { Decision } from "../core/hitl-types.ts";
import type { DraftFault } from "./form/draft.ts";
import type { AnswerState } from "./types.ts";

export interface HitlTexts {
  /** Heading of a question, by `hitl_type`; `other` for any other. */
  readonly headings: Readonly<Record<string, string>>;
  readonly requiredMark: string;
  readonly optionalMark: string;
  readonly yes: string;
  readonly no: string;
  readonly choose: string;
  readonly noAnswer: string;
  readonly other: string;
  readonly otherLabel: (field: string) => string;
  readonly addItem: (field: string) => string;
  readonly removeItem: (field: string, position: number) => string;
  readonly item: (field: string, position: number) => string;
  readonly between: (min: number | null, max: number | null) => string;
  readonly length: (min: number | null, max: number | null) => string;
  readonly count: (min: number | null, max: number | null) => string;
  readonly json: string;
  readonly jsonOrText: string;
  readonly faults: Readonly<Record<DraftFault, string>>;
  readonly hidden: (characters: string) => string;
  readonly showAll: (characters: number) => string;
  readonly answer: string;
  readonly send: string;
  readonly cancel: string;
  readonly retry: string;
  readonly confirm: string;
  readonly decline: string;
  readonly comment: string;
  readonly risk: (level: string) => string;
  readonly riskLevels: Readonly<Record<"low" | "medium" | "high", string>>;
  readonly tool: string;
  readonly arguments: string;
  readonly preview: string;
  readonly suggestions: string;
  readonly message: string;
  readonly scope: string;
  readonly editedArguments: string;
  readonly decisions: Readonly<Record<Decision, string>>;
  readonly sendEdited: string;
  readonly back: string;
  readonly openLink: (host: string) => string;
  readonly badLink: string;
  readonly provider: string;
  readonly scopes: string;
  readonly reference: string;
  readonly referenceHint: string;
  readonly granted: string;
  readonly denied: string;
  readonly stepsDone: string;
  readonly result: string;
  readonly decision: string;
  readonly askedBy: (tool: string) => string;
  readonly expiresAt: (at: Date) => string;
  readonly lastError: string;
  /** The live region: what has become of the answer. */
  readonly states: Readonly<Record<Exclude<AnswerState["state"], "error">, string>>;
  readonly errors: Readonly<Record<(AnswerState & { state: "error" })["cause"], string>>;
  readonly answeredBy: (name: string) => string;
  readonly reason: string;
  readonly theAnswer: string;
  readonly systemActor: string;
  readonly unknownActor: string;
  readonly thinking: string;
  readonly plan: string;
  readonly planSteps: Readonly<Record<"done" | "current" | "open", string>>;
  readonly toolUse: (name: string) => string;
  readonly node: (name: string) => string;
  readonly statuses: Readonly<Record<string, string>>;
  readonly error: string;
  readonly output: string;
}

/** Some of the texts; of a group, such as `decisions`, some of its own. */
export type TextOverrides = {
  readonly [name in keyof HitlTexts]?: HitlTexts[name] extends Readonly<Record<string, string>>
    ? Partial<HitlTexts[name]>
    : HitlTexts[name];
};

function range(min: number | null, max: number | null, unit: string): string {
  const tail = unit === "" ? "" : ` ${unit}`;
  if (min !== null && max !== null)
    return min === max ? `Exactly ${min}${tail}.` : `From ${min} to ${max}${tail}.`;
  if (min !== null) return `At least ${min}${tail}.`;
  return max === null ? "" : `At most ${max}${tail}.`;
}

export const ENGLISH: HitlTexts = {
  headings: {
    ask_user: "Question",
    confirm: "Please confirm",
    permission: "Permission needed",
    form: "Please fill in",
    external_auth: "Sign-in needed",
    workflow_human: "Your input is needed",
    in_doubt: "Did this happen?",
    other: "Your input is needed",
  },
  requiredMark: "(required)",
  optionalMark: "(optional)",
  yes: "Yes",
  no: "No",
  choose: "Choose …",
  noAnswer: "No answer",
  other: "Other",
  otherLabel: (field) => `${field}: other answer`,
  addItem: (field) => `Add to ${field}`,
  removeItem: (field, position) => `Remove ${field} ${position}`,
  item: (field, position) => `${field} ${position}`,
  between: (min, max) => range(min, max, ""),
  length: (min, max) => range(min === 0 ? null : min, max, "characters"),
  count: (min, max) => range(min === 0 ? null : min, max, "entries"),
  json: "As JSON.",
  jsonOrText: "As JSON, or plain text.",
  faults: {
    missing: "An answer is needed here.",
    not_a_number: "Enter a number.",
    not_an_integer: "Enter a whole number.",
    not_json: "This is not valid JSON.",
    not_a_date: "Enter date and time.",
  },
  hidden: (characters) => `Holds characters that are not seen: ${characters}`,
  showAll: (characters) => `Show all ${characters} characters`,
  answer: "Answer",
  send: "Send",
  cancel: "Cancel the request",
  retry: "Try again",
  confirm: "Yes, go on",
  decline: "No",
  comment: "Comment",
  risk: (level) => `Risk: ${level}`,
  riskLevels: { low: "low", medium: "medium", high: "high" },
  tool: "Tool",
  arguments: "Arguments",
  preview: "Preview",
  suggestions: "Suggested rules",
  message: "Message",
  scope: "Scope",
  editedArguments: "Changed arguments",
  decisions: {
    approve_once: "Approve once",
    approve_always: "Approve always",
    edit: "Edit …",
    reject: "Reject",
    respond: "Answer with the message",
    skip: "Skip",
  },
  sendEdited: "Approve with these changes",
  back: "Back",
  openLink: (host) => `Open ${host}`,
  badLink: "This address is not opened, it is no plain web address:",
  provider: "Provider",
  scopes: "Access asked for",
  reference: "Reference",
  referenceHint: "Never a password or a token.",
  granted: "I have given access",
  denied: "Refuse access",
  stepsDone: "Steps that are done",
  result: "Result",
  decision: "Decision",
  askedBy: (tool) => `Asked by ${tool}`,
  expiresAt: (at) => `Open until ${at.toLocaleString()}`,
  lastError: "The last answer could not be used:",
  states: {
    idle: "",
    sending: "Sending …",
    invalid: "The answer was not accepted. Please correct it.",
    answered: "Answered.",
    conflict: "Somebody else was quicker. Your answer was not used.",
    expired: "The time to answer is over. Nothing was approved.",
    cancelled: "The request was cancelled. Nothing was approved.",
  },
  errors: {
    forbidden: "You may not answer this.",
    not_found: "This question does not exist (any more).",
    indeterminate: "It is not known whether the answer was stored. Sending it again does no harm.",
    failed: "The answer could not be sent.",
  },
  answeredBy: (name) => `Answered by ${name}`,
  reason: "Reason",
  theAnswer: "The answer",
  systemActor: "the system",
  unknownActor: "somebody",
  thinking: "Thinking",
  plan: "Plan",
  planSteps: { done: "done", current: "in progress", open: "open" },
  toolUse: (name) => `Tool ${name}`,
  node: (name) => `Step ${name}`,
  statuses: {},
  error: "Error",
  output: "Output",
};

/** `base` with the texts of `own`; the groups are merged one by one. */
export function textsWith(own: TextOverrides, base: HitlTexts): HitlTexts {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined) continue;
    const known = merged[name];
    merged[name] =
      typeof value === "object" && typeof known === "object" ? { ...known, ...(value as object) } : value;
  }
  return merged as unknown as HitlTexts;
}
