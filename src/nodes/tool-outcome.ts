/**
 * The outcome of a tool call, as it is kept in its call record and given again (P6): a tool message as plain
 * JSON, anything else (a `Command`) in the form in which the graph's checkpointer keeps it.
 */
import { isBaseMessage, ToolMessage } from "@langchain/core/messages";
import { Command, isCommand, Send } from "@langchain/langgraph";
import { HoldpointError, isHoldpointError } from "../core/errors.ts";
import { type JsonLimits, type JsonObject, type JsonValue, toJson } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";

export type ToolOutput = ToolMessage | Command;
export type MessageStatus = "success" | "error";

/** The part of a checkpointer's serializer that is used here; synchronous in old releases, async in new ones. */
export interface HostSerde {
  dumpsTyped(value: unknown): [string, Uint8Array] | Promise<[string, Uint8Array]>;
  loadsTyped(type: string, data: Uint8Array | string): unknown;
}

/** Outcomes are for the graph, not for people: they may be larger than a question. */
const OUTCOME_LIMITS: JsonLimits = { maxBytes: 16 * 1024 * 1024, maxDepth: 256 };

/** @throws HoldpointError `ERR_HITL_TOO_LARGE`: the tool has run, but its result cannot be remembered. */
export function encodeOutput(output: ToolOutput, serde: HostSerde): JsonValue | Promise<JsonValue> {
  if (!isCommand(output)) {
    const { content, name, tool_call_id, status, artifact, additional_kwargs, response_metadata, id } =
      output;
    const plain = { content, name, tool_call_id, status, artifact, additional_kwargs, response_metadata, id };
    try {
      return {
        kind: "tool_message",
        message: toJson(plain, `the result of ${name ?? "a tool"}`, OUTCOME_LIMITS),
      };
    } catch (error) {
      // An artifact may hold what only the checkpointer's own form can carry (a Date, bytes).
      if (!isHoldpointError(error, "ERR_HITL_NOT_JSON")) throw error;
    }
  }
  return encodeTyped(output, serde);
}

async function encodeTyped(output: ToolOutput, serde: HostSerde): Promise<JsonValue> {
  const [type, data] = await serde.dumpsTyped(isCommand(output) ? plainCommand(output) : output);
  return { kind: isCommand(output) ? "command" : "typed", type, data: Buffer.from(data).toString("base64") };
}

export async function decodeOutput(outcome: JsonValue, serde: HostSerde): Promise<ToolOutput> {
  const { kind, message, type, data } = outcome as JsonObject;
  if (kind === "tool_message") return new ToolMessage(message as never);
  if ((kind === "typed" || kind === "command") && typeof type === "string" && typeof data === "string") {
    const value = await serde.loadsTyped(type, Buffer.from(data, "base64"));
    return kind === "typed" ? (value as ToolMessage) : revivedCommand(value as PlainCommand);
  }
  throw new HoldpointError(
    "ERR_HITL_SCHEMA_VERSION",
    `A call record holds an outcome of the unknown kind ${JSON.stringify(kind)}.`,
  );
}

/** A tool's error as its outcome: name and message, as a model or a log would see it. */
export function encodeFailure(error: unknown): JsonValue {
  const { name, message } = error as Partial<Error>;
  return { kind: "error", name: String(name ?? "Error"), message: String(message ?? error) };
}

export function decodeFailure(outcome: JsonValue): Error | null {
  const { kind, name, message } = outcome as { kind?: unknown; name?: string; message?: string };
  return kind === "error" ? Object.assign(new Error(message), { name: name ?? "Error" }) : null;
}

/** LangGraph's serializer loses a command's graph and its class, and the class of its sends. */
interface PlainCommand {
  readonly graph?: string;
  readonly update?: unknown;
  readonly goto: readonly (string | { readonly node: string; readonly args: unknown })[];
}

function plainCommand({ graph, update, goto }: Command): PlainCommand {
  const targets = (Array.isArray(goto) ? goto : [goto]) as PlainCommand["goto"];
  return {
    ...(graph === undefined ? {} : { graph }),
    ...(update === undefined ? {} : { update }),
    goto: targets.map((target) =>
      typeof target === "string" ? target : { node: target.node, args: target.args },
    ),
  };
}

function revivedCommand({ goto, ...rest }: PlainCommand): Command {
  const targets = goto.map((target) =>
    typeof target === "string" ? target : new Send(target.node, target.args),
  );
  return new Command({ ...rest, goto: targets } as never);
}

/** The tool message for whatever a tool returned. */
export function asToolOutput(output: unknown, call: { id?: string; name: string }): ToolOutput {
  if (isCommand(output)) return output;
  if (isBaseMessage(output) && output.getType() === "tool") return output as ToolMessage;
  const content = typeof output === "string" ? output : (JSON.stringify(output) ?? "");
  return toolMessage(call, content, "success");
}

export function toolMessage(
  call: { id?: string; name: string },
  content: string,
  status: MessageStatus,
): ToolMessage {
  return new ToolMessage({ content, status, name: call.name, tool_call_id: call.id ?? "" });
}

/** Response mode: what the model reads when the human has answered, or has not (P8). */
export function answerText(record: HITLRecord): { text: string; status: MessageStatus } {
  if (record.status === "completed") {
    const { user_response } = record;
    return {
      text: typeof user_response === "string" ? user_response : JSON.stringify(user_response),
      status: "success",
    };
  }
  const why =
    record.status === "expired"
      ? "expired before a human answered"
      : `was cancelled (${record.reason ?? "no reason given"})`;
  return { text: `The request ${why}. Nothing was approved; do not act as if it were.`, status: "error" };
}

/** What a call says that its body has not said: a human's answer in its place, or what became of it in doubt. */
export function saidFor(call: Parameters<typeof toolMessage>[0]): {
  readonly answer: (record: HITLRecord) => ToolMessage;
  readonly settled: (text: string, happened: boolean) => ToolMessage;
} {
  return {
    answer: (record) => {
      const { text, status } = answerText(record);
      return toolMessage(call, text, status);
    },
    settled: (text, happened) => toolMessage(call, text, happened ? "success" : "error"),
  };
}
