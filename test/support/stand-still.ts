/** Blocks the whole process, as a long collection of garbage does: no timer renews anything meanwhile. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
