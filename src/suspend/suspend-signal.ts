/**
 * `HITLSuspend`: a tool stops for a human. It is control flow, not a failure: whoever catches everything has to
 * let it pass (`isHITLSuspend`). For hosts that know nothing of us it looks like LangGraph's own interrupt, so
 * that they pause instead of handing the model an error.
 */
import { z } from "zod";
import { defaultRandomId, interruptIdOf, isValidForeignId } from "../core/ids.ts";
import { HoldpointError } from "../core/errors.ts";
import { type JsonObject, toJsonObject } from "../core/json.ts";
import { type HITLType, type OnExpire, type ResumeMode, ResumeModeSchema } from "../core/record.ts";
import type { StandardSchema } from "../core/response-schema.ts";

const BRAND: unique symbol = Symbol.for("holdpoint.suspend") as never;

/** What becomes of the ask besides aury's ten fields. */
export interface AskOptions {
  /** Names the question within its call (P2). Needed when its text changes between runs. */
  readonly key?: string | undefined;
  /** JSON Schema or Standard Schema of the answer. Default: that of the type. */
  readonly response_schema?: Readonly<Record<string, unknown>> | boolean | StandardSchema | undefined;
  /** Epoch milliseconds; or give `expiresInMs`. */
  readonly expires_at?: number | undefined;
  /** Milliseconds from the first time that the question is asked. */
  readonly expiresInMs?: number | undefined;
  readonly on_expire?: OnExpire | undefined;
  readonly assignee?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface HITLSuspendInit extends AskOptions {
  /** An own id names the question within its thread; without one the record's id says where it was asked. */
  readonly hitl_id?: string | undefined;
  /** Default `ask_user`. */
  readonly hitl_type?: HITLType | undefined;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  readonly node_id?: string | null | undefined;
  readonly tool_name?: string | null | undefined;
  readonly block_id?: string | null | undefined;
  /** `response` (default): the answer is the tool's output. `continuation`: the tool is called again. */
  readonly resume_mode?: ResumeMode | undefined;
  /** Continuation: what the tool wants to find in {@link resumption} when it is called again. JSON. */
  readonly tool_state?: Readonly<Record<string, unknown>> | null | undefined;
  readonly checkpoint_id?: string | null | undefined;
  /** Completed from outside by `backend.getByCallback`. */
  readonly callback_id?: string | null | undefined;
}

/** The signal's wire form: aury's ten keys. */
export interface HITLSuspendJson {
  readonly hitl_id: string;
  readonly hitl_type: string;
  readonly data: JsonObject;
  readonly node_id: string | null;
  readonly tool_name: string | null;
  readonly block_id: string | null;
  readonly metadata: JsonObject;
  readonly resume_mode: ResumeMode;
  readonly tool_state: JsonObject | null;
  readonly checkpoint_id: string | null;
}

const text = z.string().nullish();
const object = z.record(z.string(), z.unknown());

const WIRE = z.object({
  hitl_id: z.string(),
  hitl_type: z.string().optional(),
  data: object.optional(),
  node_id: text,
  tool_name: text,
  block_id: text,
  metadata: object.optional(),
  resume_mode: ResumeModeSchema.optional(),
  tool_state: object.nullish(),
  checkpoint_id: text,
});

/**
 * Throw it in a tool to ask a human.
 *
 * @example
 * ```ts
 * import { HITLSuspend } from "holdpoint";
 *
 * export function whichAccount(): never {
 *   throw new HITLSuspend({ hitl_type: "ask_user", data: { message: "Which account?", options: ["main", "savings"] } });
 * }
 * ```
 */
export class HITLSuspend extends Error implements HITLSuspendJson {
  /** @internal The signal of any copy of the package. */
  get [BRAND](): true {
    return true;
  }

  /** LangGraph tells an interrupt by this name; another one turns the pause into an error for the model. */
  override readonly name: string = "GraphInterrupt";
  readonly is_bubble_up: true = true;
  readonly hitl_id: string;
  readonly hitl_type: string;
  readonly data: JsonObject;
  readonly node_id: string | null;
  readonly tool_name: string | null;
  readonly block_id: string | null;
  readonly metadata: JsonObject;
  readonly resume_mode: ResumeMode;
  readonly tool_state: JsonObject | null;
  readonly checkpoint_id: string | null;
  /** @internal What the engine needs besides the ten fields. */
  readonly ask: AskOptions & { readonly alias?: string; readonly callback_id?: string | null | undefined };

  constructor(init: HITLSuspendInit) {
    const given = init.hitl_id;
    if (given !== undefined && !isValidForeignId(given)) {
      throw new HoldpointError(
        "ERR_HITL_INVALID_INPUT",
        "hitl_id has to be 1 to 255 characters without control characters.",
      );
    }
    const hitl_id = given ?? `hitl_${defaultRandomId().slice(0, 12)}`;
    const hitl_type = init.hitl_type ?? "ask_user";
    // A signal is thrown on every round; its stack is never read.
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(`HITL suspend: ${hitl_type} (${hitl_id})`);
    Error.stackTraceLimit = limit;
    this.hitl_id = hitl_id;
    this.hitl_type = hitl_type;
    this.data = toJsonObject(init.data ?? {}, "data");
    this.node_id = init.node_id ?? null;
    this.tool_name = init.tool_name ?? null;
    this.block_id = init.block_id ?? null;
    this.metadata = toJsonObject(init.metadata ?? {}, "metadata");
    this.resume_mode = init.resume_mode ?? "response";
    this.tool_state = init.tool_state ? toJsonObject(init.tool_state, "tool_state") : null;
    this.checkpoint_id = init.checkpoint_id ?? null;
    const { key, response_schema, expires_at, expiresInMs, on_expire, assignee, callback_id } = init;
    this.ask = {
      key,
      response_schema,
      expires_at,
      expiresInMs,
      on_expire,
      assignee,
      callback_id,
      ...(given === undefined ? {} : { alias: given }),
    };
  }

  get is_continuation(): boolean {
    return this.resume_mode === "continuation";
  }

  /**
   * What a host that records nothing shows. `recorded: false` tells a reader that no record stands behind it:
   * the tool is not wrapped by holdpoint.
   */
  get interrupts(): readonly { readonly id: string; readonly value: unknown }[] {
    return [
      {
        id: interruptIdOf(
          `hitl_${this.hitl_id
            .replaceAll(/[^0-9a-f]/g, "")
            .padEnd(32, "0")
            .slice(0, 32)}`,
        ),
        value: { ...this.toJSON(), recorded: false },
      },
    ];
  }

  toJSON(): HITLSuspendJson {
    return {
      hitl_id: this.hitl_id,
      hitl_type: this.hitl_type,
      data: this.data,
      node_id: this.node_id,
      tool_name: this.tool_name,
      block_id: this.block_id,
      metadata: this.metadata,
      resume_mode: this.resume_mode,
      tool_state: this.tool_state,
      checkpoint_id: this.checkpoint_id,
    };
  }

  /** @throws HoldpointError `ERR_HITL_INVALID_INPUT` without a `hitl_id` or with a wrong field. */
  static fromJSON(json: unknown): HITLSuspend {
    const result = WIRE.safeParse(toJsonObject(json, "HITLSuspend"));
    if (result.success) return new HITLSuspend(result.data);
    const [issue] = result.error.issues;
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      `HITLSuspend.fromJSON: ${issue?.path.join(".") || "the value"}: ${issue?.message ?? "invalid"}`,
    );
  }
}

/** True for the signal of any copy of the package. Let it pass wherever you catch errors around a tool. */
export function isHITLSuspend(error: unknown): error is HITLSuspend {
  return typeof error === "object" && error !== null && (error as Record<symbol, unknown>)[BRAND] === true;
}
