/** One call of a tool that a policy asks about, for one user, in whatever process. */
import { MemorySaver } from "@langchain/langgraph";
import type { HITLBackend } from "holdpoint";
import { definePolicy, type Policy } from "holdpoint/policy";
import { type AnyGraph, at, call, graphOf, open, Outside, start } from "../nodes-ledger/kit.ts";

export interface CallJob {
  readonly folder: string;
  readonly redis?: { readonly url: string; readonly prefix: string } | undefined;
  readonly thread: string;
  readonly together: boolean;
}

export interface CallReply {
  /** How often the tool ran. */
  readonly ran: number;
  /** How many questions are open then. */
  readonly asked: number;
}

export const USER = { holdpoint: { user_id: "ann" } };

/** @param uses - how many calls a grant allows */
export function payPolicy(uses: number | undefined): Policy {
  return definePolicy({
    rules: [
      {
        id: "pay",
        for: "pay",
        verdict: "ask",
        allowed_decisions: ["approve_once", "approve_always", "reject"],
        grant: { scopes: ["user"], args: "any", uses },
      },
    ],
  });
}

export function payGraph(backend: HITLBackend, outside: Outside, uses: number | undefined): AnyGraph {
  return graphOf("HITLToolNode", {
    backend,
    policy: payPolicy(uses),
    tools: [outside.tool("pay")],
    turns: [[call("pay", "c1")]],
    checkpointer: new MemorySaver(),
  });
}

export const configOf = (thread: string) => ({
  ...at(thread),
  configurable: { thread_id: thread, ...USER },
});

export async function callTool(backend: HITLBackend, thread: string): Promise<CallReply> {
  const outside = new Outside();
  // By its name a thread says how many uses the rule gives: the rule is the same in all processes.
  const uses = thread.startsWith("one") ? 1 : undefined;
  await payGraph(backend, outside, uses).invoke(start(), configOf(thread));
  return { ran: outside.log.length, asked: (await open(backend, thread)).length };
}
