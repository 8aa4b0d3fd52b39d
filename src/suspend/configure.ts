/** Where the engine finds its backend: per run, per node, or process-wide. */
import type { HITLBackend } from "../backends/hitl-backend.ts";
import { StoreHITLBackend } from "../backends/store-backend.ts";
import { HoldpointError } from "../core/errors.ts";

export interface HoldpointConfig {
  readonly backend?: HITLBackend | undefined;
}

/** `configurable.holdpoint` of a run. */
export interface HoldpointRunConfig extends HoldpointConfig {
  readonly tenant_id?: string;
  readonly user_id?: string;
  readonly session_id?: string;
  readonly invocation_id?: string;
  /** Once it is aborted, no further tool call of the run begins: it pauses, and `resumeThread` goes on. */
  readonly pause?: AbortSignal;
}

let defaults: HoldpointConfig = {};

/**
 * Sets the process-wide defaults and returns a function that puts the earlier ones back (for tests).
 *
 * @example
 * ```ts
 * import { configureHoldpoint, InMemoryHITLBackend } from "holdpoint";
 *
 * configureHoldpoint({ backend: new InMemoryHITLBackend() });
 * ```
 */
export function configureHoldpoint(config: HoldpointConfig): () => void {
  const before = defaults;
  defaults = { ...config };
  return () => {
    defaults = before;
  };
}

const engines = new WeakMap<object, StoreHITLBackend>();

/** The engine works on the record store; a backend of another make is used through its store. */
export function engineBackend(backend: HITLBackend): StoreHITLBackend {
  if (typeof (backend as StoreHITLBackend).respondWith === "function") return backend as StoreHITLBackend;
  const known = engines.get(backend);
  if (known) return known;
  const made = new StoreHITLBackend(backend.store).forTenant(backend.tenant_id) as StoreHITLBackend;
  engines.set(backend, made);
  return made;
}

export function hasBackend(run: HoldpointRunConfig | undefined, own: HITLBackend | undefined): boolean {
  return (run?.backend ?? own ?? defaults.backend) !== undefined;
}

/** @throws HoldpointError `ERR_HITL_NO_BACKEND` */
export function resolveBackend(
  run: HoldpointRunConfig | undefined,
  own: HITLBackend | undefined,
): StoreHITLBackend {
  const backend = run?.backend ?? own ?? defaults.backend;
  if (!backend) {
    throw new HoldpointError(
      "ERR_HITL_NO_BACKEND",
      "No HITL backend. Give one to HITLToolNode or holdpointTools, call configureHoldpoint({ backend }), or set configurable.holdpoint.backend.",
    );
  }
  const engine = engineBackend(backend);
  return run?.tenant_id === undefined || run.tenant_id === engine.tenant_id
    ? engine
    : (engine.forTenant(run.tenant_id) as StoreHITLBackend);
}
