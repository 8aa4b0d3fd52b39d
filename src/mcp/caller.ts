/** Who calls, which calls of his are the same, and where in the store they are. */
import { HoldpointError } from "../core/errors.ts";
import { hashJson, isValidForeignId, slotOf } from "../core/ids.ts";
import { type JsonObject, toJsonObject } from "../core/json.ts";
import { type Actor, ActorSchema } from "../core/record.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import type { Place } from "../suspend/place.ts";
import type { McpRequest } from "./exchange.ts";

export interface Caller {
  /** Answers what is asked of him. */
  readonly actor: Actor | undefined;
  readonly session_id: string;
  /** Nobody else could be this caller, as far as the server is told: a call without a reference may be his open one. */
  readonly isKnown: boolean;
  /** Everything by which callers are told apart. */
  readonly name: readonly (string | null)[];
}

export interface CallerOptions {
  readonly user?: ((request: McpRequest) => string | Actor | undefined) | undefined;
  readonly session?: ((request: McpRequest) => string | undefined) | undefined;
}

/** The session of callers of whom nothing is known. */
const NOBODY = "mcp";

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT`; what the options throw: the call does not begin then (P8) */
export function callerOf(request: McpRequest, { user, session }: CallerOptions): Caller {
  const actor = actorOf(user?.(request));
  const { session_id: transport, auth, http } = request;
  const session_id = session?.(request) ?? actor?.id ?? transport ?? NOBODY;
  if (!isValidForeignId(session_id))
    throw invalid("session", "1 to 255 characters, without control characters");
  // One process speaks to one client by its own streams; over HTTP anybody may call.
  const isKnown = actor !== undefined || transport !== undefined || http === undefined;
  const name = [actor?.id ?? null, session_id, auth?.clientId ?? null];
  return { actor, session_id, isKnown, name };
}

function actorOf(given: unknown): Actor | undefined {
  if (given === undefined) return undefined;
  const read = ActorSchema.safeParse(typeof given === "string" ? { id: given } : given);
  if (read.success) return read.data;
  throw invalid("user", "an id of 1 to 255 characters, an actor, or undefined");
}

function invalid(option: string, expected: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", `The option ${option} has to give ${expected}.`, {
    details: { option },
  });
}

/** What is asked for: two calls with one intent are the same call while it is open, if no other request holds it. */
export interface Intent {
  readonly caller: Caller;
  readonly tool: string;
  readonly args: JsonObject;
  /** Equal for equal caller, tool and arguments, whatever the order of their keys (P7). */
  readonly hash: string;
}

/** @throws HoldpointError `ERR_HITL_NOT_JSON`, `ERR_HITL_TOO_LARGE`, `ERR_HITL_TOO_DEEP` */
export function intentOf(caller: Caller, tool: string, given: unknown, tenant_id: string): Intent {
  const args = toJsonObject(given ?? {}, "arguments");
  return { caller, tool, args, hash: hashJson(["mcp", tenant_id, [...caller.name], tool, args]) };
}

/** Nothing of a graph is needed: what a call waits for is in its record, and no checkpoint is. */
const NO_CHECKPOINTS: Place["checkpointer"] = { getTuple: () => Promise.resolve(undefined) };

/** Each call is a thread of its own, so that its records are kept and removed together. */
export function placeOfCall(backend: StoreHITLBackend, { caller, hash }: Intent, call_id: string): Place {
  const { tenant_id } = backend;
  const { session_id } = caller;
  return {
    backend,
    tenant_id,
    thread_id: call_id,
    checkpoint_ns: "mcp",
    node_id: null,
    graph_name: null,
    session_id,
    invocation_id: call_id,
    slot: slotOf(tenant_id, session_id),
    root_checkpoint_id: null,
    fresh: true,
    attempt: 0,
    durability: "sync",
    checkpointer: NO_CHECKPOINTS,
    checkpointMap: {},
    pause: undefined,
    emit: undefined,
    call_keys: { invocation: hash },
  };
}
