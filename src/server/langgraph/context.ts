/** What all routes of one server share, and what belongs to one request. */
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { systemClock } from "../../core/clock.ts";
import { HoldpointError } from "../../core/errors.ts";
import { isValidForeignId } from "../../core/ids.ts";
import type { JsonLimits } from "../../core/json.ts";
import { engineBackend } from "../../suspend/configure.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import { HttpError } from "./http-error.ts";
import { assistantIdOf } from "./ids.ts";
import type { Caller, LangGraphServerOptions, ServedGraph } from "./options.ts";
import { ThreadRecords } from "./thread-records.ts";

export interface Settings {
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly durability: "sync" | "async";
  readonly body: JsonLimits;
  readonly maxRuns: number;
  readonly maxStreams: number;
  readonly maxFeedBytes: number;
  readonly maxRecursion: number;
  /** Clients may name new threads by UUIDs only, as with LangGraph's servers. */
  readonly uuidThreads: boolean;
  readonly now: () => number;
  readonly randomUuid: () => string;
  readonly onError: NonNullable<LangGraphServerOptions["onError"]>;
}

export interface Served {
  readonly graph_id: string;
  readonly assistant_id: string;
  readonly graph: ServedGraph;
}

/** Who asks, and what he can see. */
export interface Scope {
  readonly caller: Caller;
  readonly backend: StoreHITLBackend;
  readonly records: ThreadRecords;
}

export function settingsOf(options: LangGraphServerOptions): Settings {
  const { limits = {}, clock = systemClock } = options;
  return {
    heartbeatMs: positive(options.heartbeatMs ?? 15_000, "heartbeatMs"),
    leaseMs: positive(options.leaseMs ?? 30_000, "leaseMs"),
    durability: options.durability ?? "sync",
    body: {
      maxBytes: positive(limits.maxBodyBytes ?? 4 * 1024 * 1024, "limits.maxBodyBytes"),
      maxDepth: positive(limits.maxDepth ?? 64, "limits.maxDepth"),
    },
    maxRuns: positive(limits.maxRuns ?? 100, "limits.maxRuns"),
    maxStreams: positive(limits.maxStreams ?? 1000, "limits.maxStreams"),
    maxFeedBytes: positive(limits.maxFeedBytes ?? 8 * 1024 * 1024, "limits.maxFeedBytes"),
    maxRecursion: positive(limits.maxRecursion ?? 1000, "limits.maxRecursion"),
    // Where several people call, nobody may take an id first that others can guess.
    uuidThreads: typeof options.authenticate === "function",
    now: () => clock.now(),
    randomUuid: options.randomUuid ?? (() => crypto.randomUUID()),
    onError: (error, about) => {
      try {
        options.onError?.(error, about);
      } catch {
        // It has nobody else to tell, and nothing that the server does depends on it.
      }
    },
  };
}

function positive(value: number, name: string): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", `${name} has to be a whole number above 0.`, {
    details: { name },
  });
}

/** The graphs of a server; each is one assistant, found by its UUID or by the graph's id. */
export class Graphs {
  readonly #byId = new Map<string, Served>();
  readonly all: readonly Served[];

  constructor(graphs: LangGraphServerOptions["graphs"]) {
    this.all = Object.entries(graphs).map(([graph_id, graph]) => {
      if (!isValidForeignId(graph_id))
        throw new HoldpointError(
          "ERR_HITL_INVALID_INPUT",
          "A graph's id has to have 1 to 255 characters, and no control characters.",
        );
      if (typeof graph.checkpointer !== "object" || graph.checkpointer === null)
        throw new HoldpointError(
          "ERR_HITL_NO_CHECKPOINTER",
          `The graph "${graph_id}" has no checkpointer, so it has no threads. Compile it with compile({ checkpointer }).`,
          { details: { graph_id } },
        );
      return { graph_id, assistant_id: assistantIdOf(graph_id), graph };
    });
    for (const served of this.all) {
      this.#byId.set(served.assistant_id, served);
      this.#byId.set(served.graph_id, served);
    }
  }

  find(id: string): Served | undefined {
    return this.#byId.get(id);
  }

  /** @throws HttpError 404 */
  get(id: string): Served {
    const served = this.find(id);
    if (!served)
      throw new HttpError(
        404,
        `No assistant found for "${id.slice(0, 128)}". Make sure the assistant ID is for a valid assistant or a valid graph ID.`,
      );
    return served;
  }
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` if `authenticate` gave ids that cannot be any */
export function scopeOf(backend: HITLBackend, caller: Caller): Scope {
  const { user_id, tenant_id } = caller;
  if (user_id !== undefined && !isValidForeignId(user_id))
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      "authenticate gave a user_id that is no id of 1 to 255 characters.",
    );
  const engine = engineBackend(tenant_id === undefined ? backend : backend.forTenant(tenant_id));
  return { caller, backend: engine, records: new ThreadRecords(engine) };
}
