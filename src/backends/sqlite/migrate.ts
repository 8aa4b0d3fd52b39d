import { assertNotNewer } from "../schema-version.ts";
import type { SqliteDatabase } from "./driver.ts";
import { type Migration, MIGRATIONS, QUERIES } from "./sql.generated.ts";

/** 0 if there is none. */
export function schemaVersion(database: SqliteDatabase): number {
  if (!database.statement(QUERIES.hasMigrations).get()) return 0;
  return Number(database.statement(QUERIES.schemaVersion).get()?.[0]);
}

/**
 * Brings the schema up to date. Several processes may do so at once: the first one that gets the write lock
 * migrates, the others find it done.
 *
 * @throws HoldpointError `ERR_HITL_STORE_SCHEMA` if a newer release has migrated the file
 */
export function migrate(database: SqliteDatabase, migrations: readonly Migration[] = MIGRATIONS): void {
  const newest = migrations.at(-1)?.version ?? 0;
  // Looked at first without the write lock, which an open of a file that is up to date need not wait for.
  const found = schemaVersion(database);
  assertNotNewer(found, newest);
  if (found === newest) return;
  database.transaction("write", () => {
    database.exec(QUERIES.createMigrations);
    const present = schemaVersion(database);
    assertNotNewer(present, newest);
    for (const { version, name, sql } of migrations) {
      if (version <= present) continue;
      // The row comes first: its primary key stops a second run of the migration before it does anything.
      database.statement(QUERIES.insertMigration).run(version, name, Date.now());
      database.exec(sql);
    }
  });
}
