/** Requests that are read with limits, and answers as LangGraph's server gives them. */
import { HoldpointError, isHoldpointError } from "../../core/errors.ts";
import { type JsonLimits, type JsonObject, type JsonValue, toJson } from "../../core/json.ts";
import { HttpError, isHttpError } from "./http-error.ts";
import { plainInput } from "./plain-input.ts";
import { toWire } from "./wire.ts";

export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(toWire(value), {
    status,
    headers: { "content-type": "application/json", "x-content-type-options": "nosniff", ...headers },
  });
}

export function errorResponse(
  status: number,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  // `detail` is what LangGraph's servers say, `message` what the SDK's newer transport reads.
  return json({ detail, message: detail }, status, headers);
}

/** What a client may know of an error; null if it is the server's own. */
export function toHttpError(error: unknown): HttpError | null {
  if (isHttpError(error)) return error;
  if (!isHoldpointError(error)) return null;
  switch (error.code) {
    case "ERR_HITL_INVALID_INPUT":
    case "ERR_HITL_NOT_JSON":
    case "ERR_HITL_TOO_DEEP":
      return new HttpError(422, error.message);
    case "ERR_HITL_TOO_LARGE":
      return new HttpError(413, error.message);
    case "ERR_HITL_STORE":
    case "ERR_HITL_INDETERMINATE":
    case "ERR_HITL_CLOSED":
      return new HttpError(503, "The store is not available. Try again.", { "retry-after": "1" });
    default:
      return null;
  }
}

async function bytesOf(request: Request, maxBytes: number): Promise<Uint8Array> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  const tooLarge = (): HttpError => new HttpError(413, `The body may have ${maxBytes} bytes.`);
  if (announced > maxBytes) throw tooLarge();
  if (!request.body) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      await reader.cancel().catch(() => {});
      throw tooLarge();
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/**
 * The body as a JSON object; `{}` if there is none. Other content types are refused: a page of another origin may send
 * them without asking first.
 */
export async function readBody(request: Request, limits: JsonLimits): Promise<JsonObject> {
  const bytes = await bytesOf(request, limits.maxBytes);
  if (bytes.byteLength === 0) return {};
  const type = (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type !== "application/json") throw new HttpError(415, "The body has to be application/json.");
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new HttpError(400, "The body is no JSON.");
  }
  const value: JsonValue = toJson(parsed, "body", limits);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new HoldpointError("ERR_HITL_INVALID_INPUT", "The body has to be a JSON object.");
  return plainInput(value) as JsonObject;
}

export function flag(value: string | null): boolean {
  return value !== null && ["1", "true", "yes"].includes(value.toLowerCase());
}

/** A whole number of the query. @throws HttpError 422 */
export function numberOf(
  value: string | null,
  name: string,
  range: { min: number; max: number; otherwise: number },
): number {
  if (value === null || value === "") return range.otherwise;
  const number = Number(value);
  if (!Number.isInteger(number) || number < range.min || number > range.max)
    throw new HttpError(422, `${name} has to be a whole number from ${range.min} to ${range.max}.`);
  return number;
}
