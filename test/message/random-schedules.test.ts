/**
 * Random schedules of messages, answers and wake-ups, by processes that share a store and may end between any two
 * operations on it or on the checkpointer. The model is never given a call without its result (F11), each message goes
 * in once and in its order (P9), and no effect happens twice (P6).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HITLRecord, type RecordStore, respondAndResume, resumeThread } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { FakeClock, MemoryRecordStore } from "holdpoint/testing";
import { messageOf } from "../../src/nodes/message/mailbox.ts";
import { sendMessage } from "../../src/nodes/message/send-message.ts";
import { areMessagesValid } from "../../src/nodes/message/tool-calls.ts";
import { said, thread } from "./kit.ts";
import { DIED, type Kill, LEASE_MS, Process, type Shared } from "./world.ts";

type Action =
  | { readonly do: "send"; readonly kind: string; readonly whenPending: "wait" | "cancel" | "answer" }
  | { readonly do: "answer" | "respond"; readonly pick: number; readonly yes: boolean }
  | { readonly do: "resume" };

interface Turn {
  /** Side by side, in one process each. */
  readonly actions: readonly { readonly action: Action; readonly kill?: Kill | undefined }[];
}

const kill: fc.Arbitrary<Kill | undefined> = fc.option(
  fc.record({ after: fc.nat({ max: 40 }), side: fc.constantFrom("before" as const, "after" as const) }),
  { nil: undefined, freq: 2 },
);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      kind: fc.constantFrom("pay", "name", "both", "ask", "hello"),
      whenPending: fc.constantFrom("wait" as const, "cancel" as const, "answer" as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("answer" as const, "respond" as const),
      pick: fc.nat({ max: 3 }),
      yes: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("resume" as const) }) },
);
const turns: fc.Arbitrary<readonly Turn[]> = fc.array(
  fc.record({ actions: fc.array(fc.record({ action, kill }), { minLength: 1, maxLength: 3 }) }),
  { minLength: 2, maxLength: 7 },
);

const T = "t";

const sends = (whenPending: "wait" | "cancel" | "answer", end?: Kill) =>
  ({ action: { do: "send", kind: "pay", whenPending }, kill: end }) as const;
const answers = (end?: Kill) => ({ action: { do: "answer", pick: 0, yes: false }, kill: end }) as const;
/** Schedules that went wrong once. */
const found: [readonly Turn[]][] = [
  // The results of a step are saved, its checkpoint is not: the host shows them in the state, and input discards them.
  [
    [
      { actions: [sends("wait")] },
      { actions: [answers({ after: 6, side: "before" })] },
      { actions: [sends("cancel")] },
    ],
  ],
  // The sender of a message that answers dies: those behind it do not overtake it.
  [
    [
      { actions: [{ action: { do: "send", kind: "ask", whenPending: "wait" } }] },
      { actions: [answers()] },
      {
        actions: [
          sends("answer", { after: 6, side: "before" }),
          answers({ after: 20, side: "before" }),
          sends("wait", { after: 7, side: "before" }),
        ],
      },
      { actions: [sends("wait")] },
    ],
  ],
];

class Play {
  readonly #shared: Shared;
  /** In the order in which they were sent; those of one turn side by side. */
  readonly #sent: { text: string; whenPending: "wait" | "cancel" | "answer" }[] = [];

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  async turn({ actions }: Turn): Promise<void> {
    const outcomes = await Promise.allSettled(
      actions.map(async ({ action: what, kill: end }) => {
        const own = new Process(this.#shared, end);
        return own.run(() => this.#act(own, what));
      }),
    );
    for (const outcome of outcomes) this.#assertExpected(outcome);
    // What has died is known to be dead, and holds nothing any more.
    if (outcomes.some((outcome) => outcome.status === "fulfilled" && outcome.value === DIED))
      this.#shared.clock.advance(2 * LEASE_MS);
  }

  /** A process may hear that its lease was lost; nothing else goes wrong. */
  #assertExpected(outcome: PromiseSettledResult<unknown>): void {
    if (outcome.status === "fulfilled") return;
    const code = (outcome.reason as { code?: string }).code;
    if (code !== "ERR_HITL_LEASE_LOST") throw outcome.reason;
  }

  async #act(own: Process, what: Action): Promise<unknown> {
    const { graph, backend } = own;
    if (what.do === "resume") return resumeThread(graph, { backend, thread_id: T, leaseMs: LEASE_MS });
    if (what.do === "send") {
      const text = `${what.kind} ${this.#sent.length}`;
      this.#sent.push({ text, whenPending: what.whenPending });
      return this.#send(own, text, what.whenPending);
    }
    const { items } = await backend.list({ thread_id: T, status: "pending", limit: 1000 });
    const question = items[what.pick % Math.max(1, items.length)];
    if (!question) return null;
    return this.#answer(own, question, what.yes, what.do === "respond");
  }

  #send(own: Process, text: string, whenPending: "wait" | "cancel" | "answer"): Promise<{ status: string }> {
    const { graph, backend } = own;
    return sendMessage(graph, {
      backend,
      thread_id: T,
      message: text,
      message_id: text,
      whenPending,
      ifNotExists: "create",
      leaseMs: LEASE_MS,
    });
  }

  async #answer(own: Process, question: HITLRecord, yes: boolean, only = false): Promise<unknown> {
    const { graph, backend } = own;
    const { hitl_id, hitl_type, tool_call_id } = question;
    const done = this.#shared.effects.some((effect) => effect.startsWith(`${tool_call_id} `));
    const response =
      hitl_type === "in_doubt"
        ? { decision: done ? "happened" : "run_again" }
        : hitl_type === "confirm"
          ? { confirmed: yes }
          : { answer: "Ann" };
    if (only) return backend.respond(hitl_id, response);
    return respondAndResume(graph, { backend, hitl_id, response, leaseMs: LEASE_MS });
  }

  /** As an application does after all is repaired: it sends again what it does not know to be kept, and answers. */
  async toTheEnd(): Promise<void> {
    const own = new Process(this.#shared);
    for (const { text, whenPending } of this.#sent) await this.#send(own, text, whenPending);
    for (let round = 0; round < 60; round += 1) {
      this.#shared.clock.advance(2 * LEASE_MS);
      await resumeThread(own.graph, { backend: own.backend, thread_id: T, leaseMs: LEASE_MS });
      const { items } = await own.backend.list({ thread_id: T, status: "pending", limit: 1000 });
      const [question] = items;
      if (question) {
        await this.#answer(own, question, true);
        continue;
      }
      const { tasks } = await own.graph.getState(thread(T));
      if (tasks.length === 0 && (await this.#messages()).every(({ ended }) => ended)) return;
    }
    const { tasks } = await own.graph.getState(thread(T));
    throw new Error(`stalled: ${JSON.stringify(tasks)}, ${JSON.stringify(await this.#messages())}`);
  }

  async #messages(): Promise<{ id: string; status: string; ended: boolean }[]> {
    const { store } = this.#shared;
    const { items } = await store.page({
      kind: "message",
      tenant_id: "default",
      statuses: ["waiting", "delivering", "delivered", "answering", "answered"],
      limit: 1000,
    });
    return items
      .map(messageOf)
      .toSorted((a, b) => a.value.seq - b.value.seq)
      .map(({ value, status }) => {
        const ended = status === "delivered" || status === "answered";
        return { id: value.message_id, status, ended };
      });
  }

  async check(): Promise<void> {
    const { effects, refused } = this.#shared;
    expect(refused).toEqual([]);
    expect(effects).toEqual([...new Set(effects)]);
    const { graph } = new Process(this.#shared);
    const { messages = [] } = (await graph.getState(thread(T))).values as { messages?: never[] };
    expect(areMessagesValid(messages)).toBe(true);
    const kept = await this.#messages();
    expect(kept.map(({ id }) => id).toSorted()).toEqual(this.#sent.map(({ text }) => text).toSorted());
    const humans = said(messages).filter((line) => line.startsWith("human: "));
    expect(humans).toEqual(
      kept.filter(({ status }) => status === "delivered").map(({ id }) => `human: ${id}`),
    );
  }
}

interface Place {
  readonly store: RecordStore;
  readonly saver: BaseCheckpointSaver;
  close(): Promise<void>;
}

const places: Readonly<Record<string, (clock: FakeClock) => Place>> = {
  memory: (clock) => ({
    store: new MemoryRecordStore({ clock }),
    saver: new MemorySaver(),
    close: () => Promise.resolve(),
  }),
  sqlite: (clock) => {
    const folder = mkdtempSync(join(tmpdir(), "holdpoint-messages-"));
    const backend = new SqliteHITLBackend({ path: join(folder, "records.db"), clock, synchronous: "NORMAL" });
    const saver = SqliteSaver.fromConnString(join(folder, "checkpoints.db"));
    const close = async (): Promise<void> => {
      await backend.close();
      saver.db.close();
      rmSync(folder, { recursive: true, force: true });
    };
    return { store: backend.store, saver, close };
  },
};

describe.each([
  { place: "memory", numRuns: 60 },
  { place: "sqlite", numRuns: 15 },
])("messages, answers and ends of processes at random, on $place", ({ place, numRuns }) => {
  it("the model is given valid lists only (F11); messages once, in order (P9); effects once (P6)", async () => {
    await fc.assert(
      fc.asyncProperty(turns, async (schedule) => {
        const clock = new FakeClock(Date.now());
        const { store, saver, close } = (places[place] as (typeof places)[string])(clock);
        try {
          const play = new Play({ store, saver, clock, effects: [], refused: [] });
          for (const turn of schedule) await play.turn(turn);
          await play.toTheEnd();
          await play.check();
        } finally {
          await close();
        }
      }),
      { examples: found, numRuns },
    );
  }, 120_000);
});
