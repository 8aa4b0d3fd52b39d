/** A run as events of LangChain's thread protocol, which `useStream` of `@langchain/react` speaks. */
import { hearRejections, isPausedTool } from "./suspended-tools.ts";
import type { GraphRun, RunEvent } from "./frames.ts";

/** What an event of the protocol says besides its number. */
export interface ProtocolParams {
  readonly namespace: readonly string[];
  readonly timestamp: number;
  readonly node?: string;
  readonly data: unknown;
}

export interface ProtocolEvent extends ProtocolParams {
  readonly method: string;
}

interface GraphEvent {
  readonly method: string;
  readonly params: ProtocolParams;
}

/** The graph's own events of version 3; `data` is {@link ProtocolParams}. @throws what the graph throws */
export async function* protocolEvents({ graph, input, options }: GraphRun): AsyncGenerator<RunEvent> {
  const events = (await graph.streamEvents(input, {
    ...options,
    version: "v3",
  })) as AsyncIterable<GraphEvent>;
  hearRejections(events);
  for await (const { method, params } of events) yield { event: method, data: params };
}

interface OpenInterrupt {
  readonly id: string;
  readonly value?: unknown;
}

function interruptsIn(found: unknown): OpenInterrupt[] {
  if (!Array.isArray(found)) return [];
  return found.filter(
    (entry): entry is OpenInterrupt => typeof (entry as Partial<OpenInterrupt> | null)?.id === "string",
  );
}

/** Turns the graph's events into those that clients see: interrupts become `input.requested`, once each. */
export class ProtocolRun {
  readonly #asked = new Set<string>();

  *shown(method: string, params: ProtocolParams): Generator<ProtocolEvent> {
    const { namespace, data } = params;
    switch (method) {
      case "lifecycle":
        // How the run itself fares is known to whoever runs it.
        if (namespace.length > 0) yield { ...params, method };
        return;
      case "values":
        yield* this.#values(params);
        return;
      case "updates":
        yield* this.#updates(params);
        return;
      case "tasks":
        yield { ...params, method, data: withoutState(data) };
        return;
      case "tools":
        if (!isPausedTool(data)) yield { ...params, method };
        return;
      case "messages":
      case "custom":
      case "checkpoints":
        yield { ...params, method };
        return;
      default:
        if (method.startsWith("custom:"))
          yield {
            ...params,
            method: "custom",
            data: { name: method.slice("custom:".length), payload: data },
          };
    }
  }

  *#values(params: ProtocolParams): Generator<ProtocolEvent> {
    const { data } = params;
    if (typeof data !== "object" || data === null || Array.isArray(data)) {
      yield { ...params, method: "values" };
      return;
    }
    const { __interrupt__: interrupts, ...values } = data as Record<string, unknown>;
    yield* this.#requests(params, interrupts);
    if (Object.keys(values).length > 0) yield { ...params, method: "values", data: values };
  }

  *#updates(params: ProtocolParams): Generator<ProtocolEvent> {
    const { node, values } = (params.data ?? {}) as { node?: unknown; values?: unknown };
    if (node === "__interrupt__") yield* this.#requests(params, values);
    else yield { ...params, method: "updates", data: values, ...(typeof node === "string" ? { node } : {}) };
  }

  *#requests({ namespace, timestamp }: ProtocolParams, found: unknown): Generator<ProtocolEvent> {
    for (const { id, value } of interruptsIn(found)) {
      if (this.#asked.has(id)) continue;
      this.#asked.add(id);
      yield { method: "input.requested", namespace, timestamp, data: { interrupt_id: id, payload: value } };
    }
  }
}

function withoutState(task: unknown): unknown {
  if (typeof task !== "object" || task === null) return task;
  const { state, ...rest } = task as Record<string, unknown>;
  void state;
  return rest;
}
