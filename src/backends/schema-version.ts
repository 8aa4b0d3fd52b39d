import { HoldpointError } from "../core/errors.ts";

/**
 * What an older release does not know, it would harm.
 *
 * @throws HoldpointError `ERR_HITL_STORE_SCHEMA` if a newer release has migrated the database
 */
export function assertNotNewer(found: number, newest: number): void {
  if (found <= newest) return;
  throw new HoldpointError(
    "ERR_HITL_STORE_SCHEMA",
    `The database has schema ${found}, this release of holdpoint knows up to ${newest}: a newer release has been ` +
      "here. Upgrade holdpoint in this process, or restore a backup from before the upgrade.",
    { details: { found, newest } },
  );
}
