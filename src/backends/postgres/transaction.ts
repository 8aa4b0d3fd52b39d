/** Writes within somebody else's open transaction. */
import type { Clock } from "../../core/clock.ts";
import { HoldpointError } from "../../core/errors.ts";
import type { ChangeHint, StoreCapabilities, Watcher } from "../record-store.ts";
import { TransactionHints } from "../transaction-hints.ts";
import { type PostgresQueryable, TEXT_ONLY } from "./client.ts";
import { faultOf, storeError } from "./faults.ts";
import type { Call, Runner } from "./link.ts";
import { Operations } from "./operations.ts";
import { OperationsStore } from "./operations-store.ts";
import type { Row } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** Sends each statement once: after an error a transaction is over, and only its owner can begin another. */
class TransactionRunner implements Runner {
  readonly #client: PostgresQueryable;

  constructor(client: PostgresQueryable) {
    this.#client = client;
  }

  async run({ statement, values, effect }: Call): Promise<readonly Row[]> {
    try {
      const { rows } = await this.#client.query({
        text: statement.text,
        values,
        rowMode: "array",
        types: TEXT_ONLY,
      });
      return rows;
    } catch (cause) {
      const what =
        effect === "reads"
          ? "The read failed, and with it the transaction."
          : "The write failed, and with it the transaction: roll it back.";
      throw storeError(what, faultOf(cause, true), cause);
    }
  }
}

export interface TransactionParts {
  /** Resolves when the schema is there; its statements run outside of the transaction. */
  readonly ready: () => Promise<void>;
  readonly statements: Statements;
  readonly clock: Clock | undefined;
  readonly watch: (ids: readonly string[], listener: (hint: ChangeHint) => void) => Promise<Watcher>;
  readonly announce: (hints: readonly ChangeHint[]) => void;
}

/**
 * A view of a store whose reads and writes are part of a transaction that its owner began and ends. What it writes
 * takes effect with his commit, or never.
 *
 * Other processes hear of it when he calls {@link announce} after his commit; else their poll finds it.
 */
export class PostgresTransactionStore extends OperationsStore {
  readonly capabilities: StoreCapabilities;
  readonly #parts: TransactionParts;
  readonly #operations: Operations;
  readonly #hints: TransactionHints;
  #closed = false;

  /** @internal */
  constructor(client: PostgresQueryable, parts: TransactionParts, capabilities: StoreCapabilities) {
    super();
    this.capabilities = capabilities;
    this.#parts = parts;
    this.#hints = new TransactionHints(parts.announce);
    this.#operations = new Operations(new TransactionRunner(client), parts.statements, parts.clock);
  }

  /** Hears of changes that are committed, also of those of this transaction when it is. */
  async watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher> {
    await this.ready();
    return this.#parts.watch(ids, listener);
  }

  /** Ends the view. The transaction stays as it is. */
  async close(): Promise<void> {
    this.#closed = true;
  }

  /**
   * Tells those who wait for the records that were written here; to be called after the transaction was committed. A
   * hint of something that was rolled back does no harm: whoever gets it reads the record.
   */
  announce(): void {
    this.#hints.announce();
  }

  /** @internal */
  protected changed(hints: readonly ChangeHint[]): void {
    this.#hints.add(hints);
  }

  /** @internal */
  protected async ready(): Promise<Operations> {
    if (this.#closed) throw new HoldpointError("ERR_HITL_CLOSED", "The view of the transaction is closed.");
    await this.#parts.ready();
    return this.#operations;
  }
}
