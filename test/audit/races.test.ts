/** Two handles on one record, as two processes: the outcomes are those without the trail, and the chain is whole (P4). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type RecordStore, StoreHITLBackend } from "holdpoint";
import { PostgresRecordStore } from "holdpoint/backends/postgres";
import { RedisRecordStore } from "holdpoint/backends/redis";
import { SqliteRecordStore } from "holdpoint/backends/sqlite";
import { MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { audited, AuditedStore, readAudit, verifyAudit } from "../../src/audit/index.ts";
import type { OpResult } from "../../src/backends/record-store.ts";
import { startPostgresServer } from "../support/postgres-server.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { idOf, insertOp, put, updateOp } from "./kit.ts";

const redis = await startRedisServer();
const postgres = await startPostgresServer();
const folder = mkdtempSync(join(tmpdir(), "holdpoint-audit-"));
const opened: RecordStore[] = [];
afterAll(async () => {
  await Promise.all(opened.map((store) => store.close()));
  await redis.stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

let sites = 0;
const makers: Readonly<Record<string, () => () => RecordStore>> = {
  memory: () => {
    const data = new MemoryRecordData();
    return () => new MemoryRecordStore({}, data);
  },
  sqlite: () => {
    const path = join(folder, `${(sites += 1)}.db`);
    return () => new SqliteRecordStore({ path });
  },
  redis: () => {
    const prefix = redis.prefix();
    return () => new RedisRecordStore({ url: redis.url, prefix });
  },
  postgres: () => {
    const schema = postgres.schema();
    return () => new PostgresRecordStore({ connectionString: postgres.url, schema, maxConnections: 4 });
  },
};

function handles(name: string): readonly [RecordStore, RecordStore] {
  const make = makers[name]?.() as () => RecordStore;
  const both = [make(), make()] as const;
  opened.push(...both);
  return both;
}

const tally = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const one of names.toSorted()) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
};

const N = 12;
const each = <T>(run: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: N }, (_, n) => run(n)));
const statusOf = ({ results }: { results: readonly OpResult[] }): string => results[0]?.status ?? "none";

describe.each(Object.keys(makers))("on %s", (name) => {
  it("P4 of many answers one is accepted, and the trail says whose", async () => {
    const backends = handles(name).map((store) => audited(new StoreHITLBackend(store)));
    const of = (n: number) => backends[n % 2] as StoreHITLBackend;
    const { record } = await of(0).create({ hitl_type: "ask_user", session_id: "s", response_schema: null });
    const outcomes = await each((n) =>
      of(n).respond(record.hitl_id, { answer: `a${n}` }, { actor: { id: `u${n}` } }),
    );
    expect(tally(outcomes.map(({ status }) => status))).toEqual({ accepted: 1, conflict: N - 1 });
    const trail = await readAudit(of(1), record.hitl_id);
    const { problems, record: proof } = await verifyAudit(trail as never);
    expect([problems, proof]).toEqual([[], "event"]);
    const winner = outcomes.findIndex(({ status }) => status === "accepted");
    expect(trail?.events.map(({ type, actor }) => [type, actor?.["id"]])).toEqual([
      ["created", undefined],
      ["answered", `u${winner}`],
    ]);
  });

  it("S2 unguarded updates and appended events all happen, guarded ones once, and no link is lost", async () => {
    const stores = handles(name).map((store) => new AuditedStore(store));
    const of = (n: number) => stores[n % 2] as AuditedStore;
    await put(of(0), 1, { value: { n: -1 } });
    await put(of(0), 2);
    const [updated, guarded, optional, appended] = await Promise.all([
      each((n) => of(n).commit([updateOp(1, { patch: { value: { n } }, event: { type: "changed" } })])),
      each((n) => of(n).commit([updateOp(2, { guard: { version: 1 }, event: { type: "once" } })])),
      each((n) =>
        of(n).commit([
          updateOp(2, { guard: { status: ["closed"] }, optional: true, event: { type: "never" } }),
          insertOp(100 + n, {}, { type: "created" }),
        ]),
      ),
      each((n) => of(n).append(idOf(1), { type: `note ${n}` })),
    ]);
    expect(tally(updated.map(statusOf))).toEqual({ updated: N });
    expect(tally(guarded.map(statusOf))).toEqual({ stale: N - 1, updated: 1 });
    expect(tally(optional.map(({ status }) => status))).toEqual({ committed: N });
    expect(tally(optional.map(statusOf))).toEqual({ stale: N });
    expect(appended).toEqual(appended.map(() => true));
    const backend = new StoreHITLBackend(of(1));
    const counts = [];
    for (const n of [1, 2, 100, 100 + N - 1]) {
      const trail = await readAudit(backend, idOf(n));
      expect((await verifyAudit(trail as never)).problems).toEqual([]);
      counts.push(trail?.events.length);
    }
    expect(counts).toEqual([1 + 2 * N, 2, 1, 1]);
    const [stored] = await of(0).get([idOf(1)]);
    expect(stored?.version).toBe(1 + N);
  });
});
