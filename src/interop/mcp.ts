/** MCP elicitation: of protocol 2025-11-25 (SDK 1), and in tool results of several rounds of 2026-07-28 (SDK 2). */
import { HoldpointError } from "../core/errors.ts";
import { descriptionOf, type InteropAsk, own } from "./ask.ts";
import { formOf, type Mcp1Form } from "./mcp-form.ts";
import { type ReadAnswers, readAnswers } from "./read-answers.ts";

/** A flat form, or a page to open. */
export type Mcp1Elicitation =
  | {
      readonly mode: "form";
      readonly message: string;
      readonly requestedSchema: Mcp1Form;
    }
  | {
      readonly mode: "url";
      readonly message: string;
      readonly elicitationId: string;
      readonly url: string;
    };

/** What the client answers. */
export interface Mcp1Result {
  readonly action: "accept" | "decline" | "cancel";
  readonly content?: { readonly [name: string]: string | number | boolean | readonly string[] };
}

/** No interface: that would not fit the SDK's own type, which has an index signature. */
export type Mcp2InputRequired = {
  readonly resultType: "input_required";
  readonly inputRequests: {
    readonly [hitl_id: string]: { readonly method: "elicitation/create"; readonly params: Mcp1Elicitation };
  };
  readonly requestState?: string;
};

/** What the client sends with the call that it makes again. */
export interface Mcp2InputResponses {
  readonly inputResponses: { readonly [hitl_id: string]: Mcp1Result };
  readonly requestState?: string;
}

/** The `params` of `elicitation/create`. A schema that no flat form can show becomes one field of JSON text. */
export function toMcp1(ask: InteropAsk): Mcp1Elicitation {
  const url = own(ask.data, "auth_url");
  const message = descriptionOf(ask);
  if (ask.hitl_type === "external_auth" && typeof url === "string" && isWebAddress(url))
    return { mode: "url", message, elicitationId: ask.hitl_id, url };
  return { mode: "form", message, requestedSchema: formOf(ask) };
}

/** P8: a client may open it as it is. */
function isWebAddress(url: string): boolean {
  return URL.canParse(url) && ["https:", "http:"].includes(new URL(url).protocol);
}

/** The result of `elicitation/create` for this question. */
export function fromMcp1(value: unknown, ask: InteropAsk): ReadAnswers {
  return readAnswers(value, [ask], { formats: ["mcp_1"], plain: false });
}

/**
 * A tool result that asks, one request for each question, by `hitl_id`.
 *
 * @param requestState - comes back from the client, and may be anything by then: sign it, or leave it out and look the
 * questions up
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` without questions and without a state: MCP has no such result
 */
export function toMcp2(asks: readonly InteropAsk[], requestState?: string): Mcp2InputRequired {
  if (asks.length === 0 && requestState === undefined)
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      "A result that requires input needs a question or a requestState: return the tool's own result if nothing is open.",
    );
  const requests = asks.map(
    (ask) => [ask.hitl_id, { method: "elicitation/create", params: toMcp1(ask) }] as const,
  );
  return {
    resultType: "input_required",
    inputRequests: Object.fromEntries(requests),
    ...(requestState === undefined ? {} : { requestState }),
  };
}

/** `inputResponses` of the call that is made again. What is in `requestState` is not read. */
export function fromMcp2(value: unknown, asks: readonly InteropAsk[]): ReadAnswers {
  return readAnswers(value, asks, { formats: ["mcp_2"], plain: false });
}
