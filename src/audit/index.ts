/**
 * `holdpoint/audit`: a history that shows when somebody has changed it. `audited` makes a backend whose events are linked
 * by hashes, `readAudit` and `exportAudit` show them, and what checks them is here and, for browsers, in
 * `holdpoint/audit/verify`.
 *
 * @module
 */
export { audited } from "./audited.ts";
export { AuditedStore, type AuditOptions } from "./audited-store.ts";
export { type AuditExport, exportAudit, type ExportAuditOptions } from "./export-audit.ts";
export type { AuditKind } from "./kinds.ts";
export { readAudit } from "./read-audit.ts";
export type { AuditPart, Hide, RedactFunction, RedactPaths } from "./redact.ts";
export {
  type AuditAnchor,
  type AuditedRecord,
  type AuditEvent,
  type AuditHead,
  type AuditLink,
  type AuditProblem,
  type AuditProblemKind,
  type AuditReport,
  type AuditTrail,
  isRedacted,
  type LineProblem,
  type LinesReport,
  type Redacted,
  verifyAudit,
  verifyAuditLines,
  type VerifyLinesOptions,
  type VerifyOptions,
} from "./verify/index.ts";
