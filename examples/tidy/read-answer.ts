/**
 * What a person types, as the answer that a question wants; the question itself is on the screen. Whether the answer is
 * a valid one, the backend decides.
 */
import type { HITLRecord, Option, Question } from "holdpoint";
import { visible } from "holdpoint/blocks";
import type { GrantSuggestion } from "holdpoint/policy";
import { grantText } from "./approvals.ts";
import { EDITABLE } from "./policy.ts";

/** One line; null when there will be none (Ctrl-C, Ctrl-D). */
export type ReadLine = (prompt: string) => Promise<string | null>;
export type Say = (line: string) => void;

/** A line that begins with "/" is for the program, not an answer: no name can begin so. */
export type Command =
  | { readonly command: "quit" | "list" | "all" | "help" | "approvals" }
  | { readonly command: "go"; readonly to: number }
  | { readonly command: "revoke"; readonly which: string };

export type Typed<T> = { readonly value: T } | Command;

export function isCommand(typed: object): typed is Command {
  return "command" in typed;
}

export async function readAnswer(record: HITLRecord, read: ReadLine, say: Say): Promise<Typed<unknown>> {
  const { data, hitl_type } = record;
  if (hitl_type === "confirm") return readConfirm(read, say);
  if (Array.isArray(data["allowed_decisions"])) return readDecision(record, read, say);
  if (hitl_type !== "ask_user") return readJson(`Your answer, as JSON: `, read, say);
  const questions = data["questions"] as readonly Question[] | undefined;
  if (!Array.isArray(questions)) return asAnswer(await readChoice(data as unknown as Question, read, say));
  const answers: Record<string, unknown> = {};
  for (const [index, question] of questions.entries()) {
    const typed = await readChoice(question, read, say, `Question ${index + 1} `);
    if (isCommand(typed)) return typed;
    answers[question.id] = typed.value;
  }
  return { value: { answers } };
}

function asAnswer(typed: Typed<unknown>): Typed<unknown> {
  return isCommand(typed) ? typed : { value: { answer: typed.value } };
}

async function readText(prompt: string, read: ReadLine): Promise<Typed<string>> {
  const line = await read(prompt);
  if (line === null) return { command: "quit" };
  const text = line.trim();
  if (!text.startsWith("/")) return { value: text };
  const word = text.slice(1);
  if (word === "quit" || word === "list" || word === "all" || word === "approvals") return { command: word };
  const [, which] = /^revoke\s+(\S+)$/.exec(word) ?? [];
  if (which !== undefined) return { command: "revoke", which };
  return /^\d+$/.test(word) ? { command: "go", to: Number(word) } : { command: "help" };
}

async function readConfirm(read: ReadLine, say: Say): Promise<Typed<unknown>> {
  for (;;) {
    const typed = await readText("[y/n, and a remark if you like] ", read);
    if (isCommand(typed)) return typed;
    const [, word, rest] = /^(y|yes|n|no)\b[\s,:]*(.*)$/i.exec(typed.value) ?? [];
    if (word !== undefined) {
      return { value: { confirmed: word.toLowerCase().startsWith("y"), ...(rest ? { comment: rest } : {}) } };
    }
    say("Please begin with y or n.");
  }
}

const DECISION_LABELS: Readonly<Record<string, string>> = {
  approve: "Yes",
  approve_once: "Yes",
  approve_always: "Yes, and do not ask again",
  reject: "No",
  respond: "No, and say this instead",
  skip: "Skip it",
};

/** What a permission and an approval call the same things. */
const PERMISSION = { shown: "args", edited: "edited_args", remark: "message" } as const;
const APPROVAL = { shown: "values", edited: "values", remark: "comment" } as const;

async function readDecision(record: HITLRecord, read: ReadLine, say: Say): Promise<Typed<unknown>> {
  const names = record.hitl_type === "permission" ? PERMISSION : APPROVAL;
  const choices = choicesOf(record, names.shown);
  const options = choices.map(({ label }, index) => ({ value: String(index), label }));
  sayNumbered(options, say);
  const typed = await readChoice({ id: "", message: "", options }, read, say);
  if (isCommand(typed)) return typed;
  const { response } = choices[Number(typed.value)] as Choice;
  const { decision } = response;
  if (decision === "edit") {
    const edited = await readEdit(record.data[names.shown], editableOf(record), read, say);
    return isCommand(edited) ? edited : { value: { decision, [names.edited]: edited.value } };
  }
  if (decision !== "reject" && decision !== "respond") return { value: response };
  const remark = await readText("Why? (may be empty) ", read);
  if (isCommand(remark)) return remark;
  return { value: { decision, ...(remark.value === "" ? {} : { [names.remark]: remark.value }) } };
}

interface Choice {
  readonly label: string;
  readonly response: { readonly decision: string; readonly scope?: string };
}

/** One for each decision, and for each standing approval that is offered. */
function choicesOf(record: HITLRecord, shown: string): readonly Choice[] {
  const { data } = record;
  const { suggestions, allowed_decisions } = data;
  const offered = (Array.isArray(suggestions) ? suggestions : []) as unknown as readonly GrantSuggestion[];
  const tool = String(data["tool"]);
  return ((allowed_decisions ?? []) as readonly string[]).flatMap((decision): Choice[] => {
    if (decision === "approve_always" && offered.length > 0)
      return offered.map((offer) => ({
        label: `Yes, and ${grantText({ tool, ...offer })}`,
        response: { decision, scope: offer.scope },
      }));
    const label =
      decision === "edit" ? editLabel(data[shown], editableOf(record)) : DECISION_LABELS[decision];
    return [{ label: label ?? decision, response: { decision } }];
  });
}

function editLabel(shown: unknown, editable: readonly string[] | undefined): string {
  if (listIn(shown)) return "Yes, but not all of it";
  return editable ? `Yes, with another ${editable.join(" or ")}` : "Yes, but otherwise";
}

/** The names of what may be edited; undefined if all may. */
function editableOf({ data }: HITLRecord): readonly string[] | undefined {
  const { tool } = data;
  return typeof tool === "string" && Object.hasOwn(EDITABLE, tool) ? EDITABLE[tool] : undefined;
}

/** Where there is one list and nothing else. */
function listIn(shown: unknown): readonly [name: string, list: readonly unknown[]] | null {
  const parts = Object.entries((shown ?? {}) as Record<string, unknown>);
  const [name, list] = parts[0] ?? ["", null];
  return parts.length === 1 && Array.isArray(list) ? [name, list] : null;
}

/** The entries of a list are picked by number, texts are typed one by one; anything else is typed as JSON. */
async function readEdit(
  shown: unknown,
  editable: readonly string[] | undefined,
  read: ReadLine,
  say: Say,
): Promise<Typed<unknown>> {
  const found = listIn(shown);
  if (found) {
    const [name, list] = found;
    const options = list.map(String);
    say("Which of them?");
    sayNumbered(options, say);
    const typed = await readChoice({ id: name, message: "", options, multiple: true }, read, say);
    return isCommand(typed) ? typed : { value: { [name]: typed.value } };
  }
  const edited: Record<string, unknown> = { ...((shown ?? {}) as Record<string, unknown>) };
  const texts = Object.keys(edited).filter((name) => editable?.includes(name) ?? true);
  if (texts.length === 0 || texts.some((name) => typeof edited[name] !== "string"))
    return readJson("All of it, as JSON: ", read, say);
  for (const name of texts) {
    const typed = await readText(`${visible(name)}, instead of "${visible(String(edited[name]))}": `, read);
    if (isCommand(typed)) return typed;
    // An empty line leaves it as it is.
    if (typed.value !== "") edited[name] = typed.value;
  }
  return { value: edited };
}

function sayNumbered(options: readonly Option[], say: Say): void {
  for (const [index, option] of options.entries())
    say(`  ${index + 1}) ${visible(typeof option === "string" ? option : option.label)}`);
}

async function readJson(prompt: string, read: ReadLine, say: Say): Promise<Typed<unknown>> {
  for (;;) {
    const typed = await readText(prompt, read);
    if (isCommand(typed)) return typed;
    try {
      return { value: JSON.parse(typed.value) as unknown };
    } catch (error) {
      say(`That is no JSON: ${visible((error as Error).message)}`);
    }
  }
}

/** The numbers are those at which the options are shown. */
async function readChoice(question: Question, read: ReadLine, say: Say, which = ""): Promise<Typed<unknown>> {
  const options = Array.isArray(question.options) ? (question.options as readonly Option[]) : [];
  const free = options.length === 0 || question.allow_free_text === true;
  const prompt = promptOf(options.length, free, question.multiple === true);
  for (;;) {
    const typed = await readText(which + prompt, read);
    if (isCommand(typed)) return typed;
    const picks = question.multiple ? picksOf(typed.value) : [typed.value];
    const picked = picks.map((pick) => valueOf(options, pick) ?? (free ? pick : undefined));
    // An empty line is a slip, not an answer.
    if (typed.value === "" || picked.includes(undefined)) say(`Please type ${prompt.slice(1, -2)}.`);
    else return { value: question.multiple ? [...new Set(picked)] : picked[0] };
  }
}

function promptOf(options: number, free: boolean, multiple: boolean): string {
  if (options === 0) return "[your own words] ";
  const number = options === 1 ? "1" : `1–${options}`;
  if (multiple) return `[numbers, for example 1,3 or 1-3] `;
  return free ? `[${number}, or your own words] ` : `[${number}] `;
}

function valueOf(options: readonly Option[], text: string): string | undefined {
  const option = /^\d+$/.test(text) ? options[Number(text) - 1] : undefined;
  if (option !== undefined) return typeof option === "string" ? option : option.value;
  return options
    .map((each) => (typeof each === "string" ? each : each.value))
    .find((value) => value === text);
}

/** `1,3-5` → 1, 3, 4, 5. */
function picksOf(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [, from, to] = /^(\d{1,4})\s*-\s*(\d{1,4})$/.exec(part) ?? [];
      if (from === undefined || to === undefined) return [part];
      return Array.from({ length: Math.max(0, Number(to) - Number(from) + 1) }, (_, index) =>
        String(Number(from) + index),
      );
    });
}
