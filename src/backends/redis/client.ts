/**
 * What the store needs of a Redis client. ioredis fits (`Redis` and `Cluster`, versions 5 and 6); its types do not
 * appear in the public ones, since it is an optional peer.
 */

export type Argument = string | number;

export interface RedisPipeline {
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

/** A connection's socket, as ioredis shows it; a client without one is only less fast with many calls at once. */
export interface RedisStream {
  cork?(): void;
  uncork?(): void;
}

/** What `Redis` and `Cluster` have in common. */
export interface RedisCommands {
  /** ioredis: wait, connecting, connect, ready, reconnecting, close, end. */
  readonly status: string;
  call(command: string, ...args: Argument[]): Promise<unknown>;
  evalsha(sha1: string, numberOfKeys: number, ...args: Argument[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, ...args: Argument[]): Promise<unknown>;
  pipeline(commands: Argument[][]): RedisPipeline;
  connect(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  quit(): Promise<unknown>;
  on(event: "error", listener: (error: Error) => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
}

/** One server, or the primary that Sentinel names. */
export interface RedisClient extends RedisCommands {
  readonly stream?: RedisStream | null | undefined;
  duplicate(override: Readonly<Record<string, unknown>>): RedisSubscriber;
}

/** A node of a Cluster, as ioredis' `Cluster` keeps it. */
export interface RedisClusterNode {
  readonly status: string;
  readonly stream?: RedisStream | null | undefined;
  readonly options: { readonly host?: string | undefined; readonly port?: number | undefined };
  call(command: string, ...args: Argument[]): Promise<unknown>;
  duplicate(override: Readonly<Record<string, unknown>>): RedisSubscriber;
}

export interface RedisCluster extends RedisCommands {
  readonly isCluster: boolean;
  /** By hash slot, the primary first: `host:port`. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role?: "all" | "master" | "slave"): RedisClusterNode[];
  refreshSlotsCache(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "-node", listener: (node: RedisClusterNode) => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
  off(event: "-node", listener: (node: RedisClusterNode) => void): unknown;
}

export type AnyRedisClient = RedisClient | RedisCluster;

export interface RedisSubscriber {
  readonly status: string;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  disconnect(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  on(event: "ready" | "end", listener: () => void): unknown;
}

export function isCluster(client: AnyRedisClient): client is RedisCluster {
  return (client as Partial<RedisCluster>).isCluster === true;
}

export function retryDelayMs(attempt: number): number {
  return Math.min(20 * 2 ** Math.min(attempt, 6), 1000);
}
