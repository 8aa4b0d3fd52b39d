/**
 * How a pause passes middleware that catches, retries or counts errors: it is not thrown to them. They see the
 * result of a tool call, a `Command`, and hand it on; langchain's tool node, which applies it after all of them,
 * finds that it is none.
 */
import { Command } from "@langchain/langgraph";

/** Throws `makeError()` in whoever applies it. To everybody else it is a command that does nothing. */
export function signalCommand(makeError: () => unknown): Command {
  const command = new Command({});
  // `graph` is what the tool node reads of every command, and middleware of none.
  Object.defineProperty(command, "graph", {
    configurable: true,
    enumerable: false,
    get(): never {
      throw makeError();
    },
  });
  return command;
}

/** What a tool that stopped returns to middleware between us and the tool; our own side knows what happened. */
export function stoppedCommand(): Command {
  return new Command({});
}
