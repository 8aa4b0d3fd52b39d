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
import { checkCommit } from "../store-rules.ts";
import type { Operations } from "./operations.ts";

/** What a store and its view within a transaction do alike: get ready, do the operation, and keep what has changed. */
export abstract class OperationsStore implements RecordStore {
  abstract readonly capabilities: StoreCapabilities;

  /**
   * The operations once the schema is there.
   *
   * @throws HoldpointError `ERR_HITL_CLOSED`, or why the schema is not there
   * @internal
   */
  protected abstract ready(): Promise<Operations>;

  /**
   * Called with each new version that was written.
   *
   * @internal
   */
  protected abstract changed(hints: readonly ChangeHint[]): void;

  abstract watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher>;

  abstract close(): Promise<void>;

  async commit(ops: readonly StoreOp[]): Promise<CommitResult> {
    checkCommit(ops);
    const { result, changes } = await (await this.ready()).commit(ops);
    this.changed(changes);
    return result;
  }

  async get(ids: readonly string[]): Promise<(StoredRecord | null)[]> {
    return (await this.ready()).get(ids);
  }

  async page(query: PageQuery): Promise<Page<StoredRecord>> {
    return (await this.ready()).page(query);
  }

  async acquireDue(query: DueQuery): Promise<readonly StoredRecord[]> {
    const records = await (await this.ready()).acquireDue(query);
    this.changed(records.map(({ id, version, status }) => ({ id, version, status })));
    return records;
  }

  async append(id: string, event: NewEvent): Promise<boolean> {
    return (await this.ready()).append(id, event);
  }

  async history(id: string, query?: HistoryQuery): Promise<Page<RecordEvent>> {
    return (await this.ready()).history(id, query);
  }

  async purge(query: PurgeQuery): Promise<{ purged: number; more: boolean }> {
    return (await this.ready()).purge(query);
  }

  async remove(records: readonly AsRead[]): Promise<number> {
    return (await this.ready()).remove(records);
  }

  async now(): Promise<number> {
    return (await this.ready()).now();
  }
}
