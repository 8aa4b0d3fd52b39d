import { HoldpointError } from "../../core/errors.ts";
import { type AuditReport, ChainVerifier, type VerifyOptions } from "./chain.ts";
import type { AuditEvent, AuditTrail } from "./format.ts";
import { checkAnchor, isObject } from "./read-event.ts";

/**
 * Checks the chain of one record: that no event was edited, removed, inserted or moved since it was written, and, given
 * the record, that its head is the end of the chain and its status, keys and value are what was linked. It runs in a
 * browser, needs no secret, and believes nothing that it is given.
 *
 * @param trail - a record with its events (`readAudit`), or the events alone, oldest first. Without the record or an
 * anchor, nobody can see that the last events were removed
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for what is neither, and for an anchor that is none
 *
 * @example
 * ```ts
 * import { type AuditTrail, verifyAudit } from "holdpoint/audit/verify";
 *
 * export async function faultsOf(trail: AuditTrail, anchor?: { seq: number; hash: string }): Promise<string[]> {
 *   const { problems } = await verifyAudit(trail, { anchor });
 *   return problems.map(({ kind, seq, message }) => `${kind} ${seq ?? ""}: ${message}`);
 * }
 * ```
 */
export async function verifyAudit(
  trail: AuditTrail | readonly AuditEvent[],
  options: VerifyOptions = {},
): Promise<AuditReport> {
  const { anchor, unlinked } = options;
  if (anchor !== undefined) checkAnchor(anchor, "anchor");
  const events: unknown = Array.isArray(trail) ? trail : isObject(trail) ? trail["events"] : undefined;
  if (!Array.isArray(events)) {
    throw new HoldpointError("ERR_HITL_INVALID_INPUT", "verifyAudit takes { record, events }, or events.");
  }
  const chain = new ChainVerifier({ anchor, unlinked });
  for (const event of inOrder(events, chain)) await chain.add(event);
  return chain.finish(Array.isArray(trail) ? undefined : (trail as AuditTrail).record);
}

/** Events that are all there, in another order: that is said once, and the chain checked in its own order. */
function inOrder(events: readonly unknown[], chain: ChainVerifier): readonly unknown[] {
  const seqs = events.map((event) => (isObject(event) ? event["seq"] : undefined));
  if (!seqs.every((seq) => typeof seq === "number") || new Set(seqs).size !== seqs.length) return events;
  const moved = seqs.findIndex((seq, index) => index > 0 && seq < (seqs[index - 1] as number));
  if (moved < 0) return events;
  const seq = seqs[moved] as number;
  chain.problem("reordered", seq, `Event ${seq} stands behind event ${seqs[moved - 1]}.`);
  return (events as readonly AuditEvent[]).toSorted((a, b) => a.seq - b.seq);
}
