/** Whether a server keeps what it is given: asked once, when a store is opened. */
import { HoldpointError } from "../../core/errors.ts";
import type { CheckedOptions } from "./options.ts";

/** WAITAOF came with it. Valkey says 7.2.4 here, whatever its own version. */
const WAITAOF_VERSION = [7, 2] as const;

/**
 * @param info the answer to INFO, or "" if it may not be asked: then nothing is known and nothing refused
 * @throws HoldpointError `ERR_HITL_STORE`
 */
export function checkServer(info: string, { allowEviction, durability }: CheckedOptions): void {
  if (info === "") return;
  const fields = fieldsOf(info);
  const policy = fields.get("maxmemory_policy") ?? "noeviction";
  // volatile-… evicts only keys with a time to live: the claims of a minute, which then may be made twice in S4's case.
  if (policy.startsWith("allkeys") && Number(fields.get("maxmemory") ?? 0) > 0 && !allowEviction) {
    refuse(
      `Redis has maxmemory-policy ${policy}: when its memory is full it throws records away, with questions, answers and the proof of what has run. Set it to noeviction; or pass allowEviction: true if records may be lost.`,
      { maxmemory_policy: policy },
    );
  }
  if (fields.get("role") === "slave")
    refuse("This is a replica; connect to the primary.", { role: "replica" });
  if (!durability?.fsync) return;
  const version = fields.get("redis_version") ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < WAITAOF_VERSION[0] || (major === WAITAOF_VERSION[0] && minor < WAITAOF_VERSION[1])) {
    refuse(
      `durability.fsync needs WAITAOF, of Redis 7.2 or Valkey; this is ${version}. Leave it out and set appendfsync to always.`,
      { redis_version: version },
    );
  }
  if (fields.get("aof_enabled") === "0")
    refuse("durability.fsync needs an append-only file; set appendonly to yes.", { aof_enabled: "0" });
}

function fieldsOf(info: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of info.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}

function refuse(message: string, details: Readonly<Record<string, string>>): never {
  throw new HoldpointError("ERR_HITL_STORE", `The store was not opened. ${message}`, { details });
}
