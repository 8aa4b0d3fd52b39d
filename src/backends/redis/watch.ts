/**
 * Change hints: one subscriber connection for a store, however many watch.
 *
 * - W1 A watch is in force when the server has acknowledged the subscription.
 * - W2 After each reconnect the subscriptions are made again first, then every watched record is read and
 *   its listeners are called: a change while the connection was away is not missed.
 */
import { HoldpointError } from "../../core/errors.ts";
import type { ChangeHint, StoredRecord, Watcher } from "../record-store.ts";
import { type AnyRedisClient, isCluster, type RedisSubscriber, retryDelayMs } from "./client.ts";
import { ClusterSubscriber } from "./cluster-subscriber.ts";
import { statusOf } from "./fields.ts";
import { closedError, storeError } from "./faults.ts";
import type { KeySpace } from "./keys.ts";

type Listener = (hint: ChangeHint) => void;

interface Channel {
  watches: number;
  subscribed: Promise<unknown>;
}

export interface ChangeFeedOptions {
  readonly client: () => Promise<AnyRedisClient>;
  readonly read: (ids: readonly string[]) => Promise<(StoredRecord | null)[]>;
  /** How long to wait for an acknowledged subscription, in ms. */
  readonly timeoutMs: number;
  /** Also read the watched records at this interval, in ms; 0 for never. */
  readonly pollMs: number;
}

export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  readonly #listeners: Map<string, Set<Listener>> = new Map();
  readonly #channels: Map<string, Channel> = new Map();
  /** Versions seen by polling. */
  readonly #seen: Map<string, number> = new Map();
  #subscriber: Promise<RedisSubscriber> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
  }

  async watch(keys: KeySpace, ids: readonly string[], listener: Listener): Promise<Watcher> {
    // A listener of its own for each watch, so that two watches with one function stay two.
    const own: Listener = (hint) => listener(hint);
    const channels = new Set<string>();
    for (const id of ids) {
      const shard = keys.ofId(id);
      if (!shard) continue;
      channels.add(shard.channel);
      this.#listeners.set(id, (this.#listeners.get(id) ?? new Set()).add(own));
    }
    let open = true;
    const close = async (): Promise<void> => {
      if (!open) return;
      open = false;
      for (const id of ids) this.#forget(id, own);
      this.#startOrStopPolling();
      await Promise.all([...channels].map((channel) => this.#leave(channel)));
    };
    try {
      await Promise.all([...channels].map((channel) => this.#join(channel)));
    } catch (error) {
      await close();
      throw error;
    }
    this.#startOrStopPolling();
    return { close };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#listeners.clear();
    this.#channels.clear();
    const subscriber = this.#subscriber;
    this.#subscriber = undefined;
    if (subscriber)
      await subscriber.then(
        (made) => made.disconnect(),
        () => undefined,
      );
  }

  #forget(id: string, own: Listener): void {
    const listeners = this.#listeners.get(id);
    listeners?.delete(own);
    if (listeners?.size !== 0) return;
    this.#listeners.delete(id);
    this.#seen.delete(id);
  }

  async #join(name: string): Promise<void> {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = {
        watches: 0,
        subscribed: this.#connection().then((subscriber) => subscriber.subscribe(name)),
      };
      this.#channels.set(name, channel);
    }
    channel.watches += 1;
    await this.#acknowledged(channel.subscribed);
  }

  async #leave(name: string): Promise<void> {
    const channel = this.#channels.get(name);
    if (!channel) return;
    channel.watches -= 1;
    if (channel.watches > 0) return;
    this.#channels.delete(name);
    const subscriber = await this.#subscriber?.catch(() => undefined);
    // Left alone it would send hints that nobody wants; a lost connection has forgotten it anyway. By now somebody
    // may have joined again.
    if (subscriber?.status === "ready" && !this.#channels.has(name))
      await subscriber.unsubscribe(name).catch(() => undefined);
  }

  async #acknowledged(subscribed: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(new HoldpointError("ERR_HITL_TIMEOUT", `no answer within ${this.#options.timeoutMs} ms`)),
        this.#options.timeoutMs,
      );
    });
    try {
      await Promise.race([subscribed, timeout]);
    } catch (error) {
      throw this.#closed
        ? closedError()
        : storeError("The watch did not begin.", "Check the connection to Redis.", error);
    } finally {
      clearTimeout(timer);
    }
  }

  #connection(): Promise<RedisSubscriber> {
    if (this.#closed) return Promise.reject(closedError());
    this.#subscriber ??= this.#connect().catch((error: unknown) => {
      this.#subscriber = undefined;
      throw error;
    });
    return this.#subscriber;
  }

  async #connect(): Promise<RedisSubscriber> {
    const client = await this.#options.client();
    const options = {
      connectionName: "holdpoint-watch",
      // Ours comes with an acknowledgement to wait for (W2).
      autoResubscribe: false,
      enableOfflineQueue: true,
      lazyConnect: false,
      maxRetriesPerRequest: null,
      retryStrategy: retryDelayMs,
    };
    const subscriber = isCluster(client) ? new ClusterSubscriber(client, options) : client.duplicate(options);
    let connected = false;
    subscriber.on("error", () => undefined);
    subscriber.on("message", (_channel: string, message: string) => this.#deliver(message));
    subscriber.on("ready", () => {
      if (connected) void this.#resubscribe(subscriber);
      connected = true;
    });
    if (this.#closed) subscriber.disconnect();
    return subscriber;
  }

  async #resubscribe(subscriber: RedisSubscriber): Promise<void> {
    const names = [...this.#channels.keys()];
    if (names.length === 0) return;
    try {
      await subscriber.subscribe(...names);
    } catch {
      // The connection is lost again: the next one begins anew.
      return;
    }
    await this.#readAll(EVERY);
  }

  #deliver(message: string): void {
    for (const line of message.split("\n")) {
      const [id = "", version, status = ""] = line.split("|");
      this.#tell({ id, version: Number(version), status: statusOf(status) });
    }
  }

  #tell(hint: ChangeHint): void {
    for (const listener of this.#listeners.get(hint.id) ?? []) {
      // One that throws must not keep the hint from the others; it surfaces as an uncaught error.
      queueMicrotask(() => {
        if (this.#listeners.get(hint.id)?.has(listener)) listener(hint);
      });
    }
  }

  /** Reads the watched records and tells of those that `wanted` says. */
  async #readAll(wanted: (record: StoredRecord) => boolean): Promise<void> {
    const ids = [...this.#listeners.keys()];
    const records = await this.#options.read(ids).catch(() => null);
    for (const [n, id] of ids.entries()) {
      const record = records?.[n];
      if (record && wanted(record)) this.#tell({ id, version: record.version, status: record.status });
      // The read failed, or the record is gone: the listener has to look for itself.
      else if (!record && wanted === EVERY) this.#tell({ id, version: 0, status: "" });
    }
  }

  #startOrStopPolling(): void {
    const { pollMs } = this.#options;
    if (pollMs === 0 || this.#closed) return;
    if (this.#listeners.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if (!this.#timer) {
      this.#timer = setInterval(() => void this.#readAll((record) => this.#isNew(record)), pollMs);
      this.#timer.unref();
    }
  }

  #isNew(record: StoredRecord): boolean {
    const seen = this.#seen.get(record.id);
    this.#seen.set(record.id, record.version);
    // The first look too: nothing says what the listener knows.
    return seen !== record.version;
  }
}

const EVERY = (): boolean => true;
