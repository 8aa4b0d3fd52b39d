/**
 * What the store needs of a Redis client. ioredis fits (`Redis`, versions 5 and 6); its types do not appear in
 * the public ones, since it is an optional peer.
 */
import { HoldpointError } from "../../core/errors.ts";

export type Argument = string | number;

export interface RedisPipeline {
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

export interface RedisClient {
  /** The connection's socket, as ioredis shows it; a client without one is only less fast with many calls at once. */
  readonly stream?: { cork?(): void; uncork?(): void } | null | undefined;
  /** ioredis: wait, connecting, connect, ready, reconnecting, close, end. */
  readonly status: string;
  call(command: string, ...args: Argument[]): Promise<unknown>;
  evalsha(sha1: string, numberOfKeys: number, ...args: Argument[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, ...args: Argument[]): Promise<unknown>;
  pipeline(commands: Argument[][]): RedisPipeline;
  connect(): Promise<unknown>;
  disconnect(): void;
  quit(): Promise<unknown>;
  duplicate(override: Readonly<Record<string, unknown>>): RedisSubscriber;
  on(event: "error", listener: (error: Error) => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
}

export interface RedisSubscriber {
  readonly status: string;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  disconnect(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  on(event: "ready", listener: () => void): unknown;
}

/** @throws HoldpointError `ERR_HITL_MISSING_PEER` */
export async function connectTo(url: string, connectTimeoutMs: number): Promise<RedisClient> {
  let Redis: typeof import("ioredis").Redis;
  try {
    ({ Redis } = await import("ioredis"));
  } catch (cause) {
    throw new HoldpointError(
      "ERR_HITL_MISSING_PEER",
      'The Redis backend needs the package "ioredis" to connect to a url. Install it ("npm install ioredis"), or pass a client.',
      { cause, details: { peer: "ioredis" } },
    );
  }
  const client = new Redis(url, {
    lazyConnect: true,
    connectionName: "holdpoint",
    connectTimeout: connectTimeoutMs,
    // A command that was not answered is sent again after a reconnect, which S4 makes safe, but not for ever.
    maxRetriesPerRequest: 3,
    retryStrategy: retryDelayMs,
  });
  // Without a listener ioredis prints each failed attempt; a call that fails because of it reports it.
  client.on("error", () => undefined);
  return client;
}

export function retryDelayMs(attempt: number): number {
  return Math.min(20 * 2 ** Math.min(attempt, 6), 1000);
}
