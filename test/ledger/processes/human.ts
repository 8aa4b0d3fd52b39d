/** A human who answers every question of a workflow, by what happened, and writes his word down before he gives it. */
import type { HITLRecord, StoreHITLBackend } from "holdpoint";
import { type OracleLog, tokenOf } from "./oracle-log.ts";

export class Human {
  readonly #backend: StoreHITLBackend;
  readonly #log: OracleLog;
  readonly #session: string;
  readonly #name: string;

  /** @param backend - not over the tripwire: the human does not die with the process */
  constructor(backend: StoreHITLBackend, log: OracleLog, session: string, name: string) {
    this.#backend = backend;
    this.#log = log;
    this.#session = session;
    this.#name = name;
  }

  async answerAll(): Promise<void> {
    for (const question of (await this.#backend.getPendingBySession(this.#session)).items)
      await this.#backend.respond(question.hitl_id, this.#answer(question));
  }

  /** The process that had begun is surely dead: the log says all that it has done. */
  #answer({ hitl_type }: HITLRecord): Readonly<Record<string, string>> {
    const by = `${this.#name}, a human`;
    if (hitl_type === "permission") {
      this.#log.add({ what: "approved", by, fence: 0 });
      return { decision: "approve_once" };
    }
    const effect = this.#log.of("effect")[0];
    const decision = effect ? "happened" : "run_again";
    this.#log.add({ what: decision, by, fence: effect?.fence ?? 0 });
    return effect ? { decision, result: tokenOf(effect) } : { decision };
  }
}
