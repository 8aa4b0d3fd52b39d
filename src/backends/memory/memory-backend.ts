import { type StoreBackendOptions, StoreHITLBackend } from "../store-backend.ts";
import { MemoryRecordStore } from "./memory-store.ts";

/**
 * A backend in this process's memory: for development, tests, and graphs that need not outlive the process.
 *
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 *
 * const backend = new InMemoryHITLBackend();
 * await backend.create({ hitl_id: "hitl_123", hitl_type: "ask_user", session_id: "s1", data: { message: "A or B?" } });
 * const { status } = await backend.respond("hitl_123", { answer: "A" });
 * console.log(status); // accepted
 * ```
 */
export class InMemoryHITLBackend extends StoreHITLBackend {
  constructor(options: StoreBackendOptions = {}) {
    super(new MemoryRecordStore(options), options);
  }
}
