/**
 * `holdpoint/audit/verify`: checks the audit trail. It needs neither Node nor a database nor a secret, so it runs where
 * the trail is looked at: in a browser, at an auditor's.
 *
 * @module
 */
export {
  type AuditProblem,
  type AuditProblemKind,
  type AuditReport,
  type VerifyOptions,
} from "./chain.ts";
export {
  AUDIT_SCHEMA_VERSION,
  type AuditAnchor,
  type AuditedRecord,
  type AuditEvent,
  type AuditHead,
  type AuditLink,
  type AuditTrail,
} from "./format.ts";
export { isRedacted, type Redacted } from "./redacted.ts";
export { verifyAudit } from "./verify-audit.ts";
export {
  type LineProblem,
  type LinesReport,
  verifyAuditLines,
  type VerifyLinesOptions,
} from "./verify-lines.ts";
