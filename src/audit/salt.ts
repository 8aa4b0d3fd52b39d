/** The salt that a store is given once, where the user brings none. */
import { randomBytes } from "node:crypto";
import type { RecordStore } from "../backends/record-store.ts";
import { HoldpointError } from "../core/errors.ts";
import { makeId, slotOf } from "../core/ids.ts";
import { DEFAULT_TENANT } from "../core/record.ts";
import { checkSalt } from "./verify/redacted.ts";

const KIND = "audit";
const ID = makeId(KIND, slotOf(DEFAULT_TENANT, KIND), [KIND, "salt"]);

/** All processes that share the store get the one that was written first. */
export async function saltOf(store: RecordStore): Promise<string> {
  const value = { schema_version: 1, salt: randomBytes(32).toString("hex") };
  const record = { id: ID, kind: KIND, tenant_id: DEFAULT_TENANT, status: "active", value };
  const [found] = await store.get([ID]);
  const kept = found ?? (await store.commit([{ op: "insert", record }])).results[0]?.record;
  if (kept?.value["schema_version"] !== 1) {
    throw new HoldpointError(
      "ERR_HITL_SCHEMA_VERSION",
      "The salt of the audit trail was written by a newer release. Upgrade holdpoint on this machine.",
    );
  }
  return checkSalt(kept.value["salt"]);
}
