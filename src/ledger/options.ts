/** The ledger's options with their defaults: the call's own win over the ledger's, field by field. */
import type { HITLBackend, TransactionBackend } from "../backends/hitl-backend.ts";
import type { RecordStore } from "../backends/record-store.ts";
import { assertKnown, type EffectHooks, mergedHooks } from "./hooks.ts";
import { type EffectHost, hostOf } from "./host.ts";
import { DEFAULT_MAX_ARGS_SIZE_BYTES, invalid } from "./idem-key.ts";
import type { InDoubtChoice } from "./types.ts";

/** How a caller waits for another worker, or a human. */
export interface ConcurrencyOptions {
  /** For another worker. Default 30 000; null: no limit. */
  readonly waitTimeoutMs?: number | null | undefined;
  /** For a human; the question stays open. Default: as `waitTimeoutMs`; null: no limit. */
  readonly approvalTimeoutMs?: number | null | undefined;
  /** Where the store cannot be watched, a waiter looks again after this time, and less and less often. Default 50. */
  readonly initialIntervalMs?: number | undefined;
  /** Default 1000. A waiter that watches looks this often, too: the net under a lost hint. */
  readonly maxIntervalMs?: number | undefined;
  /** Default 1.5. */
  readonly backoffMultiplier?: number | undefined;
  /** 0 to 1: the part of an interval by which it is longer or shorter. Default 0.3. */
  readonly jitterFactor?: number | undefined;
}

/** When a call that failed runs again, within one `run` or in a later one. */
export interface RetryPolicy {
  /** How often the handler may begin in all, in whatever process. */
  readonly attempts: number;
  /** Before the second attempt. Default 1000. */
  readonly initialDelayMs?: number | undefined;
  /** Default 30 000. */
  readonly maxDelayMs?: number | undefined;
  /** Default 2. */
  readonly multiplier?: number | undefined;
  /** Codes of errors that are worth another attempt. Default: every error. */
  readonly retryable_codes?: readonly string[] | undefined;
}

/** What the question shows. */
export interface ApprovalOptions {
  readonly message?: string | undefined;
  /** What would happen, as far as it can be shown. JSON. */
  readonly preview?: unknown;
  readonly assignee?: string | undefined;
  /** Default: never. What expires is canceled, not approved (P8). */
  readonly expiresInMs?: number | undefined;
  readonly on_expire?: "expire" | { readonly escalate: string } | undefined;
  /** Of the question; `answerers` are the ids of those who may approve or deny (PROTOCOL.md §5.5). */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface EffectDefaults {
  readonly concurrency?: ConcurrencyOptions | undefined;
  /** How long a worker that is not heard of keeps its call. Renewed three times in that time. Default 60 000. */
  readonly leaseMs?: number | undefined;
  /** Default `"ask"`. */
  readonly inDoubt?: InDoubtChoice | ((tool: string) => InDoubtChoice) | undefined;
  /** A human has to approve. With `hooks.requiresApproval`, either one is enough. Default false. */
  readonly requires_approval?: boolean | undefined;
  readonly approval?: ApprovalOptions | undefined;
  /** An approval counts for the version of the policy that it was given under (P7). */
  readonly policy_version?: string | undefined;
  /** A call that has failed runs again. Default false. */
  readonly retry_failed?: boolean | undefined;
  readonly retry?: RetryPolicy | null | undefined;
}

export interface RunOptions extends EffectDefaults {
  readonly hooks?: EffectHooks | undefined;
  /** Ends the waiting, and tells the handler to stop. A handler that is stopped leaves its call in doubt. */
  readonly signal?: AbortSignal | undefined;
}

export interface RunCallOptions extends RunOptions {
  /**
   * The caller's own transaction, on the ledger's store: `backend.withTransaction(client)`, or what `backend.transaction` of
   * SQLite gives. The call and what its handler writes over `client` are committed together, or not at all (docs/ledger.md,
   * "In your own transaction").
   */
  readonly tx?: TransactionBackend | undefined;
}

export interface EffectLedgerOptions {
  /** Where effects and their questions are kept: give this, or `store`. */
  readonly backend?: HITLBackend | undefined;
  readonly store?: RecordStore | undefined;
  /** Default: the backend's. */
  readonly tenant_id?: string | undefined;
  readonly defaults?: EffectDefaults | undefined;
  readonly hooks?: EffectHooks | undefined;
  /** Of the arguments' canonical form. Default 1 MiB. */
  readonly maxArgsSizeBytes?: number | undefined;
}

export interface Concurrency {
  readonly waitTimeoutMs: number | null;
  readonly approvalTimeoutMs: number | null;
  readonly initialIntervalMs: number;
  readonly maxIntervalMs: number;
  readonly backoffMultiplier: number;
  readonly jitterFactor: number;
}

export interface Settings {
  readonly concurrency: Concurrency;
  readonly leaseMs: number;
  readonly inDoubt: (tool: string) => InDoubtChoice;
  readonly requires_approval: boolean;
  readonly approval: ApprovalOptions;
  readonly policy_version: string | null;
  readonly retry_failed: boolean;
  readonly retry: RetryPolicy | null;
  readonly hooks: EffectHooks;
  readonly signal: AbortSignal | undefined;
  readonly host: EffectHost | undefined;
}

/** The options that calls have in common. */
export const DEFAULTS: readonly (keyof EffectDefaults)[] = [
  "concurrency",
  "leaseMs",
  "inDoubt",
  "requires_approval",
  "approval",
  "policy_version",
  "retry_failed",
  "retry",
];
const OPTIONS: readonly string[] = [...DEFAULTS, "hooks", "signal"];
const RUN_OPTIONS: readonly string[] = [...OPTIONS, "tx"];
const IN_DOUBT = ["ask", "retry", "fail"];
const WAIT_TIMEOUT_MS = 30_000;
const MIN_LEASE_MS = 10;
/** Default of `leaseMs`. */
export const LEASE_MS = 60_000;
const MAX_MS = 2 ** 31 - 1;

/** Those of `run`, which alone can be within a transaction. @throws EffectLedgerValidationError */
export function assertRunOptions(options: RunCallOptions): void {
  assertKnown("the options of a run", options, RUN_OPTIONS);
}

/** @throws EffectLedgerValidationError */
export function settingsOf(
  defaults: EffectDefaults = {},
  ledgerHooks: EffectHooks = {},
  options: RunOptions = {},
): Settings {
  // P8: `requires_approval` that is misspelt would be no wish for an approval.
  assertKnown("defaults", defaults, DEFAULTS);
  assertKnown("the options of a call", options, OPTIONS);
  const one = <K extends keyof EffectDefaults>(name: K): EffectDefaults[K] =>
    options[name] === undefined ? defaults[name] : options[name];
  const concurrency = concurrencyOf(defaults.concurrency, options.concurrency);
  const policy_version = one("policy_version") ?? null;
  if (policy_version !== null && (typeof policy_version !== "string" || policy_version.length === 0))
    throw invalid("policy_version", "has to be a text.");
  const { hooks = {} } = options;
  return {
    concurrency,
    leaseMs: checkMs("leaseMs", one("leaseMs") ?? LEASE_MS, MIN_LEASE_MS),
    inDoubt: inDoubtOf(one("inDoubt") ?? "ask"),
    requires_approval: one("requires_approval") === true,
    approval: { ...defined(defaults.approval), ...defined(options.approval) },
    policy_version,
    retry_failed: one("retry_failed") === true,
    retry: retryOf(one("retry") ?? null),
    hooks: mergedHooks(ledgerHooks, hooks),
    signal: options.signal,
    host: hostOf(options),
  };
}

function concurrencyOf(ledger: ConcurrencyOptions = {}, call: ConcurrencyOptions = {}): Concurrency {
  const given = { ...defined(ledger), ...defined(call) };
  const limit = (name: string, value: number | null): number | null =>
    value === null ? null : checkMs(`concurrency.${name}`, value);
  const waitTimeoutMs = limit("waitTimeoutMs", orDefault(given.waitTimeoutMs, WAIT_TIMEOUT_MS));
  const backoffMultiplier = given.backoffMultiplier ?? 1.5;
  const jitterFactor = given.jitterFactor ?? 0.3;
  if (!(backoffMultiplier >= 1 && backoffMultiplier < 1000))
    throw invalid("concurrency.backoffMultiplier", "has to be 1 or more.");
  if (!(jitterFactor >= 0 && jitterFactor <= 1))
    throw invalid("concurrency.jitterFactor", "has to be 0 to 1.");
  return {
    waitTimeoutMs,
    approvalTimeoutMs: limit("approvalTimeoutMs", orDefault(given.approvalTimeoutMs, waitTimeoutMs)),
    initialIntervalMs: checkMs("concurrency.initialIntervalMs", given.initialIntervalMs ?? 50, 1),
    maxIntervalMs: checkMs("concurrency.maxIntervalMs", given.maxIntervalMs ?? 1000, 1),
    backoffMultiplier,
    jitterFactor,
  };
}

/** An explicit null is an answer. */
function orDefault<T>(value: T | undefined, otherwise: T): T {
  return value === undefined ? otherwise : value;
}

/** Without what is undefined: that says nothing, and takes the place of nothing. */
function defined<T extends object>(given: T | undefined): Partial<T> {
  return Object.fromEntries(
    Object.entries(given ?? {}).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}

export function checkMs(name: string, value: unknown, min = 0): number {
  if (typeof value === "number" && value >= min && value <= MAX_MS) return value;
  throw invalid(name, `has to be milliseconds from ${min} to ${MAX_MS}.`);
}

function inDoubtOf(given: InDoubtChoice | ((tool: string) => InDoubtChoice)): Settings["inDoubt"] {
  if (typeof given === "function") return (tool) => checkInDoubt(given(tool));
  const choice = checkInDoubt(given);
  return () => choice;
}

function checkInDoubt(choice: InDoubtChoice): InDoubtChoice {
  const known = typeof choice === "string" ? IN_DOUBT.includes(choice) : typeof choice?.verify === "function";
  if (known) return choice;
  throw invalid("inDoubt", `has to be one of ${IN_DOUBT.join(", ")}, or { verify }.`);
}

function retryOf(policy: RetryPolicy | null): RetryPolicy | null {
  if (policy === null) return null;
  const { attempts, initialDelayMs, maxDelayMs, multiplier } = policy;
  if (!(Number.isSafeInteger(attempts) && attempts >= 1))
    throw invalid("retry.attempts", "has to be a whole number from 1.");
  if (initialDelayMs !== undefined) checkMs("retry.initialDelayMs", initialDelayMs);
  if (maxDelayMs !== undefined) checkMs("retry.maxDelayMs", maxDelayMs);
  if (multiplier !== undefined && !(multiplier >= 1))
    throw invalid("retry.multiplier", "has to be 1 or more.");
  return policy;
}

export function retryDelayMs(policy: RetryPolicy, attempt: number): number {
  const { initialDelayMs = 1000, maxDelayMs = 30_000, multiplier = 2 } = policy;
  return Math.min(initialDelayMs * multiplier ** (attempt - 1), maxDelayMs);
}

/** @throws EffectLedgerValidationError */
export function maxArgsSizeOf({
  maxArgsSizeBytes = DEFAULT_MAX_ARGS_SIZE_BYTES,
}: EffectLedgerOptions): number {
  if (Number.isSafeInteger(maxArgsSizeBytes) && maxArgsSizeBytes > 0) return maxArgsSizeBytes;
  throw invalid("maxArgsSizeBytes", "has to be a whole number of bytes.");
}
