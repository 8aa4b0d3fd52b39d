/** From what a client library rejects with to what the caller has to know: was it done? */
import { HoldpointError } from "../../core/errors.ts";

/**
 * - `script`: the server does not have the script (SCRIPT FLUSH, restart); send it whole.
 * - `later`: the server is there and did nothing, but will do it soon.
 * - `refused`: the server did nothing and will not.
 * - `broken`: the server failed; it may have done a part.
 * - `lost`: no answer; it may have been done.
 */
export type Verdict = "script" | "later" | "refused" | "broken" | "lost";

export interface Fault {
  readonly verdict: Verdict;
  readonly advice: string;
}

/** The server checks these before a command, or before the first write of a script. */
const REFUSALS: readonly [code: string, verdict: Verdict, advice: string][] = [
  ["NOSCRIPT", "script", "The script was removed while it was being sent."],
  ["LOADING", "later", "Redis is loading its data; try again when it has finished."],
  ["BUSY", "later", "Redis is blocked by a long script of another client; end that one with SCRIPT KILL."],
  ["TRYAGAIN", "later", "The Cluster is moving this slot; try again."],
  ["CLUSTERDOWN", "later", "The Redis Cluster is down; check its nodes."],
  ["MASTERDOWN", "later", "The replica has lost its primary; check the replication."],
  [
    "OOM",
    "refused",
    "Redis has reached maxmemory; raise it, or purge old records. Use the policy noeviction.",
  ],
  ["READONLY", "refused", "This is a read-only replica; connect to the primary."],
  ["MISCONF", "refused", "Redis cannot save to disk and refuses writes; check its disk and its log."],
  ["NOREPLICAS", "refused", "Redis has fewer replicas than min-replicas-to-write; check the replicas."],
  ["NOAUTH", "refused", "Redis asks for a password; put it into the url or the client."],
  ["WRONGPASS", "refused", "Redis does not accept the user or password; check the url or the client."],
  [
    "NOPERM",
    "refused",
    "The Redis user may not run this; allow it scripts, hashes, sorted sets and pub/sub on the prefix.",
  ],
  ["CROSSSLOT", "refused", "Keys of one call are in several slots; please report this."],
  ["MOVED", "refused", "This is a node of a Redis Cluster; connect with a Cluster client."],
];
const WRONG_TYPE = "A key of the store holds something else; give holdpoint a prefix that nothing else uses.";

function textOf(error: unknown): string {
  return error instanceof Error || (typeof error === "object" && error !== null && "message" in error)
    ? String(error.message)
    : String(error);
}

export function faultOf(error: unknown): Fault {
  const message = textOf(error);
  const name = (error as { name?: unknown } | null)?.name;
  if (name === "TypeError") return { verdict: "broken", advice: "The client does not behave like ioredis." };
  if (name !== "ReplyError") {
    return { verdict: "lost", advice: "Check the connection to Redis." };
  }
  // Before Redis 7 an error inside a script is wrapped: "ERR Error running script …: -READONLY …".
  for (const [code, verdict, advice] of REFUSALS) {
    if (message.startsWith(code) || message.includes(`: -${code} `)) return { verdict, advice };
  }
  if (message.includes("HOLDPOINT_FORMAT")) {
    return { verdict: "refused", advice: "A newer holdpoint has written this record; upgrade this one." };
  }
  return { verdict: "broken", advice: message.includes("WRONGTYPE") ? WRONG_TYPE : "See the cause." };
}

/**
 * @param nothingDone It is certain that nothing was written, or there was nothing to write.
 */
export function storeError(what: string, advice: string, cause: unknown): HoldpointError {
  return new HoldpointError("ERR_HITL_STORE", `${what} ${advice} Redis said: ${textOf(cause)}`, { cause });
}

export function indeterminate(cause: unknown): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_INDETERMINATE",
    `Redis did not answer, and the write may have been done. Read the record, or send the same request again. Last: ${textOf(cause)}`,
    { cause },
  );
}

export function closedError(): HoldpointError {
  return new HoldpointError("ERR_HITL_CLOSED", "The Redis store is closed.");
}
