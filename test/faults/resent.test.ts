/**
 * S4 at its limit. A store remembers the last requests of a record, not all of them: several writes of one record, all
 * done, all unanswered, all sent again. A guarded write is safe in any number, since its guard has fallen.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PostgresRecordStore } from "../../src/backends/postgres/postgres-store.ts";
import type { InsertOp, RecordStore } from "../../src/backends/record-store.ts";
import { RedisRecordStore } from "../../src/backends/redis/redis-store.ts";
import { makeId } from "../../src/core/ids.ts";
import { lossyProxy } from "../support/lossy-proxy.ts";
import { startPostgresServer } from "../support/postgres-server.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { wait } from "./setup.ts";
import { TcpProxy } from "./tcp-proxy.ts";

/** What each store keeps at least, of one kind and record. */
const REMEMBERED = 3;
const MANY = 12;
const id = makeId("job", 5, ["sent again"]);
const insert: InsertOp = {
  op: "insert",
  record: { id, kind: "job", tenant_id: "default", status: "open", value: {} },
};

/** Due since long ago; the lower `n`, the longer. */
function dueOp(kind: string, n: number): InsertOp {
  const record = { kind, tenant_id: "default", status: "open", due_at: 1 + n, value: {} };
  return { op: "insert", record: { ...record, id: makeId(kind, 5, ["due", n]) } };
}

interface Server {
  readonly port: number;
  stop(): Promise<void>;
}

const STORES: readonly (readonly [string, () => Promise<Server>, (port: number) => RecordStore])[] = [
  [
    "redis",
    () => startRedisServer({ own: true }),
    (port) => new RedisRecordStore({ url: `redis://127.0.0.1:${port}` }),
  ],
  [
    "postgres",
    () => startPostgresServer({ own: true }),
    (port) => new PostgresRecordStore({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres` }),
  ],
];

describe.each(STORES)("%s: answers are lost, and the writes are sent again", (_name, start, open) => {
  let server: Server;
  let proxy: TcpProxy;
  let store: RecordStore;
  beforeAll(async () => {
    server = await start();
    proxy = await TcpProxy.open(server.port);
    store = open(proxy.port);
    await store.commit([insert]);
    // The server knows each script by now: else the answer that is lost is that it does not.
    await store.append(id, { type: "first" });
    await store.commit([dueOp("warm", 0)]);
    await store.acquireDue({ kind: "warm", limit: 1, lease: { owner: "me", durationMs: 60_000 } });
  });
  afterAll(async () => {
    await store?.close();
    await proxy?.close();
    await server?.stop();
  });

  /** What `count` writes at once leave behind, all of whose answers are lost. */
  async function losing(count: number, write: (n: number) => Promise<unknown>) {
    // There is a connection for each before any of them is harmed.
    await Promise.all(Array.from({ length: count }, () => store.get([id])));
    const [before] = await store.get([id]);
    const events = async (): Promise<number> => (await store.history(id, { limit: 1000 })).items.length;
    const told = await events();
    const cut = proxy.inject("net-drop-replies", () => 0, wait);
    const results = await Promise.all(Array.from({ length: count }, (_, n) => write(n)));
    await cut;
    const [after] = await store.get([id]);
    if (!before || !after) throw new Error("The record is gone.");
    return {
      results,
      touches: after.touches - before.touches,
      versions: after.version - before.version,
      events: (await events()) - told,
    };
  }

  it("S4 touches are counted once", async () => {
    const touch = () => store.commit([{ ...insert, touch: true }]);
    expect(await losing(REMEMBERED, touch)).toMatchObject({ touches: REMEMBERED, versions: 0, events: 0 });
  });

  it("S4 events are appended once", async () => {
    const append = () => store.append(id, { type: "noted" });
    expect(await losing(REMEMBERED, append)).toMatchObject({ events: REMEMBERED, versions: 0 });
  });

  it("S3 S4 due records are acquired once", async () => {
    const due = [dueOp("due", 0), dueOp("due", 1)];
    await store.commit(due);
    const lossy = await lossyProxy(server.port);
    const other = open(Number(new URL(lossy.url).port));
    try {
      // What is due is looked for first: only the answer to the call that names the owner is lost.
      lossy.loseReplyTo("mark-owner");
      const lease = { owner: "mark-owner", durationMs: 60_000 };
      const acquired = await other.acquireDue({ kind: "due", limit: 1, lease });
      expect(lossy.lost).toBe(1);
      const [first, second] = await store.get(due.map(({ record }) => record.id));
      expect(acquired).toMatchObject([{ id: first?.id, fence: 1 }]);
      expect([first?.fence, second?.fence]).toEqual([1, 0]);
    } finally {
      await other.close();
      await lossy.close();
    }
  });

  it("S4 updates without a guard are done once", async () => {
    const update = () => store.commit([{ op: "update", id, event: { type: "updated" } }]);
    expect(await losing(REMEMBERED, update)).toMatchObject({ versions: REMEMBERED, events: REMEMBERED });
  });

  it("S4 P4 of many guarded updates one is done, and it is told so", async () => {
    const [record] = await store.get([id]);
    const update = (n: number) =>
      store.commit([
        {
          op: "update",
          id,
          guard: { version: record?.version ?? 0 },
          patch: { value: { n } },
          event: { type: "won" },
        },
      ]);
    const { results, versions, events } = await losing(MANY, update);
    expect([versions, events]).toEqual([1, 1]);
    const statuses = results.map((result) => (result as { status: string }).status);
    expect(statuses.toSorted()).toEqual(["committed", ...Array(MANY - 1).fill("refused")]);
  });
});
