import type {
  ChangeHint,
  CommitResult,
  InsertOp,
  OpResult,
  StoredRecord,
  StoreOp,
  UpdateOp,
} from "../record-store.ts";
import { handOut } from "../held.ts";
import { guardHolds, newEnvelope, patched } from "../store-rules.ts";
import type { SqliteDatabase } from "./driver.ts";
import { type Held, heldOf, insertEvent, insertRecord, readRow, updateRecord } from "./rows.ts";
import { QUERIES } from "./sql.generated.ts";

export interface Committed {
  readonly result: CommitResult;
  /** One for each record with a new version. */
  readonly changes: readonly ChangeHint[];
}

/** The one place that runs a commit; a transaction of its own, written as it goes and taken back if refused. */
class CommitRun {
  readonly changes: ChangeHint[] = [];
  refused = false;
  readonly #database: SqliteDatabase;
  readonly #now: number;
  /** As each record was found, and as it was written; no id is written twice (`checkCommit`). */
  readonly #before: Map<string, Held | null> = new Map();
  readonly #after: Map<string, Held> = new Map();

  constructor(database: SqliteDatabase, now: number) {
    this.#database = database;
    this.#now = now;
  }

  run(operation: StoreOp): OpResult["status"] {
    if (operation.op === "read") return "read";
    return operation.op === "insert" ? this.#insert(operation) : this.#update(operation);
  }

  /** The record after the commit, or as it is now if that was refused. Asked when all operations have run. */
  recordOf(id: string): StoredRecord | null {
    const held = (this.refused ? undefined : this.#after.get(id)) ?? this.#find(id);
    return held && handOut(held.envelope, held.text);
  }

  #find(id: string): Held | null {
    let held = this.#before.get(id);
    if (held === undefined) {
      const row = readRow(this.#database, id);
      held = row ? heldOf(row) : null;
      this.#before.set(id, held);
    }
    return held;
  }

  #insert(operation: InsertOp): OpResult["status"] {
    const { value, id } = operation.record;
    const fresh: Held = { envelope: newEnvelope(operation, this.#now), text: JSON.stringify(value) };
    if (insertRecord(this.#database, fresh)) {
      this.#before.set(id, null);
      this.#written(fresh, operation);
      return "inserted";
    }
    if (operation.if_exists === "abort") this.refused = true;
    const found = this.#find(id);
    if (operation.touch && found) this.#touch(found);
    return "exists";
  }

  #update(operation: UpdateOp): OpResult["status"] {
    const { id, guard, patch } = operation;
    const found = this.#find(id);
    if (!found || !guardHolds(found.envelope, guard, this.#now)) {
      if (!operation.optional) this.refused = true;
      else if (operation.touch && found) this.#touch(found);
      return found ? "stale" : "missing";
    }
    const text = patch?.value && JSON.stringify(patch.value);
    const envelope = patched(found.envelope, patch, this.#now);
    updateRecord(this.#database, envelope, text);
    this.#written({ envelope, text: text ?? found.text }, operation);
    return "updated";
  }

  #touch({ envelope, text }: Held): void {
    this.#database.statement(QUERIES.touchRecord).run(envelope.id);
    this.#after.set(envelope.id, { envelope: { ...envelope, touches: envelope.touches + 1 }, text });
  }

  #written(held: Held, { event }: InsertOp | UpdateOp): void {
    const { id, version, status } = held.envelope;
    this.#after.set(id, held);
    this.changes.push({ id, version, status });
    if (event) insertEvent(this.#database, held.envelope, event, this.#now);
  }
}

/** `ops` have passed `checkCommit`. The clock is read under the write lock, so that times follow the commits. */
export function runCommit(database: SqliteDatabase, ops: readonly StoreOp[], clock: () => number): Committed {
  const mode = writesIn(ops) ? "write" : "read";
  return database.transaction(mode, (rollback) => runOps(database, ops, clock(), rollback));
}

/** Several commits in one transaction, each as if it were alone: what one refuses is taken back, the others stay. */
export function runCommits(
  database: SqliteDatabase,
  commits: readonly (readonly StoreOp[])[],
  clock: () => number,
): Committed[] {
  return database.transaction("write", () =>
    commits.map((ops) => database.savepoint((rollback) => runOps(database, ops, clock(), rollback))),
  );
}

export function writesIn(ops: readonly StoreOp[]): boolean {
  return ops.some((operation) => operation.op !== "read");
}

function runOps(
  database: SqliteDatabase,
  ops: readonly StoreOp[],
  now: number,
  rollback: () => void,
): Committed {
  const run = new CommitRun(database, now);
  const statuses = ops.map((operation) => run.run(operation));
  const { refused } = run;
  const results = ops.map((operation, index): OpResult => {
    const status = statuses[index] as OpResult["status"];
    const done = status === "inserted" || status === "updated";
    return {
      status: refused && done ? "skipped" : status,
      record: run.recordOf(operation.op === "insert" ? operation.record.id : operation.id),
    };
  });
  if (refused) rollback();
  return {
    result: { status: refused ? "refused" : "committed", results },
    changes: refused ? [] : run.changes,
  };
}
