/** From what a client library rejects with to what the caller has to know: was it done? */
import { HoldpointError } from "../../core/errors.ts";

/**
 * - `later`: nothing was done, and it will soon work.
 * - `unprepared`: nothing was done; prepared statements do not last on this connection.
 * - `refused`: nothing was done, and will not be.
 * - `lost`: no answer; it may have been done.
 */
export type Verdict = "later" | "unprepared" | "refused" | "lost";

export interface Fault {
  readonly verdict: Verdict;
  /** The SQLSTATE, or the system's error code. */
  readonly reason: string;
  readonly advice: string;
  /** The connection is of no use for the next call. */
  readonly drop: boolean;
}

const MIGRATE =
  "The schema is not complete. Leave the option migrate on, or run the migrations by hand (postgresMigrationSql).";
const POOLER =
  "A pooler gives each transaction another connection. Set the option prepare: false, or its max_prepared_statements.";

/** By SQLSTATE: the server answered with an error, which ends the transaction with nothing done. */
const ANSWERS: Readonly<Record<string, readonly [verdict: Verdict, advice: string]>> = {
  "40001": ["later", "Other transactions changed the same records all the time."],
  "40P01": ["later", "Transactions waited for each other."],
  "55P03": ["later", "Another transaction holds a lock for too long; find it in pg_stat_activity."],
  "53300": [
    "later",
    "PostgreSQL has no connection left; raise max_connections, or use a smaller pool or a pooler.",
  ],
  "57P03": ["later", "PostgreSQL is starting or stopping; try again when it has finished."],
  "26000": ["unprepared", POOLER],
  "42P05": ["unprepared", POOLER],
  "25006": ["refused", "This server is read-only; connect to the primary (target_session_attrs=read-write)."],
  "53100": ["refused", "The disk of PostgreSQL is full; make room, or purge old records."],
  "53200": ["refused", "PostgreSQL has no memory left."],
  "57014": ["refused", "The statement was cancelled, or took longer than statement_timeout."],
  "25P02": ["refused", "The transaction has failed before; roll it back and begin again."],
  "28000": ["refused", "PostgreSQL does not accept the user; check the connection string and pg_hba.conf."],
  "28P01": ["refused", "PostgreSQL does not accept the password; check the connection string."],
  "3D000": ["refused", "There is no such database; create it, or check the connection string."],
  "42501": ["refused", "The database user may not do this; grant it rights on the schema."],
  "3F000": ["refused", MIGRATE],
  "42P01": ["refused", MIGRATE],
  "42883": ["refused", MIGRATE],
  "42703": ["refused", MIGRATE],
  "22P05": ["refused", "The database cannot hold this text; create it with ENCODING 'UTF8'."],
  "22021": ["refused", "The database cannot hold this text; create it with ENCODING 'UTF8'."],
  "54000": ["refused", "The record is too large for PostgreSQL."],
  "54001": ["refused", "The value is nested too deeply for PostgreSQL; raise max_stack_depth."],
};

const SYSTEM: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Nothing listens there; check that PostgreSQL runs, and its address.",
  ENOTFOUND: "There is no such host; check the connection string.",
  EAI_AGAIN: "The host's name cannot be resolved now.",
  ETIMEDOUT: "PostgreSQL cannot be reached; check the network.",
  ECONNRESET: "The connection was cut.",
};

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === "string") return code;
  // A host with several addresses: one error for each of them.
  return Array.isArray(errors) && errors.length > 0 ? codeOf(errors[0]) : "";
}

export function textOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error);
  const { message, code } = error as { message?: unknown; code?: unknown };
  if (typeof message === "string" && message !== "") return message;
  return typeof code === "string" ? code : "no reason given";
}

/** @param sent - whether the statement may have reached the server */
export function faultOf(error: unknown, sent: boolean): Fault {
  const reason = codeOf(error);
  const answered = /^[0-9A-Z]{5}$/.test(reason) && !(reason in SYSTEM);
  if (!answered) {
    const advice = SYSTEM[reason] ?? "Check the connection to PostgreSQL.";
    // Without a code it is a time that ran out, or a connection that ended.
    const hopeless = reason === "ENOTFOUND" || reason.startsWith("ERR_") || reason === "EACCES";
    return {
      verdict: sent ? "lost" : hopeless ? "refused" : "later",
      reason: reason || "lost",
      advice,
      drop: true,
    };
  }
  // The server ended the connection (57P0x) or it broke (08xxx): the statement may have been done before.
  if (sent && (reason.startsWith("57P0") || reason.startsWith("08")))
    return { verdict: "lost", reason, advice: "PostgreSQL ended the connection.", drop: true };
  if (reason.startsWith("57P0") || reason.startsWith("08"))
    return {
      verdict: "later",
      reason,
      advice: ANSWERS[reason]?.[1] ?? "PostgreSQL ended the connection.",
      drop: true,
    };
  const [verdict, advice] = ANSWERS[reason] ?? ["refused", "See the cause."];
  return { verdict, reason, advice, drop: reason === "25006" };
}

export function storeError(what: string, { advice, reason }: Fault, cause: unknown): HoldpointError {
  return new HoldpointError("ERR_HITL_STORE", `${what} ${advice} PostgreSQL said: ${textOf(cause)}`, {
    cause,
    details: { reason },
  });
}

export function indeterminate(cause: unknown): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_INDETERMINATE",
    "PostgreSQL did not answer, and the write may have been done. Read the record, or send the same request again. " +
      `Last: ${textOf(cause)}`,
    { cause },
  );
}

export function closedError(): HoldpointError {
  return new HoldpointError("ERR_HITL_CLOSED", "The PostgreSQL store is closed.");
}
