/** LangChain's thread protocol: commands by POST, events by a stream (`useStream` of `@langchain/react`). */
import { z } from "zod";
import { json, readBody, toHttpError } from "./http.ts";
import { checkedId } from "./ids.ts";
import type { StoredRecord } from "../../backends/record-store.ts";
import type { Channel, EventFilter } from "./protocol-channel.ts";
import { type ProtocolEvent, ProtocolRun, type ProtocolParams } from "./protocol-events.ts";
import type { Exchange, Handler } from "./routes.ts";
import { type RunRequest, runRequestOf, parsed } from "./run-request.ts";
import type { LiveRun, Outcome } from "./runs.ts";
import { stillOpen } from "./still-open.ts";
import { valueOf } from "./thread-records.ts";
import { graphOf } from "./thread-routes.ts";
import { checkpointOf, interruptsOfState } from "./thread-view.ts";

const object = z.record(z.string(), z.unknown());

const CommandSchema = z.object({ id: z.number().int().min(0), method: z.string(), params: object.nullish() });
type Command = z.infer<typeof CommandSchema>;

const FilterSchema = z.object({
  channels: z.array(z.string()).max(100),
  namespaces: z.array(z.array(z.string()).max(64)).max(1000).nullish(),
  depth: z.number().int().min(0).nullish(),
  since: z.number().int().min(0).nullish(),
});

const StartSchema = z.object({
  assistant_id: z.string(),
  input: z.unknown().optional(),
  config: object.nullish(),
  metadata: object.nullish(),
  multitaskStrategy: z.string().nullish(),
});

const response = z.object({ interrupt_id: z.string(), response: z.unknown().optional() });
const RespondSchema = z.object({
  interrupt_id: z.string().nullish(),
  response: z.unknown().optional(),
  responses: z.array(response).min(1).max(1000).nullish(),
  update: z.union([object, z.array(z.tuple([z.string(), z.unknown()]))]).nullish(),
  goto: z.unknown().optional(),
  config: object.nullish(),
  metadata: object.nullish(),
});

/** Refuses a command; the status of the answer is 200. */
class CommandError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "CommandError";
    this.code = code;
  }
}

function isCommandError(error: unknown): error is CommandError {
  return (error as Partial<CommandError> | null)?.name === "CommandError";
}

const commands: Handler = async (exchange, { thread_id = "" }) => {
  const command = parsed(CommandSchema, await readBody(exchange.request, exchange.settings.body));
  const id = checkedId(thread_id, "thread_id");
  try {
    // Of what came before: events with higher numbers are those of the command.
    const applied_through_seq = exchange.channels.of(exchange.scope.records.tenant_id, id).seq;
    const result = await run(exchange, id, command);
    return json({ type: "success", id: command.id, result, meta: { thread_id: id, applied_through_seq } });
  } catch (error) {
    if (isCommandError(error))
      return json({ type: "error", id: command.id, error: error.code, message: error.message });
    const told = toHttpError(error);
    // What is the thread's or the server's own is an error of HTTP, too.
    if (!told || told.status === 404 || told.status >= 429) throw error;
    return json({ type: "error", id: command.id, error: "invalid_argument", message: told.message });
  }
};

function run(exchange: Exchange, thread_id: string, command: Command): Promise<object> {
  const params = command.params ?? {};
  switch (command.method) {
    case "run.start":
      return start(exchange, thread_id, params);
    case "input.respond":
      return respond(exchange, thread_id, params);
    case "state.get":
      return stateOf(exchange, thread_id, params);
    default:
      throw new CommandError(
        "unknown_command",
        `${command.method.slice(0, 100)} is not supported by this server.`,
      );
  }
}

/** What protocol clients are streamed is theirs to filter. */
function requestOf(exchange: Exchange, body: object): RunRequest {
  return {
    ...runRequestOf(
      { ...body, stream_subgraphs: true, if_not_exists: "create" },
      exchange.settings.maxRecursion,
    ),
    modes: ["values"],
  };
}

async function start(
  exchange: Exchange,
  thread_id: string,
  params: Readonly<Record<string, unknown>>,
): Promise<object> {
  const { assistant_id, input, config, metadata, multitaskStrategy } = parsed(StartSchema, params);
  const body = {
    assistant_id,
    input: input ?? null,
    config: config ?? null,
    metadata: metadata ?? null,
    multitask_strategy: strategyOf(multitaskStrategy),
  };
  const { entry } = await startRun(exchange, thread_id, requestOf(exchange, body));
  return { run_id: entry.run_id };
}

/** The SDK rolls back what it shows, not what a run has done. */
function strategyOf(given: string | null | undefined): string {
  if (given === undefined || given === null) return "enqueue";
  return given === "rollback" ? "interrupt" : given;
}

async function respond(
  exchange: Exchange,
  thread_id: string,
  params: Readonly<Record<string, unknown>>,
): Promise<object> {
  const { interrupt_id, responses, update, goto, config, metadata, ...one } = parsed(RespondSchema, params);
  const answers = responses ?? (interrupt_id ? [{ interrupt_id, response: one.response }] : []);
  if (answers.length === 0)
    throw new CommandError("invalid_argument", "input.respond needs an interrupt_id, or responses.");
  const record = await exchange.scope.records.get(thread_id);
  const { graph_id } = valueOf(record);
  const state = await graphOf(exchange, record)?.getState({ configurable: { thread_id } });
  const shown = state ? interruptsOfState(await stillOpen(exchange.scope, thread_id, state)) : [];
  const open = new Set(shown.flatMap(idsOf));
  const unknown = answers.find((answer) => !open.has(answer.interrupt_id));
  if (unknown || graph_id === null)
    throw new CommandError(
      "no_such_interrupt",
      `The interrupt ${(unknown?.interrupt_id ?? "").slice(0, 100)} is not open: it was answered before, or the thread has gone on.`,
    );
  const resume = Object.fromEntries(answers.map((answer) => [answer.interrupt_id, answer.response ?? null]));
  const command = { resume, ...(update ? { update } : {}), ...(goto ? { goto } : {}) };
  const body = { assistant_id: graph_id, command, config: config ?? null, metadata: metadata ?? null };
  const answered = answers.map((answer) => answer.interrupt_id);
  const { entry } = await startRun(exchange, thread_id, requestOf(exchange, body), answered);
  return { run_id: entry.run_id };
}

/** LangGraph 1.4 keeps one interrupt of a task: it lists the other questions of it (PROTOCOL.md §10). */
function idsOf(interrupt: unknown): readonly unknown[] {
  const { id, value } = interrupt as { id?: unknown; value?: { asks?: unknown } | null };
  const asks: readonly { interrupt_id?: unknown }[] = Array.isArray(value?.asks) ? value.asks : [];
  return [id, ...asks.map(({ interrupt_id }) => interrupt_id)];
}

/**
 * Milliseconds. An answer that was wrong asks again by the same interrupt. `useStream` takes that away when it has read the
 * response to its command, which comes by another connection: what asks again has to come after it.
 */
const AGAIN_MS = 250;

function asksAgain({ method, data }: ProtocolEvent, answered: readonly string[]): boolean {
  return method === "input.requested" && answered.includes((data as { interrupt_id: string }).interrupt_id);
}

/** Not where another run has begun meanwhile: it tells what is open then. */
function later(channel: Channel, publish: () => void): void {
  const { seq } = channel;
  const timer = setTimeout(() => {
    if (channel.seq === seq) publish();
  }, AGAIN_MS);
  timer.unref?.();
}

async function startRun(
  { runs, scope, channels, graphs }: Exchange,
  thread_id: string,
  request: RunRequest,
  answered: readonly string[] = [],
): Promise<LiveRun> {
  const { graph_id } = graphs.get(request.assistant_id);
  const channel = channels.of(scope.records.tenant_id, thread_id);
  const shown = new ProtocolRun();
  const again: ProtocolEvent[] = [];
  let begun = false;
  const lifecycle = (event: string, error?: string): void =>
    channel.publish({
      method: "lifecycle",
      ...eventOf({ event, graph_name: graph_id, ...(error === undefined ? {} : { error }) }),
    });
  const begin = (): void => {
    if (begun) return;
    begun = true;
    channel.begin();
    lifecycle("running");
  };
  return runs.start(scope, thread_id, request, {
    onBegin: begin,
    onEvent: (method, params) => {
      for (const event of shown.shown(method, params as ProtocolParams))
        if (asksAgain(event, answered)) again.push(event);
        else channel.publish(event);
    },
    onEnd: (outcome) => {
      // One that was cancelled before it came to its turn ends nothing that a page sees.
      if (!begun && outcome.status !== "error") return;
      const end = (): void => lifecycle(endOf(outcome), outcome.error?.message);
      if (again.length === 0) return end();
      later(channel, () => {
        for (const event of again) channel.publish(event);
        end();
      });
    },
  });
}

function endOf({ status, interrupts }: Outcome): string {
  if (status === "error") return "failed";
  return status === "interrupted" || interrupts.length > 0 ? "interrupted" : "completed";
}

async function stateOf(
  exchange: Exchange,
  thread_id: string,
  { keys }: Readonly<Record<string, unknown>>,
): Promise<object> {
  const record = await exchange.scope.records.get(thread_id);
  const state = await graphOf(exchange, record)?.getState({ configurable: { thread_id } });
  const values = Object.entries(state?.values ?? {}).filter(
    ([key]) => !Array.isArray(keys) || keys.includes(key),
  );
  const checkpoint = checkpointOf(state?.config);
  return {
    values: Object.fromEntries(values),
    ...(checkpoint ? { checkpoint: { id: checkpoint.checkpoint_id, ns: checkpoint.checkpoint_ns } } : {}),
  };
}

/** What is open without a run that this server has seen: a page that is opened later has to hear of it. */
async function tellOpen(exchange: Exchange, record: StoredRecord, channel: Channel): Promise<void> {
  if (!channel.isEmpty) return;
  const { thread_id } = valueOf(record);
  const state = await graphOf(exchange, record)?.getState({ configurable: { thread_id } });
  const open = state ? interruptsOfState(await stillOpen(exchange.scope, thread_id, state)) : [];
  const asked = [...new ProtocolRun().shown("values", eventOf({ __interrupt__: open }))];
  // Another page may have been told meanwhile.
  if (channel.isEmpty) for (const event of asked) channel.publish(event);
}

const eventOf = (data: unknown): ProtocolParams => ({ namespace: [], timestamp: Date.now(), data });

const events: Handler = async (exchange, { thread_id = "" }) => {
  const { request, settings, scope, channels, streams } = exchange;
  const body = parsed(FilterSchema, await readBody(request, settings.body));
  const id = checkedId(thread_id, "thread_id");
  const record = await scope.records.get(id);
  const filter: EventFilter = {
    channels: new Set(body.channels),
    namespaces: body.namespaces ?? undefined,
    depth: body.depth ?? undefined,
    since: body.since ?? undefined,
  };
  const channel = channels.of(scope.records.tenant_id, id);
  streams.assertRoom();
  await tellOpen(exchange, record, channel);
  channel.listeners += 1;
  return streams.open(
    async function* (signal) {
      for await (const { seq, method, data } of channel.read(filter, signal))
        yield { id: String(seq), event: method, data };
    },
    { onClose: () => (channel.listeners -= 1) },
  );
};

export const PROTOCOL_ROUTES: Readonly<Record<string, Handler>> = {
  "POST /threads/:thread_id/commands": commands,
  "POST /threads/:thread_id/stream/events": events,
};
