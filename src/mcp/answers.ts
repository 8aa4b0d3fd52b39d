/** Answers of a client, given to the backend like any others (P1, P3, P4). */
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { mayAnswer } from "../core/answerers.ts";
import type { Actor, HITLRecord } from "../core/record.ts";
import { fromMcp1, toMcp1, type Mcp1Elicitation } from "../interop/mcp.ts";
import { isObject, own } from "../interop/ask.ts";
import { give } from "../interop/respond-from.ts";
import type { Showable } from "./exchange.ts";

/** What became of what a client said of one question. */
export type Said =
  /** It is answered, or cancelled by a human's own word; the record says how. */
  | { readonly became: "ended"; readonly note?: string }
  /** The question is still open, and may be shown again. */
  | { readonly became: "wrong"; readonly message: string }
  /** The page was opened; the answer comes from there. */
  | { readonly became: "opened" }
  /** The question is still open, and is not to be shown again. */
  | { readonly became: "dismissed"; readonly note?: string };

export interface AnswersOptions {
  readonly backend: StoreHITLBackend;
  readonly actor: Actor | undefined;
  readonly can: Showable;
  /** Which questions a client may answer; the others are for somebody else. */
  readonly elicit: (record: HITLRecord) => boolean;
}

export class Answers {
  readonly #options: AnswersOptions;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  /** The elicitation of a question; null for one that this client cannot show, or may not answer. */
  shown(record: HITLRecord, wrong?: string): Mcp1Elicitation | null {
    const { actor, can, elicit } = this.#options;
    if (!mayAnswer(record, actor) || !elicit(record)) return null;
    const params = toMcp1(record);
    if (!(params.mode === "url" ? can.url : can.form)) return null;
    return wrong === undefined ? params : { ...params, message: `${wrong}\n\n${params.message}` };
  }

  /** @throws HoldpointError of the store */
  async take(result: unknown, record: HITLRecord): Promise<Said> {
    // Whoever closes a window has said neither yes nor no.
    if (own(result, "action") === "cancel") return { became: "dismissed" };
    if (this.shown(record) === null) return { became: "dismissed", note: notYours(record) };
    const missing = missingOf(toMcp1(record), result);
    if (missing === "page") return { became: "opened" };
    if (missing.length > 0) return { became: "wrong", message: `The form needs: ${missing.join(", ")}.` };
    const { answers, problems } = fromMcp1(result, record);
    const [answer] = answers;
    if (!answer) return { became: "wrong", message: problems[0]?.message ?? "This is no answer." };
    const { actor, backend } = this.#options;
    const { result: given, problem } = await give(backend, answer, { actor });
    switch (given?.status) {
      case undefined:
      case "invalid":
      case "indeterminate":
        return { became: "wrong", message: problem?.message ?? "The answer was not taken." };
      case "forbidden":
        return { became: "dismissed", note: notYours(record) };
      case "conflict":
        return { became: "ended", note: tooLate(record) };
      default:
        return { became: "ended" };
    }
  }
}

/**
 * What was asked for and is not there; `page` for one that was opened. Whoever accepts a form that he has not filled in
 * has approved nothing (P8): a client may accept without showing it.
 */
function missingOf(params: Mcp1Elicitation, result: unknown): "page" | readonly string[] {
  if (own(result, "action") !== "accept") return [];
  const content = own(result, "content");
  if (params.mode === "form")
    return params.requestedSchema.required.filter((name) => own(content, name) === undefined);
  return isObject(content) && Object.keys(content).length > 0 ? [] : "page";
}

function notYours({ hitl_id }: HITLRecord): string {
  return `The question ${hitl_id} is for somebody else to answer.`;
}

/** P4 */
function tooLate({ hitl_id }: HITLRecord): string {
  return `The question ${hitl_id} had been answered before, in another way. That answer counts.`;
}
