/**
 * Drives one thread from wherever it stands to its end, or to questions that stay open. It remembers nothing: each
 * turn asks the records and the checkpoints, so the first turn after `kill -9` is a turn like any other.
 */
import { setTimeout as pause } from "node:timers/promises";
import { HumanMessage } from "@langchain/core/messages";
import {
  type HITLBackend,
  type HITLRecord,
  type RespondResult,
  respondAndResume,
  resumeThread,
} from "holdpoint";
import { type BlockEvent, blockEvents, visible } from "holdpoint/blocks";
import { LEASE_MS, type TidyAgent } from "./agent.ts";
import type { Answerer } from "./answerer.ts";
import { USER } from "./policy.ts";

export interface Drive {
  readonly agent: TidyAgent;
  readonly backend: HITLBackend;
  readonly thread_id: string;
  /** What the thread begins with. */
  readonly request: string;
  readonly answerer: Answerer;
  readonly say: (line: string) => void;
  /** Told of each question and each call of a tool. */
  readonly onBlock?: ((event: BlockEvent) => void) | undefined;
}

/** `finished`, or the questions that were left open. */
export type Driven =
  | { readonly status: "finished" }
  | { readonly status: "open"; readonly open: readonly HITLRecord[] };

/** Each step that nobody has to be asked in takes two of these. */
const RECURSION_LIMIT = 1000;
/** A lease that outlives this is not one of a dead process. */
const LONGEST_WAIT_MS = 10 * LEASE_MS;

export async function drive(run: Drive): Promise<Driven> {
  const { agent, thread_id, answerer } = run;
  const wait = leaseWait(run.say);
  for (;;) {
    // Answers that were given while nobody ran the graph (its process died, or they came from elsewhere).
    const woken = await resumeThread(agent, { ...resumeOptions(run), thread_id });
    if (woken.status === "busy") {
      await wait();
    } else if (woken.pending.length > 0) {
      const open = inOrderOfCalls(woken.pending);
      const reply = await answerer.next(open);
      if (!reply) return { status: "open", open };
      const outcome = await respondAndResume(agent, {
        ...resumeOptions(run),
        hitl_id: reply.record.hitl_id,
        response: reply.response,
      });
      tell(outcome, run);
    } else {
      const { next, createdAt } = await agent.getState(configOf(run));
      if (createdAt !== undefined && next.length === 0) return { status: "finished" };
      const began = createdAt !== undefined;
      const stream = await agent.stream(began ? null : { messages: [new HumanMessage(run.request)] }, {
        ...configOf(run),
        recursionLimit: RECURSION_LIMIT,
        durability: "sync",
        streamMode: "custom",
      });
      for await (const event of blockEvents(stream, { streamMode: "custom" })) run.onBlock?.(event);
      // Asked nobody and did not end: a call is still leased to the process that died with it.
      if (began && !(await movedOn(run))) await wait();
    }
  }
}

/** Those of one step were recorded together, so time does not order them; the planner numbers its calls. */
function inOrderOfCalls(open: readonly HITLRecord[]): HITLRecord[] {
  const call = ({ tool_call_id }: HITLRecord): string => tool_call_id ?? "";
  return open.toSorted((a, b) => call(a).localeCompare(call(b), "en", { numeric: true }));
}

function configOf({ thread_id }: Drive) {
  return { configurable: { thread_id, holdpoint: { user_id: USER } } };
}

function resumeOptions({ backend, onBlock }: Drive) {
  const config = { recursionLimit: RECURSION_LIMIT, configurable: { holdpoint: { user_id: USER } } };
  return { backend, leaseMs: LEASE_MS, config, ...(onBlock ? { onBlock } : {}) };
}

async function movedOn(run: Drive): Promise<boolean> {
  const { next } = await run.agent.getState(configOf(run));
  if (next.length === 0) return true;
  const { items } = await run.backend.list({ thread_id: run.thread_id, status: "pending", limit: 1 });
  return items.length > 0;
}

function tell(outcome: RespondResult, { answerer, say }: Drive): void {
  switch (outcome.status) {
    case "accepted":
    case "duplicate":
      return;
    case "invalid":
      return answerer.refused(
        outcome.record,
        outcome.issues.map(({ path, message }) =>
          [path.map(String).join("."), message].filter(Boolean).join(": "),
        ),
      );
    case "conflict":
      return say(`It was answered elsewhere: ${visible(JSON.stringify(outcome.record.user_response))}`);
    case "indeterminate":
      return answerer.refused(outcome.record as HITLRecord, ["The store did not confirm it. Answer again."]);
    default:
      return say(`The question is not open any more (${outcome.status}).`);
  }
}

/** Says once what it waits for, since a few silent seconds look like a hang. */
function leaseWait(say: (line: string) => void): () => Promise<void> {
  let since = 0;
  return async () => {
    if (since === 0) {
      since = Date.now();
      say(
        `The process that ran before was killed in the middle of a call; its lease ends within ${LEASE_MS / 1000} s. Waiting …`,
      );
    }
    if (Date.now() - since > LONGEST_WAIT_MS)
      throw new Error("The lease of the earlier process does not end.");
    await pause(200);
  };
}
