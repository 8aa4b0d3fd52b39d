/**
 * Change hints: one listening connection for a store, however many watch, and one statement that reads where all of
 * them stand.
 *
 * - W1 A watch is in force when the versions of its records are known: whatever differs from them is told.
 * - W2 After the listening connection was lost, every watched record is read as soon as there is a new one, and its
 *   listeners are called: a change meanwhile is not missed.
 * - W3 A poll finds what no notification told: from a writer that ended before it could, or through a pooler that knows
 *   no LISTEN. It runs only while somebody watches.
 */
import type { ChangeHint, Watcher } from "../record-store.ts";
import { Watched } from "../watched.ts";
import { LOOK_AT_ALL } from "./announcer.ts";
import type { PostgresSubscriber, PostgresSubscription } from "./client.ts";
import { unescapeText } from "./names.ts";

export interface WatchHubOptions {
  readonly heads: (ids: readonly string[]) => Promise<readonly ChangeHint[]>;
  /** Null where the pool has no connection to listen on; absent: only poll. */
  readonly listen?: ((subscriber: PostgresSubscriber) => Promise<PostgresSubscription | null>) | undefined;
  readonly pollMs: number;
}

/** Between two polls at least this many times as long passes as one takes, however many ids are watched. */
const REST_FACTOR = 4;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2000;

export class WatchHub {
  readonly #options: WatchHubOptions;
  readonly #watched: Watched = new Watched();
  #subscription: Promise<PostgresSubscription | null> | undefined;
  #reconnecting: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WatchHubOptions) {
    this.#options = options;
  }

  async watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher> {
    // Before the versions are read: a notification between the two is told.
    const { unread, end } = this.#watched.add(ids, listener);
    const close = async (): Promise<void> => {
      end();
      if (this.#watched.size === 0) this.#stopPolling();
    };
    try {
      await this.#listening();
      this.#watched.read(unread, await this.#options.heads(unread));
    } catch (error) {
      await close();
      throw error;
    }
    this.#schedule();
    return { close };
  }

  /** Called after each commit of this store. */
  committed(hints: readonly ChangeHint[]): void {
    if (this.#watched.size > 0) for (const hint of hints) this.#watched.tell(hint);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopPolling();
    clearTimeout(this.#reconnecting);
    this.#watched.clear();
    const subscription = await this.#subscription?.catch(() => null);
    await subscription?.close();
  }

  /** Resolves when the connection listens, or could not be made: then it is tried again, and the poll has to do. */
  async #listening(): Promise<void> {
    if (!this.#options.listen || this.#closed) return;
    this.#subscription ??= this.#subscribe(FIRST_PAUSE_MS);
    await this.#subscription.catch(() => undefined);
  }

  #subscribe(pauseMs: number): Promise<PostgresSubscription | null> {
    const again = (nextMs: number): void => {
      if (this.#closed) return;
      clearTimeout(this.#reconnecting);
      this.#reconnecting = setTimeout(() => {
        if (this.#closed) return;
        this.#subscription = this.#subscribe(nextMs);
        this.#subscription.then(
          () => this.#look("all"),
          () => undefined,
        );
      }, pauseMs);
      this.#reconnecting.unref();
    };
    const subscriber: PostgresSubscriber = {
      hear: (payload) => this.#hear(payload),
      lost: () => again(FIRST_PAUSE_MS),
    };
    const subscribed = this.#options.listen?.(subscriber) ?? Promise.resolve(null);
    subscribed.then(
      (subscription) => {
        if (this.#closed) void subscription?.close();
      },
      () => again(Math.min(pauseMs * 2, LONGEST_PAUSE_MS)),
    );
    return subscribed;
  }

  #hear(payload: string): void {
    if (payload === LOOK_AT_ALL) {
      void this.#look("changed");
      return;
    }
    for (const line of payload.split("\n")) {
      const [id = "", version = "", ...status] = line.split(" ");
      const seen = this.#watched.seen(id);
      // Notifications of two processes may come out of order: an older one says nothing.
      if (seen !== undefined && Number(version) > seen) {
        const text = parseText(status.join(" "));
        if (text !== undefined)
          this.#watched.tell({ id, version: Number(version), status: unescapeText(text) });
      }
    }
  }

  /** Reads all watched records. `all` tells of each of them, `changed` of those that nobody has told of. */
  async #look(which: "all" | "changed"): Promise<void> {
    if (this.#closed) return;
    const before = this.#watched.versions;
    const ids = [...before.keys()];
    if (ids.length === 0) return;
    const heads = await this.#options.heads(ids).catch(() => undefined);
    if (!heads) {
      // Whoever listens has to look for himself.
      if (which === "all") for (const id of ids) this.#watched.tell({ id, version: 0, status: "" });
      return;
    }
    const found = new Map(heads.map((head) => [head.id, head]));
    for (const [id, seen] of before) {
      // Told meanwhile: what was read may be older.
      if (this.#watched.seen(id) !== seen) continue;
      const head = found.get(id) ?? { id, version: 0, status: "" };
      if (which === "all" || head.version !== seen) this.#watched.tell(head);
    }
  }

  #schedule(restMs = 0): void {
    if (this.#poll !== undefined || this.#watched.size === 0 || this.#closed) return;
    this.#poll = setTimeout(() => void this.#polled(), Math.max(this.#options.pollMs, restMs));
    this.#poll.unref();
  }

  async #polled(): Promise<void> {
    const begun = performance.now();
    await this.#look("changed");
    this.#poll = undefined;
    this.#schedule((performance.now() - begun) * REST_FACTOR);
  }

  #stopPolling(): void {
    clearTimeout(this.#poll);
    this.#poll = undefined;
  }
}

/** Anybody who may connect to the database can send anything on a channel. */
function parseText(json: string): string | undefined {
  try {
    const text: unknown = JSON.parse(json);
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}
