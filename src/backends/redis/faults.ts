/** From what a client library rejects with to what the caller has to know: was it done? */
import { HoldpointError, isHoldpointError } from "../../core/errors.ts";
import { type AnyRedisClient, isCluster } from "./client.ts";

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
  ["MOVED", "refused", "This is a node of a Redis Cluster; pass cluster, or a client that is a Cluster."],
  ["ASK", "refused", "This is a node of a Redis Cluster; pass cluster, or a client that is a Cluster."],
  ["UNBLOCKED", "lost", "The primary has become a replica while it waited for replicas."],
];
/** These pass when the client has learnt where the primary is now. */
const MOVING: ReadonlySet<string> = new Set(["MOVED", "ASK"]);
const WRONG_TYPE = "A key of the store holds something else; give holdpoint a prefix that nothing else uses.";

function textOf(error: unknown): string {
  return error instanceof Error || (typeof error === "object" && error !== null && "message" in error)
    ? String(error.message)
    : String(error);
}

/** @param client by which the error came: some errors pass for a Cluster, or with sentinels, and not for one server */
export function faultOf(error: unknown, client?: AnyRedisClient): Fault {
  const message = textOf(error);
  const name = (error as { name?: unknown } | null)?.name;
  if (name === "TypeError") return { verdict: "broken", advice: "The client does not behave like ioredis." };
  if (message.startsWith("All keys in the pipeline"))
    return { verdict: "later", advice: "The Cluster is moving slots; try again." };
  if (name !== "ReplyError") {
    return { verdict: "lost", advice: "Check the connection to Redis." };
  }
  // Before Redis 7 an error inside a script is wrapped: "ERR Error running script …: -READONLY …".
  for (const [code, verdict, advice] of REFUSALS) {
    if (!message.startsWith(code) && !message.includes(`: -${code} `)) continue;
    const passes =
      client !== undefined &&
      ((MOVING.has(code) && isCluster(client)) || (code === "READONLY" && hasSentinels(client)));
    return passes ? { verdict: "later", advice: "The primary has changed; try again." } : { verdict, advice };
  }
  if (message.includes("HOLDPOINT_FORMAT")) {
    return { verdict: "refused", advice: "A newer holdpoint has written this record; upgrade this one." };
  }
  return { verdict: "broken", advice: message.includes("WRONGTYPE") ? WRONG_TYPE : "See the cause." };
}

function hasSentinels(client: AnyRedisClient): boolean {
  return Boolean((client as { options?: { sentinels?: unknown } }).options?.sentinels);
}

const RANK: readonly Verdict[] = ["script", "later", "refused", "broken", "lost"];

/** Of several errors of one batch the one that leaves most open. */
export function worstOf(errors: readonly unknown[]): unknown {
  const rank = (error: unknown): number =>
    isHoldpointError(error) ? RANK.length : RANK.indexOf(faultOf(error).verdict);
  return errors.reduce((worst, error) => (rank(error) > rank(worst) ? error : worst));
}

/** @param what Begins the message: what is certain. */
export function storeError(what: string, advice: string, cause: unknown): HoldpointError {
  return new HoldpointError("ERR_HITL_STORE", `${what} ${advice} Redis said: ${textOf(cause)}`, { cause });
}

/** @param said what the server had answered to an earlier attempt */
export function indeterminate(cause: unknown, said?: unknown): HoldpointError {
  const before = said === undefined ? "" : `; before that: ${textOf(said)}`;
  return new HoldpointError(
    "ERR_HITL_INDETERMINATE",
    `Redis did not answer, and the write may have been done. Read the record, or send the same request again. Last: ${textOf(cause)}${before}`,
    { cause },
  );
}

export function closedError(): HoldpointError {
  return new HoldpointError("ERR_HITL_CLOSED", "The Redis store is closed.");
}
