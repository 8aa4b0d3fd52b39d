/** Goes through a store and brings indexes, due times and histories to what the records say. */
import { HoldpointError } from "../../core/errors.ts";
import type { KeySpace } from "./keys.ts";
import type { Link } from "./link.ts";
import { SCRIPTS } from "./scripts.generated.ts";

export interface RepairOptions {
  /** Where an earlier call stopped: its `next_cursor`. */
  readonly cursor?: string;
  /** About how many entries to look at in this call. Default 10 000, at most 1 000 000. */
  readonly limit?: number;
}

/** What one call of `repair` looked at and found. Everything but `lost_histories` is mended. */
export interface RepairReport {
  /** Records, index entries and fields of histories that were looked at. */
  readonly looked_at: number;
  /** Entries of an index, or due times, that did not fit a record, and were removed. */
  readonly stale_entries: number;
  /** Entries of an index, or due times, that a record has to have and had not, and got. */
  readonly missing_entries: number;
  /** Parts of histories whose record is gone, removed. */
  readonly orphaned_histories: number;
  /** Records of which events are gone for good. */
  readonly lost_histories: number;
  /** How many shards are done with, of how many: the progress. */
  readonly shards_done: number;
  readonly shards: number;
  /** There is more: pass it to the next call. */
  readonly next_cursor?: string;
}

const DEFAULT_LIMIT = 10_000;
const MAX_LIMIT = 1_000_000;
/** Entries that one script looks at: a few milliseconds of the server. */
const BUDGET = 500;
/** The keys of a shard in the order of the script; after the last one comes the next shard. */
const FIRST_PART = 1;
const LAST_PART = 4;

interface Place {
  shard: number;
  part: number;
  from: string;
}

/** @throws HoldpointError `ERR_HITL_CURSOR`, `ERR_HITL_INVALID_INPUT`, `ERR_HITL_STORE` */
export async function repairStore(
  link: Link,
  space: KeySpace,
  options: RepairOptions,
): Promise<RepairReport> {
  const limit = checkLimit(options.limit);
  const place = options.cursor === undefined ? begin(0) : decodePlace(options.cursor, space.shards);
  const total = {
    looked_at: 0,
    stale_entries: 0,
    missing_entries: 0,
    orphaned_histories: 0,
    lost_histories: 0,
  };
  while (place.shard < space.shards && total.looked_at < limit) {
    const { shard, part, from } = place;
    const args = [part, from, Math.min(BUDGET, limit - total.looked_at)];
    const keys = space.shard(shard).all;
    const reply = (await link.call({ script: SCRIPTS.repair, keys, args }, "writes")) as RepairReply;
    const [nextPart, nextFrom, looked, stale, missing, orphaned, lost] = reply;
    total.looked_at += looked;
    total.stale_entries += stale;
    total.missing_entries += missing;
    total.orphaned_histories += orphaned;
    total.lost_histories += lost;
    Object.assign(place, nextPart === 0 ? begin(shard + 1) : { shard, part: nextPart, from: nextFrom });
  }
  const report = { ...total, shards_done: place.shard, shards: space.shards };
  return place.shard < space.shards ? { ...report, next_cursor: encodePlace(place) } : report;
}

type RepairReply = [number, string, number, number, number, number, number];

function begin(shard: number): Place {
  return { shard, part: FIRST_PART, from: "" };
}

function checkLimit(limit: number = DEFAULT_LIMIT): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    `limit is ${limit}; it has to be a whole number from 1 to ${MAX_LIMIT}.`,
  );
}

function encodePlace({ shard, part, from }: Place): string {
  return Buffer.from(JSON.stringify([shard, part, from])).toString("base64url");
}

function decodePlace(cursor: string, shards: number): Place {
  try {
    const [shard, part, from] = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")) as unknown[];
    const known =
      Number.isInteger(shard) &&
      (shard as number) >= 0 &&
      (shard as number) < shards &&
      Number.isInteger(part) &&
      (part as number) >= FIRST_PART &&
      (part as number) <= LAST_PART &&
      typeof from === "string" &&
      // A cursor of HSCAN is a number.
      ((part as number) > 2 || /^[0-9]{0,20}$/.test(from));
    if (known) return { shard: shard as number, part: part as number, from };
  } catch {
    // Falls through to the one error that says what to do.
  }
  throw new HoldpointError(
    "ERR_HITL_CURSOR",
    "The cursor is not one that repair has returned. Pass next_cursor back unchanged, or leave it out.",
  );
}
