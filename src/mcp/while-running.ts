import { mayHaveRunOut } from "../backends/lease-claim.ts";
import type { RecordStore } from "../backends/record-store.ts";

/** How often it looks again although no hint came: the net under a lost one, and for a holder that has died. */
const POLL_MS = 1000;

/**
 * Waits while another request runs the call (P9: it is not run beside that one).
 *
 * @returns false if the signal was aborted before
 */
export async function whileRunning(
  store: RecordStore,
  id: string,
  clock: { now(): number },
  signal: AbortSignal,
): Promise<boolean> {
  let wake: () => void = () => {};
  let hinted = false;
  const nudge = (): void => {
    hinted = true;
    wake();
  };
  const watcher = await store.watch([id], nudge);
  signal.addEventListener("abort", nudge);
  try {
    for (;;) {
      hinted = false;
      const [record] = await store.get([id]);
      if (record?.status !== "running" || mayHaveRunOut(record, clock.now())) return true;
      if (signal.aborted) return false;
      if (hinted) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    signal.removeEventListener("abort", nudge);
    await watcher.close();
  }
}
