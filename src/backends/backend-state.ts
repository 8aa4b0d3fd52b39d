/** What the views of one backend share: its store, how it makes and keeps records, and what it remembers. */
import { mayAnswer } from "../core/answerers.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { defaultRandomId, type RandomId } from "../core/ids.ts";
import { DEFAULT_LIMITS, type JsonLimits, type JsonObject, type JsonValue } from "../core/json.ts";
import type { Actor } from "../core/record.ts";
import {
  checkJsonSchema,
  checkStandard,
  type ResponseIssue,
  type StandardSchema,
} from "../core/response-schema.ts";
import { handOutAgain } from "./held.ts";
import type { RespondResult } from "./hitl-backend.ts";
import { toHITLRecord } from "./hitl-codec.ts";
import type { RecordStore, StoredRecord } from "./record-store.ts";
import { Janitor } from "./retention/janitor.ts";
import { type Retention, type RetentionOptions, retentionOf } from "./retention/options.ts";
import type { SweepOptions, SweepResult } from "./retention/sweeping.ts";

export interface StoreBackendOptions {
  /** Decides when to look whether a deadline has passed; the store's clock decides whether it has. */
  readonly clock?: Clock;
  readonly randomId?: RandomId;
  readonly limits?: Partial<JsonLimits>;
  /** How long is kept what has ended, and who removes it. Default: 30 days, and this backend, in the background. */
  readonly retention?: RetentionOptions;
}

const MAX_REMEMBERED = 1000;

export class BackendState {
  readonly options: StoreBackendOptions;
  readonly clock: Clock;
  readonly randomId: RandomId;
  readonly limits: JsonLimits;
  readonly retention: Retention;
  readonly janitor: Janitor;
  /** Standard Schemas of questions that this process asked, by store id. */
  readonly #standards = new Map<string, StandardSchema>();
  /** Records that this process wrote and last saw pending: an answer to one needs no read first (P5). */
  readonly #recent = new Map<string, StoredRecord>();

  constructor(
    store: RecordStore,
    options: StoreBackendOptions,
    sweep: (options: SweepOptions) => Promise<SweepResult>,
  ) {
    const { clock, randomId, limits, retention = {} } = options;
    this.options = options;
    this.clock = clock ?? systemClock;
    this.randomId = randomId ?? defaultRandomId;
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    this.retention = retentionOf(retention);
    const { onError, schedule } = retention;
    this.janitor = new Janitor({ store, everyMs: this.retention.sweepEveryMs, sweep, onError, schedule });
  }

  remember(stored: StoredRecord, standard: StandardSchema | undefined): void {
    // Of its own: whoever sees `stored` may change it, and what is remembered is written back with the answer.
    bounded(this.#recent, stored.id, handOutAgain(stored));
    if (standard) bounded(this.#standards, stored.id, standard);
  }

  recall(id: string): StoredRecord | undefined {
    return this.#recent.get(id);
  }

  forget(id: string): void {
    this.#recent.delete(id);
  }

  /**
   * Why a pending record does not take an answer; null if nothing speaks against it. Who may not answer does not hear what
   * is wrong with his answer. Only a Standard Schema may take its time.
   */
  refusal(
    stored: StoredRecord,
    answer: JsonValue,
    actor: Actor | undefined,
  ): RespondResult | null | Promise<RespondResult | null> {
    const metadata = (stored.value["metadata"] ?? {}) as JsonObject;
    if (!mayAnswer({ metadata }, actor)) return { status: "forbidden", record: toHITLRecord(stored) };
    const refused = (issues: readonly ResponseIssue[]): RespondResult | null =>
      issues.length === 0 ? null : { status: "invalid", record: toHITLRecord(stored), issues };
    const checked = this.#issues(stored, answer);
    return checked instanceof Promise ? checked.then(refused) : refused(checked);
  }

  /** What is wrong with an answer (P3). */
  #issues(
    stored: StoredRecord,
    answer: JsonValue,
  ): readonly ResponseIssue[] | Promise<readonly ResponseIssue[]> {
    const schema = stored.value["response_schema"] ?? null;
    const issues = schema === null ? [] : checkJsonSchema(schema as never, answer);
    const standard = this.#standards.get(stored.id);
    return issues.length > 0 || !standard ? issues : issuesOf(standard, answer);
  }
}

async function issuesOf(standard: StandardSchema, answer: JsonValue): Promise<readonly ResponseIssue[]> {
  const checked = await checkStandard(standard, answer);
  return "issues" in checked ? checked.issues : [];
}

function bounded<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  if (map.size >= MAX_REMEMBERED) map.delete(map.keys().next().value as string);
  map.set(key, value);
}
