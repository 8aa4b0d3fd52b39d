/** A checkpointer that loses what a process that dies has not saved yet. */
import { MemorySaver } from "@langchain/langgraph";

/**
 * Its process is dead from when the first result of a tool is to be saved: the effect has happened, and no checkpoint
 * says so. `revive` is the next process.
 */
export class DyingSaver extends MemorySaver {
  #state: "alive" | "dead" | "revived" = "alive";

  revive(): void {
    this.#state = "revived";
  }

  override async putWrites(...args: Parameters<MemorySaver["putWrites"]>): Promise<void> {
    this.#dieOf(args[1]);
    return super.putWrites(...args);
  }

  override async put(...args: Parameters<MemorySaver["put"]>): ReturnType<MemorySaver["put"]> {
    this.#dieOf(args[1].channel_values);
    return super.put(...args);
  }

  #dieOf(saved: unknown): void {
    if (this.#state === "alive" && JSON.stringify(saved).includes("ToolMessage")) this.#state = "dead";
    if (this.#state === "dead") throw new Error("the process died");
  }
}
