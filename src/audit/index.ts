/**
 * `holdpoint/audit`: a history that shows when somebody has changed it. `audited` makes a backend whose events are linked
 * by hashes, `readAudit` and `exportAudit` show them, and `holdpoint/audit/verify`, of which all is here too, checks them.
 *
 * @module
 */
export { audited } from "./audited.ts";
export { AuditedStore, type AuditOptions } from "./audited-store.ts";
