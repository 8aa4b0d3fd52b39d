/**
 * The only place where Redis keys are built. Scripts get every key in KEYS and build none.
 *
 * All keys of a shard share the hash tag `{prefix:shard}`, so that a commit touches one slot of a Cluster.
 * A shard holds its records in one hash and not in a key each: a page, a claim and a purge read records
 * whose ids they find in an index, and a key that a script finds out by itself cannot be declared.
 */
import { HoldpointError } from "../../core/errors.ts";
import { slotOfId } from "../../core/ids.ts";

export const DEFAULT_PREFIX = "holdpoint";
export const DEFAULT_SHARDS = 64;
export const MAX_SHARDS = 4096;

export class ShardKeys {
  readonly shard: number;
  /** Hash: id → packed record. */
  readonly records: string;
  /** Hash: id/n → a full chunk of events. */
  readonly history: string;
  /** Sorted set of `kind|due|id`. */
  readonly due: string;
  /** Sorted set of `kind|tenant|key|status|created|id` (fields.ts); `key` is `letters=value`, or empty: each record has one such. */
  readonly index: string;
  /** What `commit` and `purge` need. */
  readonly all: readonly string[];
  /** Pub/sub channel of change hints. */
  readonly channel: string;
  readonly #claim: string;

  constructor(prefix: string, shard: number) {
    const tag = `{${prefix}:${shard}}`;
    this.shard = shard;
    this.records = `${tag}:records`;
    this.history = `${tag}:history`;
    this.due = `${tag}:due`;
    this.index = `${tag}:index`;
    this.all = [this.records, this.history, this.index, this.due];
    this.channel = `${tag}:changes`;
    this.#claim = `${tag}:claim:`;
  }

  /** What one request of `acquireDue` got, for a minute. */
  claim(request: string): string {
    return this.#claim + request;
  }
}

export class KeySpace {
  readonly shards: number;
  readonly #prefix: string;
  readonly #made: (ShardKeys | undefined)[];

  constructor(prefix: string, shards: number) {
    this.shards = shards;
    this.#prefix = prefix;
    this.#made = new Array<ShardKeys | undefined>(shards);
  }

  shard(shard: number): ShardKeys {
    let keys = this.#made[shard];
    if (!keys) {
      keys = new ShardKeys(this.#prefix, shard);
      this.#made[shard] = keys;
    }
    return keys;
  }

  ofSlot(slot: number): ShardKeys {
    return this.shard(slot % this.shards);
  }

  /** Null for an id that carries no slot: no record has it. */
  ofId(id: string): ShardKeys | null {
    const slot = slotOfId(id);
    return slot >= 0 ? this.ofSlot(slot) : null;
  }

  all(): ShardKeys[] {
    return Array.from({ length: this.shards }, (_, shard) => this.shard(shard));
  }
}

/** What a confirmed write ends with, in the shard of a key: see confirm.ts. */
export function markKey(key: string): string {
  return `${key.slice(0, key.indexOf("}") + 1)}:mark`;
}

/** The store's own description: schema version and number of shards. */
export function metaKey(prefix: string): string {
  return `{${prefix}}:meta`;
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT`: braces in a prefix would move the hash tag. */
export function checkPrefix(prefix: string): string {
  if (/^[A-Za-z0-9._:/-]{1,100}$/.test(prefix)) return prefix;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    "prefix has to be 1 to 100 letters, digits or characters of . _ : / - (braces would move the hash tag).",
    { details: { prefix } },
  );
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function checkShards(shards: number): number {
  const power =
    Number.isInteger(shards) && shards >= 1 && shards <= MAX_SHARDS && (shards & (shards - 1)) === 0;
  if (power) return shards;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    `shards is ${shards}; it has to be a power of two from 1 to ${MAX_SHARDS}.`,
    {
      details: { shards },
    },
  );
}
