/** Stores with a clock that tests move, and counts of what is in them. */
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RecordStore, StoreHITLBackend } from "holdpoint";
import { RedisRecordStore } from "holdpoint/backends/redis";
import { SqliteRecordStore } from "holdpoint/backends/sqlite";
import { FakeClock, MemoryRecordStore } from "holdpoint/testing";
import { ENDED_MESSAGE_STATUSES } from "../../../src/backends/kinds.ts";
import type { RetentionOptions } from "../../../src/backends/retention/options.ts";
import { CALL_STATUSES, HITL_STATUSES } from "../../../src/core/states.ts";
import { startRedisServer } from "../../support/redis-server.ts";

export const HOUR = 60 * 60 * 1000;
export const DAY = 24 * HOUR;

export interface Opened {
  readonly store: RecordStore;
  readonly clock: FakeClock;
  close(): Promise<void>;
}

export const STORES: Readonly<Record<"memory" | "sqlite" | "redis", () => Promise<Opened>>> = {
  memory: async () => {
    const clock = new FakeClock();
    const store = new MemoryRecordStore({ clock });
    return { store, clock, close: () => store.close() };
  },
  sqlite: async () => {
    const clock = new FakeClock();
    const folder = join(
      tmpdir(),
      `holdpoint-retention-${process.pid}-${Math.random().toString(36).slice(2)}`,
    );
    const store = new SqliteRecordStore({ path: join(folder, "h.db"), clock, synchronous: "NORMAL" });
    const close = async (): Promise<void> => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    };
    return { store, clock, close };
  },
  redis: async () => {
    const clock = new FakeClock();
    const server = await startRedisServer();
    const store = new RedisRecordStore({ url: server.url, prefix: server.prefix(), clock, shards: 4 });
    const close = async (): Promise<void> => {
      await store.close();
      await server.stop();
    };
    return { store, clock, close };
  },
};

/** Never sweeps by itself. */
export function backendOn({ store, clock }: Opened, retention: RetentionOptions = {}): StoreHITLBackend {
  return new StoreHITLBackend(store, { clock, retention: { sweepEveryMs: 0, ...retention } });
}

const KINDS = ["hitl", "call", "pause", "thread", "alias", "message", "mailbox"];
const STATUSES: readonly string[] = [
  ...HITL_STATUSES,
  ...CALL_STATUSES,
  ...ENDED_MESSAGE_STATUSES,
  "active",
  "waiting",
  "delivering",
  "answering",
];

/** How many records there are, by kind; kinds without any are left out. */
export async function countsOf(store: RecordStore): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const kind of KINDS) {
    const { items } = await store.page({ kind, tenant_id: "default", statuses: STATUSES, limit: 1000 });
    if (items.length > 0) counts[kind] = items.length;
  }
  return counts;
}

export async function sweepAll(backend: StoreHITLBackend): Promise<void> {
  for (let n = 0, more = true; more; n += 1) {
    if (n > 100) throw new Error("The sweep does not come to an end.");
    ({ more } = await backend.sweep());
  }
}

/** As the days go by, with a sweep on each. */
export async function days(count: number, opened: Opened, backend: StoreHITLBackend): Promise<void> {
  for (let day = 0; day < count; day += 1) {
    opened.clock.advance(DAY);
    await sweepAll(backend);
  }
}
