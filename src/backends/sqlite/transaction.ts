/** Writes within somebody else's open transaction. */
import type { Clock } from "../../core/clock.ts";
import { HoldpointError } from "../../core/errors.ts";
import type { ChangeHint, CommitResult, StoreCapabilities, StoreOp, Watcher } from "../record-store.ts";
import { checkCommit } from "../store-rules.ts";
import { TransactionHints } from "../transaction-hints.ts";
import { runCommit } from "./commit.ts";
import type { SqliteDatabase } from "./driver.ts";
import { OperationsStore } from "./operations-store.ts";

export interface TransactionParts {
  /** Runs the work on the caller's connection, as a savepoint of his transaction. */
  readonly within: <T>(work: (database: SqliteDatabase) => T) => Promise<T>;
  readonly clock: Clock;
  readonly watch: (ids: readonly string[], listener: (hint: ChangeHint) => void) => Promise<Watcher>;
  readonly announce: (hints: readonly ChangeHint[]) => void;
  readonly capabilities: StoreCapabilities;
}

/**
 * A view of a store whose reads and writes are part of a transaction that its owner began and ends. What it writes takes
 * effect with his commit, or never; an operation that fails has done nothing, but its transaction may be over.
 *
 * Others of this process hear of it when he calls {@link announce} after his commit; else, and in other processes, their
 * look at the file finds it.
 */
export class SqliteTransactionStore extends OperationsStore {
  readonly capabilities: StoreCapabilities;
  readonly #parts: TransactionParts;
  readonly #hints: TransactionHints;
  #closed = false;

  /** @internal */
  constructor(parts: TransactionParts) {
    super(parts.clock);
    this.#parts = parts;
    this.#hints = new TransactionHints(parts.announce);
    this.capabilities = parts.capabilities;
  }

  async commit(ops: readonly StoreOp[]): Promise<CommitResult> {
    checkCommit(ops);
    return this.write((database) => {
      const { result, changes } = runCommit(database, ops, () => this.clock.now());
      this.changed(changes);
      return result;
    });
  }

  /** Hears of changes that are committed, also of those of this transaction when it is. */
  async watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher> {
    this.#assertOpen();
    return this.#parts.watch(ids, listener);
  }

  /** Ends the view. The transaction stays as it is. */
  async close(): Promise<void> {
    this.#closed = true;
  }

  /**
   * Tells those who wait for the records that were written here; to be called after the transaction was committed. A hint
   * of something that was rolled back does no harm: whoever gets it reads the record.
   */
  announce(): void {
    this.#hints.announce();
  }

  /** With the write lock, too: what is read here must not change before the transaction writes. @internal */
  protected read<T>(work: (database: SqliteDatabase) => T): Promise<T> {
    return this.write(work);
  }

  /** @internal */
  protected async write<T>(work: (database: SqliteDatabase) => T): Promise<T> {
    this.#assertOpen();
    return this.#parts.within(work);
  }

  /** @internal */
  protected changed(changes: readonly ChangeHint[]): void {
    this.#hints.add(changes);
  }

  #assertOpen(): void {
    if (this.#closed) throw new HoldpointError("ERR_HITL_CLOSED", "The view of the transaction is closed.");
  }
}
