import {
  classOfCode,
  type SqliteConnection,
  type SqliteDriver,
  type SqliteErrorClass,
  type SqliteLent,
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
  setReadBigInts(enabled: boolean): void;
}

interface NodeDatabase {
  exec(sql: string): void;
  prepare(sql: string): NodeStatement;
  close(): void;
  /** Since Node 22.15. */
  readonly isOpen?: boolean;
  /** Since Node 22.16 and 24.0. */
  readonly isTransaction?: boolean;
}

interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => NodeDatabase;
}

/** An object has its columns in the order of the statement; no column of ours has a number for a name. */
function rowOf(row: object): SqliteRow {
  return Array.isArray(row) ? row : Object.values(row);
}

function statementOf(statement: NodeStatement): SqliteStatement {
  statement.setReturnArrays?.(true);
  statement.setReadBigInts(false);
  return {
    run: (...parameters) => statement.run(...parameters),
    get: (...parameters) => {
      const row = statement.get(...parameters);
      return row && rowOf(row);
    },
    all: (...parameters) => statement.all(...parameters).map(rowOf),
  };
}

/** An older Node does not say it; SQLite does, by whether another transaction can begin. */
function canBegin(database: NodeDatabase): boolean {
  try {
    database.exec("BEGIN");
    database.exec("ROLLBACK");
    return true;
  } catch {
    return false;
  }
}

function isOpen(database: NodeDatabase): boolean {
  if (database.isOpen !== undefined) return database.isOpen;
  try {
    database.exec("");
    return true;
  } catch {
    return false;
  }
}

function lentOf(database: NodeDatabase): SqliteLent {
  return {
    exec: (sql) => database.exec(sql),
    prepare: (sql) => statementOf(database.prepare(sql)),
    close: () => database.close(),
    get isOpen() {
      return isOpen(database);
    },
    get inTransaction() {
      return isOpen(database) && (database.isTransaction ?? !canBegin(database));
    },
  };
}

function classify(error: unknown): SqliteErrorClass {
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === "number" ? classOfCode(errcode) : "other";
}

/** Null if this Node has no `node:sqlite`: it came with Node 22.5, without a flag with 22.13. */
export function loadNodeSqlite(): SqliteDriver | null {
  // Not an import: bundlers and older releases of Node do not know the module.
  const loaded = process.getBuiltinModule?.("node:sqlite") as NodeSqlite | undefined;
  if (!loaded) return null;
  return {
    name: "node:sqlite",
    open: (path): SqliteConnection => lentOf(new loaded.DatabaseSync(path)),
    lend: (handle) => (handle instanceof loaded.DatabaseSync ? lentOf(handle) : null),
    classify,
  };
}
