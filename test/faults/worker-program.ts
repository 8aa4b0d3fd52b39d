/** The worker's entry, for the bundler. */
export const WORKER = "test/faults/worker.child.ts";
