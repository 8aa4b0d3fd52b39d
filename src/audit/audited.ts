import type { HITLBackend, TransactionBackend } from "../backends/hitl-backend.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { HoldpointError } from "../core/errors.ts";
import { AuditedStore, type AuditOptions } from "./audited-store.ts";

/**
 * The backend with an audit trail: every event of every record that is written through it is linked to the one before it,
 * whoever writes it: questions, calls, messages, effects. Use what it returns everywhere instead of `backend`, in all
 * processes that share the store: what is written past it shows as `unlinked`.
 *
 * @param backend - any backend of the package, or a `StoreHITLBackend` over a store of your own; not to be used any more. Or
 * its view of a transaction, for as long as that lasts: a backend with a trail is written to by views with one.
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for a backend that is audited already or that has no record store, and for
 * options that cannot be used
 *
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 * import { audited, readAudit, verifyAudit } from "holdpoint/audit";
 *
 * export const backend = audited(new InMemoryHITLBackend(), { redact: { paths: ["value.user_response.pin"] } });
 *
 * export async function isUnchanged(hitl_id: string): Promise<boolean> {
 *   const trail = await readAudit(backend, hitl_id);
 *   return trail !== null && (await verifyAudit(trail)).ok;
 * }
 * ```
 */
export function audited(
  backend: TransactionBackend,
  options?: AuditOptions,
): StoreHITLBackend & TransactionBackend;
export function audited(backend: HITLBackend, options?: AuditOptions): StoreHITLBackend;
export function audited(backend: HITLBackend, options: AuditOptions = {}): StoreHITLBackend {
  const own = backend as StoreHITLBackend;
  if (typeof own.over !== "function")
    invalid(
      "audited takes a StoreHITLBackend: the backends of the package, or one over a store of your own.",
    );
  if (own.store instanceof AuditedStore) invalid("The backend is audited already.");
  const made = own.over(
    "audit",
    (store, clock) => new AuditedStore(store, { ...options, clock: options.clock ?? clock }),
  );
  const { announce } = backend as Partial<TransactionBackend>;
  return typeof announce === "function" ? Object.assign(made, { announce: announce.bind(backend) }) : made;
}

/** The audited store behind a backend. @throws HoldpointError `ERR_HITL_INVALID_INPUT` if it has none */
export function auditedStoreOf(backend: HITLBackend): AuditedStore {
  const { store } = backend as { readonly store?: unknown };
  if (store instanceof AuditedStore) return store;
  return invalid("The backend has no audit trail: make it with audited(backend).");
}

function invalid(message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}
