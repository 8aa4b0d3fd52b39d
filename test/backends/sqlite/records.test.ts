import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import { SqliteRecordStore } from "../../../src/backends/sqlite/sqlite-store.ts";
import { freshId, insertOf, openStore, temporaryPath } from "./helpers/support.ts";

const STRANGE = JSON.parse(
  `{"z":1,"a":{"10":[],"9":{}},"empty":"","zero":0,"tiny":5e-324,"huge":1.7976931348623157e308,"exact":9007199254740991,
    "third":0.3333333333333333,"text":"é\\u0000\\u2028😀 '; DROP TABLE x --","nul":null,"nested":[[[]],{"b":[false,true]}]}`,
) as JsonObject;

describe("values", () => {
  it("S6 reads a value back to the byte, from another connection too", async () => {
    const path = temporaryPath();
    const id = freshId();
    const store = openStore({ path });
    const { results } = await store.commit([insertOf(id, STRANGE)]);
    const [again] = await openStore({ path }).get([id]);
    expect(JSON.stringify(results[0]?.record?.value)).toBe(JSON.stringify(STRANGE));
    expect(JSON.stringify(again?.value)).toBe(JSON.stringify(STRANGE));
  });

  it("S6 keeps the text of a value when only its envelope changes", async () => {
    const path = temporaryPath();
    const id = freshId();
    const store = openStore({ path });
    await store.commit([insertOf(id, STRANGE)]);
    await store.commit([{ op: "update", id, patch: { status: "completed" } }]);
    const database = new Database(path, { readonly: true });
    const row = database.prepare("SELECT value, version FROM holdpoint_records WHERE id = ?").get(id);
    database.close();
    expect(row).toEqual({ value: JSON.stringify(STRANGE), version: 2 });
  });

  it("hands out values that are the caller's own", async () => {
    const store = openStore({ path: ":memory:" });
    const id = freshId();
    const value = { list: [1] };
    const { results } = await store.commit([insertOf(id, value)]);
    value.list.push(2);
    (results[0]?.record?.value["list"] as number[] | undefined)?.push(3);
    expect((await store.get([id]))[0]?.value).toEqual({ list: [1] });
  });

  it("keeps the actor, the reason and the data of an event as they were given", async () => {
    const store = openStore({ path: ":memory:" });
    const id = freshId();
    const event = {
      type: "created",
      actor: { id: "u", meta: { b: 1, a: [] } },
      reason: "",
      data: { z: 0, a: null },
    };
    await store.commit([{ ...insertOf(id), event }]);
    const { items } = await store.history(id);
    expect(items).toMatchObject([{ ...event, seq: 1, version: 1, status: "pending" }]);
    expect(JSON.stringify(items[0]?.actor)).toBe(JSON.stringify(event.actor));
  });
});

describe("durability and options", () => {
  it("finds after a restart what was committed before", async () => {
    const path = temporaryPath();
    const id = freshId();
    const first = openStore({ path });
    await first.commit([{ ...insertOf(id, { n: 1 }), event: { type: "created" } }]);
    await first.close();
    const second = openStore({ path });
    expect((await second.get([id]))[0]).toMatchObject({ id, version: 1, value: { n: 1 } });
    expect((await second.history(id)).items).toHaveLength(1);
    expect(second.capabilities).toMatchObject({
      name: "sqlite",
      durable: true,
      shared: true,
      hints: "polled",
    });
  });

  it("says that a database in memory is neither durable nor shared", () => {
    expect(openStore({ path: ":memory:" }).capabilities).toMatchObject({ durable: false, shared: false });
  });

  it.each([
    ["an empty path", { path: "" }],
    ["a URI", { path: "file:store.db?mode=memory" }],
    ["a busyTimeoutMs that is no number", { path: ":memory:", busyTimeoutMs: Number.NaN }],
    ["a watchIntervalMs of zero", { path: ":memory:", watchIntervalMs: 0 }],
    ["an unknown synchronous", { path: ":memory:", synchronous: "OFF" as "FULL" }],
  ])("refuses %s at once", (_, options) => {
    expect(() => new SqliteRecordStore(options)).toThrow(
      expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
    );
  });
});

describe("purge", () => {
  it("deletes no more than its limit in a call, and takes the history along", async () => {
    let now = 1000;
    const path = temporaryPath();
    const store = openStore({ path, clock: { now: () => now } });
    for (let n = 0; n < 5; n += 1)
      await store.commit([{ ...insertOf(freshId()), event: { type: "created" } }]);
    now = 5000;
    const query = { kind: "hitl", statuses: ["pending", "completed"], updatedBefore: 2000, limit: 3 };
    expect(await store.purge(query)).toEqual({ purged: 3, more: true });
    expect(await store.purge(query)).toEqual({ purged: 2, more: false });
    expect(await store.purge(query)).toEqual({ purged: 0, more: false });
    const database = new Database(path, { readonly: true });
    expect(database.prepare("SELECT count(*) AS n FROM holdpoint_history").get()).toEqual({ n: 0 });
    database.close();
  });
});
