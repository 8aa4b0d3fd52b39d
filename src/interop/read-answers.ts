/** From a value that somebody else's user interface has sent to the answers of our questions (docs/interop.md). */
import { isHoldpointError } from "../core/errors.ts";
import { type JsonLimits, type JsonValue, toJson } from "../core/json.ts";
import { actionOf, declares, type InteropAsk, interruptId, isObject, isSame } from "./ask.ts";
import { readDecision, type Told } from "./decision.ts";
import type { InteropFormat } from "./formats.ts";
import { expected, type AddressedBy, normalise, showsArgs } from "./normalise.ts";
import { type InteropProblem, problem } from "./problem.ts";
import { CANCEL, isWakeUp, type Part, structured, unfold } from "./unfold.ts";

/** An answer that was understood, and that the question's schema takes. */
export type InteropAnswer = {
  readonly hitl_id: string;
  /** How it said so; null for a mere value, which is of no format. */
  readonly format: InteropFormat | null;
  /** How it is known that this question is meant. */
  readonly by: AddressedBy;
} & (
  | { readonly response: JsonValue; readonly cancel?: undefined }
  | { readonly cancel: true; readonly reason: string; readonly response?: undefined }
);

export interface ReadAnswers {
  readonly answers: readonly InteropAnswer[];
  readonly problems: readonly InteropProblem[];
}

export interface ReadOptions {
  /** Only these are understood. Default: all. */
  readonly formats?: readonly InteropFormat[] | undefined;
  /**
   * A value that neither says that it is an answer nor whose (`true`, a text, `{ confirmed: true }`) answers the only open
   * question. Default true.
   */
  readonly plain?: boolean | undefined;
  /** The questions are in the order in which they were shown: a list of answers may stand for them. Default true. */
  readonly byPlace?: boolean | undefined;
  /** Something else is open beside these questions, so that nothing is meant for being the only one. Default false. */
  readonly othersOpen?: boolean | undefined;
  /**
   * Questions that were shown beside these, and are open no more: what has no id may be meant for one of them. So it counts
   * only if it names a call that is that of one open question, and of none of these. Default none.
   */
  readonly closed?: readonly InteropAsk[] | undefined;
}

/** Several answers of the largest size that a record takes. */
const LIMITS: JsonLimits = { maxBytes: 2 * 1024 * 1024, maxDepth: 72 };
const NOTHING: ReadAnswers = { answers: [], problems: [] };

/**
 * What `value` answers of `asks`, the open questions. It changes nothing, and never throws: what is not understood, or not
 * meant for exactly one question, is a problem that says what was expected. Null, an empty object or list, and holdpoint's
 * own wake-ups are neither.
 *
 * @param value - as it came: from `Command({ resume })`, a request, a message
 * @param asks - open records, in the order in which they were shown
 *
 * @example
 * ```ts
 * import type { HITLRecord } from "holdpoint";
 * import { readAnswers } from "holdpoint/interop";
 *
 * export function understood(value: unknown, asks: readonly HITLRecord[]): string {
 *   const { answers, problems } = readAnswers(value, asks);
 *   return problems.length > 0 ? problems.map(({ message }) => message).join(" ") : `${answers.length} answers`;
 * }
 * ```
 */
export function readAnswers(
  value: unknown,
  asks: readonly InteropAsk[],
  options: ReadOptions = {},
): ReadAnswers {
  if (value === undefined || value === null) return NOTHING;
  let json: JsonValue;
  try {
    json = toJson(value, "the value", LIMITS);
  } catch (error) {
    const why = isHoldpointError(error) ? error.message : "it cannot be read";
    return { answers: [], problems: [problem(null, "unreadable", why)] };
  }
  return new Reader(asks, options).read(json);
}

class Reader {
  readonly #asks: readonly InteropAsk[];
  readonly #options: ReadOptions;
  readonly #closed: readonly InteropAsk[];
  readonly #answers = new Map<string, InteropAnswer>();
  readonly #problems: InteropProblem[] = [];
  /** By interrupt id, `hitl_id` and tool call; several of one call. Null for an id that two questions have. */
  readonly #byId = new Map<string, InteropAsk | null>();
  readonly #byCall = new Map<string, InteropAsk[]>();

  constructor(asks: readonly InteropAsk[], options: ReadOptions) {
    const listed = new Map(asks.map((ask) => [ask.hitl_id, ask]));
    this.#asks = listed.size === asks.length ? asks : [...listed.values()];
    this.#options = options;
    this.#closed = options.closed ?? [];
    for (const ask of this.#asks) {
      const { hitl_id, tool_call_id } = ask;
      for (const id of [hitl_id, interruptId(ask)]) {
        const known = this.#byId.get(id);
        this.#byId.set(id, known === undefined || known === ask ? ask : null);
      }
      if (tool_call_id !== null)
        this.#byCall.set(tool_call_id, [...(this.#byCall.get(tool_call_id) ?? []), ask]);
    }
  }

  read(value: JsonValue): ReadAnswers {
    if (isWakeUp(value)) return NOTHING;
    const unfolded = unfold(value, (id) => this.#byId.has(id) || this.#byCall.has(id));
    if (unfolded === null) return NOTHING;
    if ("wrong" in unfolded) this.#fail(null, "not_understood", `${unfolded.wrong}. ${this.#expected()}`);
    else if (unfolded.parts.some(({ formats }) => formats && !this.#accepts(formats)))
      this.#fail(null, "not_understood", `It is of another format. ${this.#expected()}`);
    else {
      const { parts, isList } = unfolded;
      if (isList && parts.length > 1) this.#readList(parts);
      else for (const part of parts) this.#readPart(part, isList);
    }
    return { answers: [...this.#answers.values()], problems: this.#problems };
  }

  #readPart(part: Part, isList: boolean): void {
    if (part.to !== undefined) {
      const ask = this.#find(part.to);
      if (!ask) return;
      if (part.wrong === undefined) this.#take(part, ask, "id");
      else this.#fail(ask.hitl_id, "not_understood", `${part.wrong}. ${this.#expected(ask)}`);
      return;
    }
    const read = this.#told(part, null);
    if (!read) return;
    const only = this.#only();
    if (only) return this.#take(part, only, "only");
    // A list of one is not as long as what was shown.
    const meant = isList || this.#options.othersOpen ? undefined : this.#byContent(read);
    if (meant) return this.#take(part, meant, "content");
    if (isList && !this.#options.othersOpen && this.#asks.length > 1) {
      const count = this.#asks.length;
      return this.#fail(
        null,
        "wrong_count",
        `There is 1 decision for ${count} questions. ${this.#expected()}`,
      );
    }
    this.#refuseUnaddressed();
  }

  /** P3: one that is about another call than the one at its place was made for another list, and so were the others. */
  #readList(parts: readonly Part[]): void {
    const { byPlace = true, othersOpen = false } = this.#options;
    if (parts.length !== this.#asks.length) {
      const [given, open] = [parts.length, this.#asks.length];
      return this.#fail(
        null,
        "wrong_count",
        `There are ${given} decisions for ${open} questions. ${this.#expected()}`,
      );
    }
    if (!byPlace || othersOpen || this.#closed.length > 0) return this.#refuseUnaddressed();
    for (const [index, part] of parts.entries()) {
      const read = this.#told(part, null);
      if (!read) return;
      const ask = this.#asks[index] as InteropAsk;
      const { decision } = read;
      const isAbout = (one: InteropAsk): boolean => {
        if (decision.kind !== "approve" && decision.kind !== "edit") return true;
        const { name, args } = decision;
        if (name !== undefined && name !== actionOf(one).name && name !== one.hitl_type) return false;
        return decision.kind === "edit" || args === undefined || showsArgs(one, args);
      };
      if (!isAbout(ask))
        return this.#fail(
          ask.hitl_id,
          "mismatch",
          `Decision ${index + 1} is about another call. ${this.#expected()}`,
        );
    }
    for (const [index, part] of parts.entries()) this.#take(part, this.#asks[index] as InteropAsk, "place");
  }

  #find(id: string): InteropAsk | undefined {
    const ask = this.#byId.get(id);
    if (ask) return ask;
    if (ask === null) {
      this.#fail(null, "ambiguous", `Two open questions have the id ${id}.`);
      return undefined;
    }
    const ofCall = this.#byCall.get(id) ?? [];
    if (ofCall.length === 1) return ofCall[0];
    if (ofCall.length > 1)
      this.#fail(
        null,
        "ambiguous",
        `The call ${id} has ${ofCall.length} open questions. Answer by interrupt id.`,
      );
    else this.#fail(null, "unknown_id", `No open question has the id ${id}. ${this.#expected()}`);
    return undefined;
  }

  #only(): InteropAsk | undefined {
    const isOnly = this.#asks.length === 1 && this.#closed.length === 0 && !this.#options.othersOpen;
    return isOnly ? this.#asks[0] : undefined;
  }

  #byContent({ decision }: Told): InteropAsk | undefined {
    if ((decision.kind !== "approve" && decision.kind !== "edit") || decision.name === undefined)
      return undefined;
    const { kind, name, args } = decision;
    const shown = [...this.#asks, ...this.#closed];
    const ofTool = shown.filter((ask) => ask.hitl_type !== name && actionOf(ask).name === name);
    const meant = kind === "approve" && args ? ofTool.filter((ask) => showsArgs(ask, args)) : ofTool;
    const [one] = meant;
    return meant.length === 1 && one && this.#asks.includes(one) ? one : undefined;
  }

  /** The decision; undefined, and a problem, for what is none. */
  #told(part: Part, ask: InteropAsk | null): Told | undefined {
    const hitl_id = ask?.hitl_id ?? null;
    if (part.body === CANCEL)
      return { decision: { kind: "cancel" }, formats: part.formats ?? [], mark: null };
    const read = readDecision(part.body);
    if ("wrong" in read) {
      this.#fail(hitl_id, "not_understood", `${read.wrong}. ${this.#expected(ask)}`);
      return undefined;
    }
    const isEnveloped = part.formats !== undefined;
    if (!isEnveloped && read.mark !== null && !this.#accepts(read.formats)) {
      this.#fail(hitl_id, "not_understood", `It is of another format. ${this.#expected(ask)}`);
      return undefined;
    }
    if (!isEnveloped && read.mark === null && this.#options.plain === false) {
      this.#fail(hitl_id, "not_understood", `It does not say that it is an answer. ${this.#expected(ask)}`);
      return undefined;
    }
    return read;
  }

  #take(part: Part, ask: InteropAsk, by: AddressedBy): void {
    const inner = part.to === undefined ? part : this.#inner(part, ask);
    const read = inner && this.#told(inner, ask);
    if (!read) return;
    const normalised = normalise(read, ask, by, inner.body === CANCEL ? null : inner.body);
    if ("problem" in normalised) return void this.#problems.push(normalised.problem);
    const { hitl_id } = ask;
    const accepted = this.#options.formats;
    const formats = [...read.formats, ...(part.formats ?? [])];
    const format = formats.find((name) => accepted?.includes(name) ?? true) ?? part.formats?.[0] ?? null;
    const answer: InteropAnswer = { hitl_id, format, by, ...normalised };
    const known = this.#answers.get(hitl_id);
    if (
      known === undefined &&
      !this.#problems.some((one) => one.code === "repeated" && one.hitl_id === hitl_id)
    ) {
      this.#answers.set(hitl_id, answer);
    } else if (known && !isSame(contentOf(known), contentOf(answer))) {
      this.#answers.delete(hitl_id);
      this.#fail(hitl_id, "repeated", "There are two answers to one question, and they differ.");
    }
  }

  /** What is addressed to one question may be wrapped once more: a list of decisions, or a text. */
  #inner(part: Part, ask: InteropAsk): Part | undefined {
    const formats = part.formats ?? [];
    if (part.body === CANCEL) return part;
    const body = typeof part.body === "string" ? (structured(part.body) ?? part.body) : part.body;
    // A form that has a field `decisions` means its own.
    const isOwn = isObject(body) && Object.keys(body).some((name) => declares(ask, name));
    const inside = isOwn || isWakeUp(body) ? null : unfold(body, () => false);
    if (inside === null) return { body, formats };
    if ("wrong" in inside) {
      this.#fail(ask.hitl_id, "not_understood", `${inside.wrong}. ${this.#expected(ask)}`);
      return undefined;
    }
    const { parts } = inside;
    const place = parts.length === 1 ? 0 : parts.length === this.#asks.length ? this.#asks.indexOf(ask) : -1;
    const meant = parts[place];
    if (!meant || (parts.length > 1 && this.#options.byPlace === false)) {
      this.#fail(
        ask.hitl_id,
        "wrong_count",
        `There are ${parts.length} decisions for one question. ${this.#expected(ask)}`,
      );
      return undefined;
    }
    if (meant.to !== undefined && this.#byId.get(meant.to) !== ask && !this.#isCallOf(meant.to, ask)) {
      this.#fail(ask.hitl_id, "ambiguous", "It is addressed to two questions.");
      return undefined;
    }
    return { body: meant.body, formats: meant.formats ?? formats };
  }

  #isCallOf(id: string, { tool_call_id }: InteropAsk): boolean {
    return tool_call_id === id;
  }

  #accepts(formats: readonly InteropFormat[]): boolean {
    const accepted = this.#options.formats;
    return accepted === undefined || formats.some((format) => accepted.includes(format));
  }

  #refuseUnaddressed(): void {
    if (this.#asks.length === 0) this.#fail(null, "unknown_id", "No question is open.");
    else
      this.#fail(
        null,
        "ambiguous",
        `It does not say which of the open questions it answers. ${this.#expected()}`,
      );
  }

  #expected(ask?: InteropAsk | null): string {
    const one = ask ?? this.#only();
    if (one) return expected(one);
    return "Expected: { [interrupt id]: answer }, or as many decisions as there are questions.";
  }

  #fail(hitl_id: string | null, code: InteropProblem["code"], message: string): void {
    this.#problems.push(problem(hitl_id, code, message));
  }
}

function contentOf({ response, cancel }: InteropAnswer): JsonValue {
  return cancel ? { cancel } : { response };
}
