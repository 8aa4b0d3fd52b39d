import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { ChangeHint } from "../../../src/backends/record-store.ts";
import { freshId, insertOf, openStore, temporaryPath, until } from "./helpers/support.ts";
import { startWorker } from "./helpers/workers.ts";

describe("several processes on one file", () => {
  it("S1 S2 lose no version-guarded update", { timeout: 120_000 }, async () => {
    const [processes, times] = [4, 200];
    const path = temporaryPath();
    const store = openStore({ path });
    const id = freshId();
    await store.commit([insertOf(id, { count: 0 })]);
    const workers = Array.from({ length: processes }, () =>
      startWorker("increment", path, id, String(times)),
    );
    await until("all workers", () => workers.every(({ lines }) => lines.includes("ready")));
    for (const worker of workers) worker.say("go");
    for (const worker of workers) expect(await worker.ended).toEqual({ code: 0, errors: "" });
    const [record] = await store.get([id]);
    expect(record).toMatchObject({ version: 1 + processes * times, value: { count: processes * times } });
    const { items } = await store.history(id, { limit: 1000 });
    expect(items.map(({ seq }) => seq)).toEqual(
      Array.from({ length: processes * times }, (_, index) => index + 1),
    );
  });

  it("S1 keep what was acknowledged when one is killed in the middle of its writes", {
    timeout: 60_000,
  }, async () => {
    const path = temporaryPath();
    for (const enough of [20, 75, 140]) {
      const worker = startWorker("write", path);
      worker.say("go");
      await until("acknowledged writes", () => worker.lines.length > enough);
      worker.child.kill("SIGKILL");
      await worker.ended;
      const acknowledged = worker.lines.filter((line) => line.startsWith("hitl_"));
      const store = openStore({ path });
      const records = await store.get(acknowledged);
      expect(records.filter((record) => record === null)).toEqual([]);
      await store.close();
      const database = new Database(path);
      expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
      const orphans =
        "SELECT count(*) AS n FROM holdpoint_records r WHERE NOT EXISTS (SELECT 1 FROM holdpoint_history h WHERE h.id = r.id)";
      expect(database.prepare(orphans).get()).toEqual({ n: 0 });
      database.exec("DELETE FROM holdpoint_history; DELETE FROM holdpoint_records");
      database.close();
    }
  });

  it("give a due record to one of several stores", async () => {
    const path = temporaryPath();
    const stores = Array.from({ length: 3 }, () => openStore({ path }));
    const ids = Array.from({ length: 30 }, () => freshId());
    for (const id of ids) await stores[0]?.commit([insertOf(id, {}, { due_at: 1 })]);
    const query = { kind: "hitl", limit: 4, lease: { owner: "w", durationMs: 60_000 } };
    const taken: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const batches = await Promise.all(stores.map((store) => store.acquireDue(query)));
      taken.push(...batches.flat().map(({ id }) => id));
    }
    expect(taken.toSorted()).toEqual(ids.toSorted());
  });
});

describe("watch", () => {
  it("sees the last state that another process leaves, whenever it writes", { timeout: 60_000 }, async () => {
    const path = temporaryPath();
    const store = openStore({ path, watchIntervalMs: 5 });
    const id = freshId();
    await store.commit([insertOf(id, { count: 0 })]);
    const worker = startWorker("increment", path, id, "50");
    await until("the worker", () => worker.lines.includes("ready"));
    worker.say("go");
    // Watches come and go while the other process writes: each read after a watch, with the hints, misses nothing.
    let version = 0;
    while (version < 51) {
      const hints: ChangeHint[] = [];
      const watcher = await store.watch([id], (hint) => hints.push(hint));
      const read = (await store.get([id]))[0]?.version ?? 0;
      if (read < 51)
        await until(`a hint after version ${read}`, () => hints.some((hint) => hint.version > read));
      version = Math.max(read, ...hints.map((hint) => hint.version));
      await watcher.close();
    }
    expect((await worker.ended).code).toBe(0);
  });

  it("tells every watcher of a record, and one of a second watch on it no less", async () => {
    const path = temporaryPath();
    const [store, other] = [openStore({ path, watchIntervalMs: 5 }), openStore({ path })];
    const id = freshId();
    const seen: [ChangeHint[], ChangeHint[]] = [[], []];
    await store.watch([id], (hint) => seen[0].push(hint));
    await other.commit([insertOf(id)]);
    await store.watch([id], (hint) => seen[1].push(hint));
    await until("the first hint", () => seen[0].length > 0);
    await other.commit([{ op: "update", id, patch: { status: "completed" } }]);
    await until("both", () => seen.every((hints) => hints.some((hint) => hint.version === 2)));
    expect(seen[0].at(-1)).toEqual({ id, version: 2, status: "completed" });
  });

  it("tells of the store's own commits without a look at the file", async () => {
    const store = openStore({ path: ":memory:", watchIntervalMs: 1_000_000 });
    const [id, unwatched] = [freshId(), freshId()];
    const hints: ChangeHint[] = [];
    const watcher = await store.watch([id, id], (hint) => hints.push(hint));
    await store.commit([insertOf(id, {}, { due_at: 1 }), insertOf(unwatched)]);
    await store.commit([{ op: "update", id, guard: { version: 7 }, patch: { status: "x" } }]);
    await store.acquireDue({ kind: "hitl", limit: 5, lease: { owner: "w", durationMs: 1000 } });
    expect(hints.map(({ version }) => version)).toEqual([1, 2]);
    const last = store.commit([{ op: "update", id, patch: { status: "done" } }]);
    await watcher.close();
    await last;
    expect(hints.map(({ version }) => version).filter((version) => version > 3)).toEqual([]);
    const before = hints.length;
    await store.commit([{ op: "update", id, patch: { status: "again" } }]);
    expect(hints).toHaveLength(before);
  });

  it("does not keep a process alive", async () => {
    const worker = startWorker("watch", temporaryPath(), freshId());
    worker.say("go");
    expect(await worker.ended).toEqual({ code: 0, errors: "" });
    expect(worker.lines).toContain("watching");
  });
});
