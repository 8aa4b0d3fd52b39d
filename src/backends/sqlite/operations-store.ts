import type {
  AsRead,
  ChangeHint,
  CommitResult,
  DueQuery,
  HistoryQuery,
  NewEvent,
  Page,
  PageQuery,
  PurgeQuery,
  RecordEvent,
  RecordStore,
  StoreCapabilities,
  StoredRecord,
  StoreOp,
  Watcher,
} from "../record-store.ts";
import { checkLimit, checkRemoval } from "../store-rules.ts";
import type { Clock } from "../../core/clock.ts";
import type { SqliteDatabase } from "./driver.ts";
import {
  acquireDue,
  appendEvent,
  isAnyDue,
  isAnyOld,
  purge,
  readHistory,
  readRecords,
  removeAsRead,
} from "./operations.ts";
import { readPage } from "./page.ts";

/** What a store and its view within a transaction do alike, each on its own connection. */
export abstract class OperationsStore implements RecordStore {
  abstract readonly capabilities: StoreCapabilities;
  protected readonly clock: Clock;

  protected constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * Runs `work`, which changes nothing.
   *
   * @internal
   */
  protected abstract read<T>(work: (database: SqliteDatabase) => T): Promise<T>;

  /**
   * Runs `work`, which does its writes in one transaction, when the write lock is to be had.
   *
   * @internal
   */
  protected abstract write<T>(work: (database: SqliteDatabase) => T): Promise<T>;

  /**
   * Called with each new version that was written.
   *
   * @internal
   */
  protected abstract changed(changes: readonly ChangeHint[]): void;

  abstract commit(ops: readonly StoreOp[]): Promise<CommitResult>;

  abstract watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher>;

  abstract close(): Promise<void>;

  async get(ids: readonly string[]): Promise<(StoredRecord | null)[]> {
    return this.read((database) => readRecords(database, ids));
  }

  async page(query: PageQuery): Promise<Page<StoredRecord>> {
    return this.read((database) => readPage(database, query));
  }

  async acquireDue(query: DueQuery): Promise<readonly StoredRecord[]> {
    const wanted = { ...query, limit: checkLimit(query.limit) };
    // Most calls find nothing: they look without the write lock, which all others need.
    if (!(await this.read((database) => isAnyDue(database, query.kind, this.clock.now())))) return [];
    return this.write((database) => {
      const { acquired, changes } = acquireDue(database, wanted, () => this.clock.now());
      this.changed(changes);
      return acquired;
    });
  }

  async append(id: string, event: NewEvent): Promise<boolean> {
    return this.write((database) => appendEvent(database, id, event, () => this.clock.now()));
  }

  async history(id: string, query?: HistoryQuery): Promise<Page<RecordEvent>> {
    return this.read((database) => readHistory(database, id, query));
  }

  async purge(query: PurgeQuery): Promise<{ purged: number; more: boolean }> {
    const wanted = { ...query, limit: checkLimit(query.limit) };
    const found = await this.read((database) => isAnyOld(database, wanted));
    return found ? this.write((database) => purge(database, wanted)) : { purged: 0, more: false };
  }

  async remove(records: readonly AsRead[]): Promise<number> {
    const wanted = checkRemoval(records);
    return wanted.length === 0 ? 0 : this.write((database) => removeAsRead(database, wanted));
  }

  async now(): Promise<number> {
    return this.clock.now();
  }
}
