/**
 * One `tools/call` request, as either of the official SDKs hands it to a tool's handler: `@modelcontextprotocol/sdk` 1
 * (protocol 2025-11-25) or `@modelcontextprotocol/server` 2 (2026-07-28, and 2025-11-25 for older clients). Neither is
 * imported: their shapes are all that is needed.
 */
import { z } from "zod";

/** What is known of whoever calls. */
export interface McpRequest {
  readonly tool: string;
  /** Of the transport, where it has sessions. */
  readonly session_id: string | undefined;
  /** What the server's own verifier made of the access token (`AuthInfo` of the SDKs); undefined without one. */
  readonly auth:
    | { readonly clientId?: string; readonly extra?: Readonly<Record<string, unknown>> }
    | undefined;
  /** The HTTP request: `RequestInfo` of SDK 1, `Request` of SDK 2. Undefined for other transports. */
  readonly http: unknown;
  /** `_meta` of the request, as the client sent it. */
  readonly meta: Readonly<Record<string, unknown>>;
}

/** What the client can show of an elicitation. */
export interface Showable {
  readonly form: boolean;
  readonly url: boolean;
}

export interface Exchange {
  readonly request: McpRequest;
  /** `rounds`: questions are the result of the call. `push`: they are requests of the server, while the call waits. */
  readonly way: "rounds" | "push";
  readonly can: Showable;
  /** Aborted when the client has cancelled the request, or is gone. */
  readonly signal: AbortSignal;
  /** That of an earlier round, from the client: anything. */
  readonly reference: unknown;
  /** `inputResponses` of a round, from the client: anything. */
  readonly responses: unknown;
  elicit(
    params: unknown,
    options: { readonly signal: AbortSignal; readonly timeout: number },
  ): Promise<unknown>;
  /** Whether it arrives is not known. */
  notify(method: string, params: Readonly<Record<string, unknown>>): Promise<void>;
}

/** The key of `_meta` by which a client names the call that it goes on with, and in which a waiting result names it. */
export const CALL_META = "holdpoint/call";

const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};

/** An elicitation that names no mode is one by form. */
export function showableBy(capabilities: unknown): Showable {
  const { elicitation } = fieldsOf(capabilities);
  if (typeof elicitation !== "object" || elicitation === null) return { form: false, url: false };
  const { form, url } = elicitation as Fields;
  return { form: form !== undefined || url === undefined, url: url !== undefined };
}

/** Handed to handlers by SDK 1. */
interface Extra {
  readonly signal: AbortSignal;
  readonly sessionId?: string;
  readonly _meta?: Fields;
  readonly authInfo?: McpRequest["auth"];
  readonly requestInfo?: unknown;
  sendRequest(request: object, resultSchema: unknown, options: object): Promise<unknown>;
  sendNotification(notification: object): Promise<void>;
}

/** Handed to handlers by SDK 2. */
interface Context {
  readonly sessionId?: string;
  readonly mcpReq: {
    readonly signal: AbortSignal;
    readonly _meta?: Fields;
    readonly envelope?: Fields;
    readonly inputResponses?: unknown;
    requestState(): unknown;
    send(request: object, options: object): Promise<unknown>;
    notify(notification: object): Promise<void>;
  };
  readonly http?: { readonly authInfo?: McpRequest["auth"]; readonly req?: unknown };
}

/** What comes back is read by the question's own schema. */
const ANY_RESULT = z.looseObject({});

/** @param declared - what the client said that it can do when it connected; older protocols only */
export function exchangeOf(tool: string, given: unknown, declared: () => unknown): Exchange {
  const isContext = "mcpReq" in fieldsOf(given);
  return isContext ? ofContext(tool, given as Context, declared) : ofExtra(tool, given as Extra, declared);
}

function ofExtra(tool: string, extra: Extra, declared: () => unknown): Exchange {
  const meta = extra._meta ?? {};
  return {
    request: {
      tool,
      session_id: extra.sessionId,
      auth: extra.authInfo,
      http: extra.requestInfo,
      meta,
    },
    way: "push",
    can: showableBy(declared()),
    signal: extra.signal,
    reference: meta[CALL_META],
    responses: undefined,
    elicit: (params, options) =>
      extra.sendRequest({ method: "elicitation/create", params }, ANY_RESULT, options),
    notify: async (method, params) => extra.sendNotification({ method, params }),
  };
}

function ofContext(tool: string, { sessionId, mcpReq, http }: Context, declared: () => unknown): Exchange {
  const meta = mcpReq._meta ?? {};
  const { envelope } = mcpReq;
  return {
    request: { tool, session_id: sessionId, auth: http?.authInfo, http: http?.req, meta },
    way: envelope ? "rounds" : "push",
    can: showableBy(envelope ? envelope[CAPABILITIES] : declared()),
    signal: mcpReq.signal,
    reference: mcpReq.requestState() ?? meta[CALL_META],
    responses: mcpReq.inputResponses,
    elicit: (params, options) => mcpReq.send({ method: "elicitation/create", params }, options),
    notify: async (method, params) => mcpReq.notify({ method, params }),
  };
}
