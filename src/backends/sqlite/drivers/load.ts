import { HoldpointError } from "../../../core/errors.ts";
import type { SqliteDriver } from "../driver.ts";
import { loadBetterSqlite3 } from "./better-sqlite3.ts";
import { loadNodeSqlite } from "./node-sqlite.ts";

export type SqliteDriverName = "better-sqlite3" | "node:sqlite";

function missing(message: string): never {
  throw new HoldpointError("ERR_HITL_MISSING_PEER", message);
}

/**
 * The driver to use: the one that was named, else better-sqlite3 where it is installed, else node:sqlite.
 *
 * @throws HoldpointError `ERR_HITL_MISSING_PEER` with what to install
 */
export async function loadDriver(
  choice: SqliteDriverName | SqliteDriver | undefined,
  load: {
    readonly betterSqlite3: () => Promise<SqliteDriver | null>;
    readonly nodeSqlite: () => SqliteDriver | null;
  } = { betterSqlite3: loadBetterSqlite3, nodeSqlite: loadNodeSqlite },
): Promise<SqliteDriver> {
  if (typeof choice === "object") return choice;
  if (choice === "better-sqlite3") {
    return (
      (await load.betterSqlite3()) ??
      missing('better-sqlite3 is not installed. Run "npm install better-sqlite3".')
    );
  }
  if (choice === "node:sqlite") {
    return (
      load.nodeSqlite() ??
      missing(
        `Node ${process.versions.node} has no node:sqlite. Use Node 22.13 or newer, or run ` +
          '"npm install better-sqlite3" and leave the driver option out.',
      )
    );
  }
  return (
    (await load.betterSqlite3()) ??
    load.nodeSqlite() ??
    missing('The SQLite store needs a driver. Run "npm install better-sqlite3", or use Node 22.13 or newer.')
  );
}
