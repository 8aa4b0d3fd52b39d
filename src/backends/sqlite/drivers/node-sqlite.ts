import {
  classOfCode,
  type SqliteConnection,
  type SqliteDriver,
  type SqliteErrorClass,
  type SqliteRow,
  type SqliteStatement,
  type SqliteValue,
} from "../driver.ts";

/** The part of `node:sqlite` that is used. Its types are in newer releases of Node than the oldest supported one. */
interface NodeStatement {
  run(...parameters: readonly SqliteValue[]): { readonly changes: number };
  get(...parameters: readonly SqliteValue[]): object | undefined;
  all(...parameters: readonly SqliteValue[]): object[];
  /** Since Node 22.16 and 24.0. */
  setReturnArrays?(enabled: boolean): void;
}

interface NodeSqlite {
  readonly DatabaseSync: new (
    path: string,
  ) => { exec(sql: string): void; prepare(sql: string): NodeStatement; close(): void };
}

/** An object has its columns in the order of the statement; no column of ours has a number for a name. */
function rowOf(row: object): SqliteRow {
  return Array.isArray(row) ? row : Object.values(row);
}

function statementOf(statement: NodeStatement): SqliteStatement {
  statement.setReturnArrays?.(true);
  return {
    run: (...parameters) => statement.run(...parameters),
    get: (...parameters) => {
      const row = statement.get(...parameters);
      return row && rowOf(row);
    },
    all: (...parameters) => statement.all(...parameters).map(rowOf),
  };
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
    open: (path): SqliteConnection => {
      const database = new loaded.DatabaseSync(path);
      return {
        exec: (sql) => database.exec(sql),
        prepare: (sql) => statementOf(database.prepare(sql)),
        close: () => database.close(),
      };
    },
    classify,
  };
}
