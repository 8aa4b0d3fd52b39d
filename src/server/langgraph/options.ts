/** What a LangGraph server is made of: graphs, a backend, who may call it, and how much. */
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import type { Clock } from "../../core/clock.ts";

/** A task of a {@link ServedState}. */
export interface ServedTask {
  readonly id: string;
  readonly name: string;
  readonly error?: unknown;
  readonly interrupts: readonly unknown[];
  readonly state?: unknown;
  readonly path?: unknown;
  readonly result?: unknown;
}

/** What `getState` of a compiled graph gives, as far as it is read here. */
export interface ServedState {
  readonly values: unknown;
  readonly next: readonly string[];
  readonly tasks: readonly ServedTask[];
  readonly config: { readonly configurable?: Readonly<Record<string, unknown>> };
  readonly metadata?: unknown;
  readonly createdAt?: string;
  readonly parentConfig?: { readonly configurable?: Readonly<Record<string, unknown>> } | undefined;
}

export interface StateConfig {
  readonly configurable: Readonly<Record<string, unknown>>;
}

/** A compiled LangGraph graph with a checkpointer, as far as it is used here. */
export interface ServedGraph {
  invoke(input: unknown, options?: unknown): Promise<unknown>;
  stream(input: unknown, options?: unknown): Promise<AsyncIterable<unknown>>;
  streamEvents(input: unknown, options: unknown): unknown;
  getState(config: StateConfig, options?: { subgraphs?: boolean }): Promise<ServedState>;
  getStateHistory(config: StateConfig, options?: unknown): AsyncIterable<ServedState>;
  updateState(config: StateConfig, values: unknown, asNode?: string): Promise<StateConfig | object>;
  getGraphAsync(config: object): Promise<{ toJSON(): unknown }>;
  readonly checkpointer?: unknown;
  readonly nodes?: unknown;
}

/** Who sends a request, as {@link LangGraphServerOptions.authenticate} says. */
export interface Caller {
  /** Becomes `configurable.holdpoint.user_id` of the run: who answers (PROTOCOL.md §5.5). 1 to 255 characters. */
  readonly user_id?: string;
  /** Whose threads and questions the caller sees. Default: the tenant of the backend. */
  readonly tenant_id?: string;
}

export interface CorsOptions {
  /** Origins of pages that may call the server (`https://inbox.example.com`), or `"*"` for every page. */
  readonly origins: readonly string[] | "*";
  /** Request headers that such a page may set, besides the ones that LangGraph's clients send. */
  readonly headers?: readonly string[];
  /** Lets pages send cookies. Not together with `"*"`. Default false. */
  readonly credentials?: boolean;
}

export interface ServerLimits {
  /** Bytes of a request's body. Default 4 MiB. */
  readonly maxBodyBytes?: number;
  /** Nested arrays and objects of a body. Default 64. */
  readonly maxDepth?: number;
  /** Runs of this server at one time, waiting ones included. Default 100. */
  readonly maxRuns?: number;
  /** Streams of this server that are open at one time. Default 1000. */
  readonly maxStreams?: number;
  /** Bytes of frames that are kept of one run, for clients that come late or back. Default 8 MiB. */
  readonly maxFeedBytes?: number;
  /** `recursion_limit` that a client may ask for. Default 1000. */
  readonly maxRecursion?: number;
}

export interface LangGraphServerOptions {
  /** Compiled graphs by their ids; each is one assistant. */
  readonly graphs: Readonly<Record<string, ServedGraph>>;
  /** Where questions live, and the server's own records of threads. */
  readonly backend: HITLBackend;
  /**
   * Says who sends a request, or gives the response that refuses it. Without it the server answers only requests to a
   * loopback address (`localhost`, `127.0.0.1`, `[::1]`); `"none"` says that anybody who reaches it may do everything.
   */
  readonly authenticate?:
    | "none"
    | ((request: Request) => Caller | Response | Promise<Caller | Response>)
    | undefined;
  /** Default: no page of another origin may call the server. */
  readonly cors?: CorsOptions | undefined;
  readonly limits?: ServerLimits | undefined;
  /**
   * Milliseconds between two comments that keep an idle stream open. LangGraph's clients take a stream for lost that they
   * have heard nothing of for 30 000, so stay well below. Default 15 000.
   */
  readonly heartbeatMs?: number;
  /** Milliseconds after which the thread of a server that gives no sign of life is free. Default 30 000. */
  readonly leaseMs?: number;
  /** Durability of runs whose request names none. Default `sync`. */
  readonly durability?: "sync" | "async";
  /** Called with what clients are not told: errors of runs, and of the server itself. Default: nothing. */
  readonly onError?:
    | ((error: unknown, about: { readonly thread_id?: string; readonly run_id?: string }) => void)
    | undefined;
  readonly clock?: Clock;
  /** Random ids of threads and runs, UUIDs. */
  readonly randomUuid?: () => string;
}
