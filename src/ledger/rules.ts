/** What one ledger holds its calls to, and where it keeps them. */
import type { TransactionBackend } from "../backends/hitl-backend.ts";
import type { StoredRecord } from "../backends/record-store.ts";
import { StoreHITLBackend } from "../backends/store-backend.ts";
import { engineBackend } from "../suspend/configure.ts";
import { prepareCall, type PreparedCall } from "./call.ts";
import { effectValueOf } from "./effect-record.ts";
import { EffectStore } from "./effect-store.ts";
import { type EffectHooks, Observer } from "./hooks.ts";
import { hostOf } from "./host.ts";
import { invalid } from "./idem-key.ts";
import {
  type EffectDefaults,
  type EffectLedgerOptions,
  maxArgsSizeOf,
  type RunOptions,
  type Settings,
  settingsOf,
} from "./options.ts";
import type { ToolCall } from "./types.ts";

export class LedgerRules {
  readonly effects: EffectStore;
  readonly hooks: EffectHooks;
  readonly #defaults: EffectDefaults;
  readonly #usual: Settings;
  readonly #maxArgsSizeBytes: number;

  /** @throws EffectLedgerValidationError */
  constructor(options: EffectLedgerOptions) {
    this.#defaults = options.defaults ?? {};
    this.hooks = options.hooks ?? {};
    this.#maxArgsSizeBytes = maxArgsSizeOf(options);
    // What is wrong with the defaults is said here, not with the first call.
    this.#usual = settingsOf(this.#defaults, this.hooks);
    this.effects = new EffectStore(backendOf(options));
  }

  settings(options: RunOptions = {}): Settings {
    // Most calls have no options of their own.
    const isUsual = Object.keys(options).length === 0 && hostOf(options) === undefined;
    return isUsual ? this.#usual : settingsOf(this.#defaults, this.hooks, options);
  }

  prepare(call: ToolCall, { policy_version, hooks }: Settings): PreparedCall {
    const { tenant_id } = this.effects.backend;
    const { redact } = hooks;
    return prepareCall(call, { tenant_id, maxArgsSizeBytes: this.#maxArgsSizeBytes, policy_version, redact });
  }

  /** The effects as a transaction sees them. @throws EffectLedgerValidationError */
  within(tx: TransactionBackend): EffectStore {
    if (typeof tx?.announce !== "function")
      throw invalid(
        "tx",
        "has to be a backend within a transaction, as backend.withTransaction(client) gives it.",
      );
    const backend = engineBackend(tx);
    const { around, tenant_id } = this.effects.backend;
    if (around.join() !== backend.around.join())
      throw invalid(
        "tx",
        around.length > 0
          ? "has no audit trail, and the ledger's backend has one: pass audited(tx, …), with the same options."
          : "has an audit trail, and the ledger's backend has none: make the ledger over audited(backend, …).",
      );
    return new EffectStore(tenantOf(backend, tenant_id), true);
  }

  observer(stored: StoredRecord, hooks: EffectHooks = this.hooks): Observer {
    return new Observer(hooks, { ...effectValueOf(stored), effect_id: stored.id });
  }
}

function backendOf({ backend, store, tenant_id }: EffectLedgerOptions): StoreHITLBackend {
  if ((backend === undefined) === (store === undefined))
    throw invalid("backend", "or store has to be given, and not both.");
  const own = backend
    ? engineBackend(backend)
    : new StoreHITLBackend(store as NonNullable<typeof store>, { retention: { sweepEveryMs: 0 } });
  return tenantOf(own, tenant_id ?? own.tenant_id);
}

function tenantOf(backend: StoreHITLBackend, tenant_id: string): StoreHITLBackend {
  return tenant_id === backend.tenant_id ? backend : (backend.forTenant(tenant_id) as StoreHITLBackend);
}
