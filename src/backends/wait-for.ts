import type { Clock } from "../core/clock.ts";
import { HoldpointError } from "../core/errors.ts";
import type { HITLRecord } from "../core/record.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import type { HITLBackend, WaitOptions } from "./hitl-backend.ts";

/** How often a waiter reads again although no hint came: the net under a lost notification. */
const POLL_MS = 1000;
/** How soon it looks again at a deadline that has passed by this clock, and not yet by the store's. */
const OVERDUE_MS = 20;

/** Watches first, reads then: no answer between the two is missed. */
export async function waitForRecord(
  backend: HITLBackend,
  id: string,
  options: WaitOptions,
  clock: Clock,
): Promise<HITLRecord> {
  const { signal, timeoutMs } = options;
  // Not by the clock: one that is set back would make the wait longer by as much.
  const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
  let wake: () => void = () => {};
  let hinted = false;
  const nudge = (): void => {
    hinted = true;
    wake();
  };
  const aborted = (): HoldpointError =>
    new HoldpointError("ERR_HITL_ABORTED", `Waiting for ${id} was aborted.`, {
      cause: signal?.reason,
      details: { id },
    });
  if (signal?.aborted) throw aborted();
  const watcher = await backend.store.watch([id], nudge);
  signal?.addEventListener("abort", nudge);
  try {
    for (;;) {
      hinted = false;
      const record = await backend.get(id);
      if (!record)
        throw new HoldpointError("ERR_HITL_NOT_FOUND", `The HITL record ${id} is gone.`, { details: { id } });
      if (isTerminalHITLStatus(record.status)) return record;
      if (signal?.aborted) throw aborted();
      const left = deadline - performance.now();
      if (left <= 0) {
        throw new HoldpointError(
          "ERR_HITL_TIMEOUT",
          `${id} was not answered within ${timeoutMs} ms; it is still open.`,
          {
            details: { id, timeoutMs },
          },
        );
      }
      if (hinted) continue;
      const pauseMs = Math.min(
        POLL_MS,
        left,
        record.expires_at === null ? POLL_MS : Math.max(record.expires_at - clock.now(), OVERDUE_MS),
      );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    signal?.removeEventListener("abort", nudge);
    await watcher.close();
  }
}
