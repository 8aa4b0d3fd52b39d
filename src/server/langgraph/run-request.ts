/** What a client may ask of a run, and what the graph is given of it. */
import { Command, Send } from "@langchain/langgraph";
import { z } from "zod";
import type { JsonObject } from "../../core/json.ts";
import { HttpError } from "./http-error.ts";
import { checkedId } from "./ids.ts";
import { checkedMetadata, MULTITASK_STRATEGIES, type MultitaskStrategy } from "./thread-records.ts";

const STREAM_MODES = [
  "values",
  "updates",
  "messages",
  "messages-tuple",
  "custom",
  "events",
  "debug",
  "tasks",
  "checkpoints",
  "tools",
] as const;
export type StreamMode = (typeof STREAM_MODES)[number];

const object = z.record(z.string(), z.unknown());
const nodes = z.union([z.literal("*"), z.array(z.string()).max(1000)]);
const target = z.union([z.string(), z.object({ node: z.string(), input: z.unknown().optional() })]);

const CommandSchema = z.object({
  goto: z.union([target, z.array(target).max(1000)]).nullish(),
  update: z.union([object, z.array(z.tuple([z.string(), z.unknown()]))]).nullish(),
  resume: z.unknown().optional(),
});

const ConfigSchema = z.object({
  tags: z.array(z.string()).max(100).nullish(),
  recursion_limit: z.number().int().min(1).nullish(),
  configurable: object.nullish(),
});

export const CheckpointSchema = z.object({
  checkpoint_id: z.string().nullish(),
  checkpoint_ns: z.string().max(4096).nullish(),
  checkpoint_map: object.nullish(),
});

const RunSchema = z.object({
  assistant_id: z.string(),
  input: z.unknown().optional(),
  command: CommandSchema.nullish(),
  config: ConfigSchema.nullish(),
  context: z.unknown().optional(),
  metadata: object.nullish(),
  stream_mode: z
    .union([z.enum(STREAM_MODES), z.array(z.enum(STREAM_MODES)).max(STREAM_MODES.length)])
    .nullish(),
  stream_subgraphs: z.boolean().nullish(),
  interrupt_before: nodes.nullish(),
  interrupt_after: nodes.nullish(),
  checkpoint: CheckpointSchema.nullish(),
  checkpoint_id: z.string().nullish(),
  on_disconnect: z.enum(["cancel", "continue"]).nullish(),
  multitask_strategy: z.enum(MULTITASK_STRATEGIES).nullish(),
  if_not_exists: z.enum(["reject", "create"]).nullish(),
  durability: z.enum(["sync", "async", "exit"]).nullish(),
  on_completion: z.enum(["delete", "keep"]).nullish(),
  after_seconds: z.number().nullish(),
  webhook: z.string().nullish(),
  feedback_keys: z.array(z.string()).nullish(),
});

export type CommandRequest = z.infer<typeof CommandSchema>;
type ConfigRequest = z.infer<typeof ConfigSchema>;

export interface RunRequest {
  readonly assistant_id: string;
  readonly input: unknown;
  readonly command: CommandRequest | null;
  readonly configurable: Readonly<Record<string, unknown>>;
  readonly tags: readonly string[] | undefined;
  readonly recursion_limit: number | undefined;
  readonly context: unknown;
  readonly metadata: JsonObject;
  readonly modes: readonly StreamMode[];
  readonly subgraphs: boolean;
  readonly interruptBefore: "*" | readonly string[] | undefined;
  readonly interruptAfter: "*" | readonly string[] | undefined;
  readonly checkpoint_id: string | null;
  readonly cancelOnDisconnect: boolean;
  readonly multitask: MultitaskStrategy;
  readonly createThread: boolean;
  readonly durability: "sync" | "async" | undefined;
  readonly keepThread: boolean;
}

/** What of a schema did not fit, as one sentence. @throws HttpError 422 */
export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new HttpError(422, `${issue?.path.join(".") || "body"}: ${issue?.message ?? "invalid"}`);
}

/** Keys of `configurable` that say where a run is, or who asks: they are the server's to set. */
const OWN_KEYS: ReadonlySet<string> = new Set([
  "thread_id",
  "checkpoint_ns",
  "checkpoint_map",
  "checkpoint_id",
  "run_id",
  "graph_id",
  "assistant_id",
  "holdpoint",
]);

function clientKeys(configurable: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(configurable).filter(
      ([key]) => !OWN_KEYS.has(key) && !key.startsWith("__") && !key.startsWith("langgraph_auth"),
    ),
  );
}

const REFUSED = {
  after_seconds: "Delayed runs are not supported: start the run when it is due.",
  webhook: "Webhooks are not supported: wait for the run, or join it.",
  feedback_keys: "feedback_keys need LangSmith; they are not supported.",
} as const;

/** @throws HttpError 422 for what is not supported, before anything is written */
export function runRequestOf(body: object, maxRecursion: number): RunRequest {
  const run = parsed(RunSchema, body);
  for (const [name, why] of Object.entries(REFUSED)) {
    const given = run[name as keyof typeof REFUSED];
    if (given !== undefined && given !== null && !(Array.isArray(given) && given.length === 0))
      throw new HttpError(422, `${name}: ${why}`);
  }
  if (run.durability === "exit")
    throw new HttpError(
      422,
      'durability: "exit" saves nothing before the end of the run, so nobody could be asked in it. Use "sync" or "async".',
    );
  if (run.multitask_strategy === "rollback")
    throw new HttpError(
      422,
      'multitask_strategy: "rollback" is not supported, because what a run has done cannot be undone. Use "interrupt".',
    );
  const modes = run.stream_mode === null || run.stream_mode === undefined ? [] : [run.stream_mode].flat();
  return {
    assistant_id: run.assistant_id,
    input: run.input ?? null,
    command: run.command ?? null,
    ...configOf(run.config, maxRecursion),
    context: run.context ?? undefined,
    metadata: checkedMetadata(run.metadata ?? {}, "run"),
    modes: modes.length === 0 ? ["values"] : modes,
    subgraphs: run.stream_subgraphs ?? false,
    interruptBefore: run.interrupt_before ?? undefined,
    interruptAfter: run.interrupt_after ?? undefined,
    checkpoint_id: checkpointIdOf(
      run.checkpoint_id ?? run.checkpoint?.checkpoint_id ?? run.config?.configurable?.["checkpoint_id"],
    ),
    cancelOnDisconnect: run.on_disconnect === "cancel",
    multitask: run.multitask_strategy ?? "reject",
    createThread: run.if_not_exists === "create",
    durability: run.durability ?? undefined,
    keepThread: run.on_completion === "keep",
  };
}

function checkpointIdOf(value: unknown): string | null {
  if (value === undefined || value === null || value === "") return null;
  if (typeof value !== "string") throw new HttpError(422, "checkpoint_id has to be a text.");
  return checkedId(value, "checkpoint_id");
}

function configOf(
  config: ConfigRequest | null | undefined,
  maxRecursion: number,
): Pick<RunRequest, "configurable" | "tags" | "recursion_limit"> {
  const recursion_limit = config?.recursion_limit ?? undefined;
  if (recursion_limit !== undefined && recursion_limit > maxRecursion)
    throw new HttpError(422, `config.recursion_limit may be ${maxRecursion} at most.`);
  return {
    configurable: clientKeys(config?.configurable ?? {}),
    tags: config?.tags ?? undefined,
    recursion_limit,
  };
}

/** A command as LangGraph takes it. */
export function commandOf({ goto, update, resume }: CommandRequest): Command {
  const targets = goto === undefined || goto === null ? undefined : [goto].flat();
  return new Command({
    ...(targets
      ? { goto: targets.map((to) => (typeof to === "string" ? to : new Send(to.node, to.input))) }
      : {}),
    ...(update === undefined || update === null ? {} : { update }),
    ...(resume === undefined ? {} : { resume }),
  });
}

export const END = "__end__";

/** "Mark as resolved": nothing but a jump to the end. */
export function isGotoEnd(command: CommandRequest | null): boolean {
  if (!command || command.resume !== undefined) return false;
  const targets = command.goto === undefined || command.goto === null ? [] : [command.goto].flat();
  return targets.length > 0 && targets.every((to) => to === END);
}
