import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { SqliteDatabase, type SqliteDriver } from "../../../src/backends/sqlite/driver.ts";
import { loadBetterSqlite3 } from "../../../src/backends/sqlite/drivers/better-sqlite3.ts";
import { migrate } from "../../../src/backends/sqlite/migrate.ts";
import { MIGRATIONS } from "../../../src/backends/sqlite/sql.generated.ts";
import { freshId, insertOf, openStore, temporaryPath, until } from "./helpers/support.ts";
import { startWorker } from "./helpers/workers.ts";

describe("migrations", () => {
  it("are numbered from 1 without gaps", () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });

  it("run once when several processes open a new file together", async () => {
    const path = temporaryPath();
    const workers = Array.from({ length: 5 }, () => startWorker("open", path, freshId()));
    await until("all workers", () => workers.every(({ lines }) => lines.includes("ready")));
    for (const worker of workers) worker.say("go");
    for (const worker of workers) expect(await worker.ended).toEqual({ code: 0, errors: "" });
    const database = new Database(path, { readonly: true });
    const applied = database.prepare("SELECT version, name FROM holdpoint_migrations ORDER BY version").all();
    database.close();
    expect(applied).toEqual(MIGRATIONS.map(({ version, name }) => ({ version, name })));
  });

  it("refuse a file that a newer release has migrated, and change nothing in it", async () => {
    const path = temporaryPath();
    const first = openStore({ path });
    const id = freshId();
    await first.commit([insertOf(id)]);
    await first.close();
    const database = new Database(path);
    const newer = MIGRATIONS.length + 1;
    database.prepare("INSERT INTO holdpoint_migrations VALUES (?, 'from_the_future', 0)").run(newer);
    const failure = await openStore({ path })
      .commit([insertOf(freshId())])
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "ERR_HITL_STORE_SCHEMA",
      details: { found: newer, newest: newer - 1 },
    });
    expect(failure).toMatchObject({ message: expect.stringContaining("Upgrade holdpoint") });
    expect(database.prepare("SELECT id FROM holdpoint_records").all()).toEqual([{ id }]);
    database.close();
  });

  it("leave nothing behind if one of them fails", async () => {
    const driver = (await loadBetterSqlite3()) as SqliteDriver;
    const database = new SqliteDatabase(driver, driver.open(":memory:"));
    const broken = { version: 2, name: "broken", sql: "CREATE TABLE half (a); CREATE TABLE half (a);" };
    expect(() => migrate(database, [...MIGRATIONS.slice(0, 1), broken])).toThrow("already exists");
    expect(database.statement("SELECT name FROM sqlite_schema").all()).toEqual([]);
    migrate(database);
    migrate(database);
    database.close();
  });

  it("live in one file with other tables", async () => {
    const path = temporaryPath();
    const database = new Database(path);
    database.exec("CREATE TABLE checkpoints (a); CREATE TABLE records (a);");
    await openStore({ path }).commit([insertOf(freshId())]);
    const names = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .pluck()
      .all() as string[];
    database.close();
    expect(names.filter((name) => !name.startsWith("holdpoint_"))).toEqual(["checkpoints", "records"]);
  });
});
