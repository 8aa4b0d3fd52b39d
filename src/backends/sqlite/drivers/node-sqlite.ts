import { classOfCode, type SqliteConnection, type SqliteDriver, type SqliteErrorClass } from "../driver.ts";

/** The part of `node:sqlite` that is used. Its types are in newer releases of Node than the oldest supported one. */
interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => SqliteConnection;
}

function classify(error: unknown): SqliteErrorClass {
  const { errcode } = error as { errcode?: unknown };
  // The low byte of an extended result code is the primary one.
  return typeof errcode === "number" ? classOfCode(errcode & 0xff) : "other";
}

/** Null if this Node has no `node:sqlite`: it came with Node 22.5, without a flag with 22.13. */
export function loadNodeSqlite(): SqliteDriver | null {
  // Not an import: bundlers and older releases of Node do not know the module.
  const loaded = process.getBuiltinModule?.("node:sqlite") as NodeSqlite | undefined;
  if (!loaded) return null;
  return {
    name: "node:sqlite",
    // A DatabaseSync is a connection as it is: its statements have run, get and all.
    open: (path): SqliteConnection => new loaded.DatabaseSync(path),
    classify,
  };
}
