/** What the Redis store can be given, checked before anything is connected. */
import type { Clock } from "../../core/clock.ts";
import { HoldpointError } from "../../core/errors.ts";
import { type AnyRedisClient, isCluster, type RedisClient, type RedisCluster } from "./client.ts";
import { checkPrefix, checkShards, DEFAULT_PREFIX } from "./keys.ts";

/** A node that ioredis' `Cluster` begins with: a url, a port of this machine, or host and port. */
export type RedisNode = string | number | { readonly host?: string; readonly port?: number };

/**
 * What an acknowledged write has to have reached. Without it an acknowledged write is in the memory of one server, and
 * on its disk as far as its own settings say.
 */
export interface RedisDurability {
  /** How many replicas have to have the write. Default 0, which makes sense with `fsync` only. */
  readonly replicas?: number;
  /** The primary, and those replicas, have to have it in their append-only file, on disk. Redis 7.2 or Valkey. */
  readonly fsync?: boolean;
  /** How long to wait for that, in ms. Then the write is `ERR_HITL_INDETERMINATE`. Default 1000. */
  readonly timeoutMs?: number;
}

interface CommonOptions {
  /** Begins every key. Letters, digits and `._:/-`. Default `holdpoint`. */
  readonly prefix?: string;
  /** Partitions, a power of two from 1 to 4096; fixed when the store is first opened. Default 64. */
  readonly shards?: number;
  /** For tests. Default: the server's own clock decides. */
  readonly clock?: Clock;
  /** How long one call may take, with reconnecting and sending again, in ms. Default 5000. */
  readonly commandTimeoutMs?: number;
  /** Also re-read watched records at this interval, in ms. Default 0: pub/sub and re-reads after a reconnect only. */
  readonly watchPollMs?: number;
  /** Wait for replicas or the disk before a write counts as done. Default: do not wait. */
  readonly durability?: RedisDurability;
  /** Also open a store on a server that may evict its keys (`maxmemory-policy allkeys-…`). Default false. */
  readonly allowEviction?: boolean;
}

interface NoClient {
  readonly client?: undefined;
}
interface NoUrl {
  readonly url?: undefined;
}
interface NoCluster {
  readonly cluster?: undefined;
}
interface NoSentinels {
  readonly sentinels?: undefined;
  readonly name?: undefined;
}
interface OwnConnection {
  /** Further options of ioredis for the connections that are made: `password`, `tls`, `db` … */
  readonly redisOptions?: Readonly<Record<string, unknown>>;
}

export type RedisRecordStoreOptions = CommonOptions &
  (
    | ({
        /** Your own ioredis `Redis` or `Cluster`; never closed. */ readonly client:
          | RedisClient
          | RedisCluster;
      } & NoUrl &
        NoCluster &
        NoSentinels & { readonly redisOptions?: undefined })
    | ({ /** `redis://` or `rediss://`; needs ioredis. */ readonly url: string } & NoClient &
        NoCluster &
        NoSentinels &
        OwnConnection)
    | ({
        /** Some nodes of a Redis Cluster, or them with further options of ioredis' `Cluster`; needs ioredis. */
        readonly cluster:
          | readonly RedisNode[]
          | { readonly nodes: readonly RedisNode[]; readonly options?: Readonly<Record<string, unknown>> };
      } & NoClient &
        NoUrl &
        NoSentinels &
        OwnConnection)
    | ({
        /** The addresses of the sentinels; needs ioredis. */
        readonly sentinels: readonly { readonly host?: string; readonly port?: number }[];
        /** The name by which the sentinels know the primary. */
        readonly name: string;
      } & NoClient &
        NoUrl &
        NoCluster &
        OwnConnection)
  );

/** Where to connect to, for `open.ts`. */
export type ConnectionPlan =
  | { readonly kind: "client"; readonly client: AnyRedisClient }
  | { readonly kind: "url"; readonly url: string; readonly options: Readonly<Record<string, unknown>> }
  | {
      readonly kind: "cluster";
      readonly nodes: readonly RedisNode[];
      readonly options: Readonly<Record<string, unknown>>;
      readonly redisOptions: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "sentinel"; readonly options: Readonly<Record<string, unknown>> };

export interface CheckedDurability {
  readonly replicas: number;
  readonly fsync: boolean;
  readonly timeoutMs: number;
}

export interface CheckedOptions {
  readonly plan: ConnectionPlan;
  readonly prefix: string;
  readonly shards: number | undefined;
  readonly clock: Clock | undefined;
  readonly commandTimeoutMs: number;
  readonly watchPollMs: number;
  readonly durability: CheckedDurability | undefined;
  readonly allowEviction: boolean;
}

function invalid(message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function checkOptions(options: RedisRecordStoreOptions): CheckedOptions {
  const { prefix = DEFAULT_PREFIX, shards, clock, commandTimeoutMs = 5000, watchPollMs = 0 } = options;
  checkDuration("commandTimeoutMs", commandTimeoutMs, 1);
  checkDuration("watchPollMs", watchPollMs, 0);
  return {
    plan: planOf(options),
    prefix: checkPrefix(prefix),
    shards: shards === undefined ? undefined : checkShards(shards),
    clock,
    commandTimeoutMs,
    watchPollMs,
    durability: options.durability && checkDurability(options.durability, commandTimeoutMs),
    allowEviction: options.allowEviction ?? false,
  };
}

function checkDuration(name: string, value: number, least: number): void {
  if (!(value >= least && value <= 2 ** 31 - 1))
    invalid(`${name} is ${value}; it has to be at least ${least} ms.`);
}

function checkDurability(durability: RedisDurability, commandTimeoutMs: number): CheckedDurability {
  const { replicas = 0, fsync = false, timeoutMs = 1000 } = durability;
  if (!Number.isInteger(replicas) || replicas < 0 || replicas > 100)
    invalid(`durability.replicas is ${replicas}; it has to be a whole number from 0 to 100.`);
  if (replicas === 0 && !fsync)
    invalid("durability waits for nothing: give the number of replicas, or fsync: true.");
  // WAIT with 0 waits for ever, and would keep everything behind it on the connection waiting.
  checkDuration("durability.timeoutMs", timeoutMs, 1);
  if (timeoutMs >= commandTimeoutMs)
    invalid(
      `durability.timeoutMs is ${timeoutMs}; it has to be less than commandTimeoutMs (${commandTimeoutMs}).`,
    );
  return { replicas, fsync, timeoutMs: Math.ceil(timeoutMs) };
}

function planOf(options: RedisRecordStoreOptions): ConnectionPlan {
  const { client, url, cluster, sentinels, redisOptions = {} } = options;
  const given = [client, url, cluster, sentinels].filter((value) => value !== undefined).length;
  if (given !== 1) invalid("Pass one of client, url, cluster and sentinels to the Redis backend.");
  checkIoredisOptions("redisOptions", redisOptions);
  if (client !== undefined) {
    checkClient(client);
    return { kind: "client", client };
  }
  if (url !== undefined) {
    if (typeof url !== "string" || url === "") invalid("url has to be a text like redis://localhost:6379.");
    return { kind: "url", url, options: redisOptions };
  }
  if (cluster !== undefined) {
    const { nodes, options: clusterOptions = {} } = "nodes" in cluster ? cluster : { nodes: cluster };
    if (!Array.isArray(nodes) || nodes.length === 0) invalid("cluster needs at least one node.");
    checkIoredisOptions("cluster.options", clusterOptions);
    return { kind: "cluster", nodes, options: clusterOptions, redisOptions };
  }
  if (!Array.isArray(sentinels) || sentinels.length === 0) invalid("sentinels needs at least one address.");
  if (typeof options.name !== "string" || options.name === "")
    invalid("sentinels needs the name of the primary: name.");
  return { kind: "sentinel", options: { ...redisOptions, sentinels, name: options.name } };
}

function checkClient(client: AnyRedisClient): void {
  if (typeof client?.evalsha !== "function") invalid("client has to be an ioredis client: Redis or Cluster.");
  checkIoredisOptions("The client", (client as { options?: unknown }).options ?? {});
  if (isCluster(client) && typeof client.nodes !== "function")
    invalid("client has to be an ioredis client: Redis or Cluster.");
}

/** What would break a promise without a sign. */
function checkIoredisOptions(where: string, options: unknown): void {
  if (typeof options !== "object" || options === null) invalid(`${where} has to be an object.`);
  const { keyPrefix, scaleReads, stringNumbers, redisOptions } = options as Readonly<Record<string, unknown>>;
  if (keyPrefix)
    invalid(`${where} has a keyPrefix, which channels of pub/sub do not get. Use the option prefix.`);
  if (scaleReads !== undefined && scaleReads !== "master")
    invalid(`${where} has scaleReads: a replica may not have the answer yet. Leave it at "master".`);
  if (stringNumbers) invalid(`${where} has stringNumbers, which makes texts of counts. Leave it out.`);
  if (redisOptions !== undefined) checkIoredisOptions(`${where}, in redisOptions,`, redisOptions);
}
