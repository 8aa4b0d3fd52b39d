/**
 * Random schedules of plain new input, messages, answers and wake-ups on an agent, by two processes, some of them side by
 * side. The model is never given a call without its result (F11), no effect happens twice (P6), no answer is overwritten
 * (P4), and new input ends what the thread waited for.
 */
import { MemorySaver } from "@langchain/langgraph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type HITLBackend,
  respondAndResume,
  resumeThread,
  sendMessage,
  step,
  StoreHITLBackend,
  confirm,
} from "holdpoint";
import { MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { call, type Script } from "../message/kit.ts";
import { pending, thread, toolOf } from "../nodes/kit.ts";
import { chatAgent, type ChatAgent, say } from "./chat.ts";
import { VERSIONS, type Version } from "./kit.ts";

type Action =
  | { readonly do: "invoke" | "wait" | "cancel"; readonly kind: "pay" | "both" | "hello" }
  | { readonly do: "answer" | "respond"; readonly pick: number; readonly yes: boolean }
  | { readonly do: "resume" };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("invoke" as const, "invoke" as const, "wait" as const, "cancel" as const),
      kind: fc.constantFrom("pay" as const, "both" as const, "hello" as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("answer" as const, "respond" as const),
      pick: fc.nat({ max: 3 }),
      yes: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("resume" as const) }) },
);
const first: Action = { do: "invoke", kind: "pay" };
/** One to three at once. */
const schedule = fc.array(fc.array(action, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 7 });

const T = "t";

interface Handle {
  readonly backend: HITLBackend;
  readonly agent: ChatAgent;
}

class World {
  readonly effects: string[] = [];
  readonly #answers = new Map<string, boolean>();
  readonly #script: Record<string, Script[string]> = {};
  readonly #handles: readonly Handle[];
  #turn = 0;

  constructor(version: Version) {
    const data = new MemoryRecordData();
    const checkpointer = new MemorySaver();
    // Two runs of one moment are two forks to LangGraph, and each makes calls of its own: by task and call.
    const effect = ({ toolCallId, configurable }: Record<string, unknown>, what: string): void => {
      const { checkpoint_ns } = configurable as { checkpoint_ns: string };
      this.effects.push(`${checkpoint_ns} ${String(toolCallId)} ${what}`);
    };
    const look = toolOf("look", (_, runtime) => {
      effect(runtime, "looked");
      return "sunny";
    });
    const pay = toolOf("pay", async ({ n }, runtime) => {
      await step("quote", () => effect(runtime, "quoted"));
      const { confirmed } = await confirm({ message: `Pay ${String(n)}?` });
      await step("pay", () => effect(runtime, "paid or not"));
      return confirmed ? "paid" : "not paid";
    });
    this.#handles = [0, 1].map(() => {
      const backend = new StoreHITLBackend(new MemoryRecordStore({}, data));
      const init = { version, backend, tools: [look, pay], script: this.#script, checkpointer };
      return { backend, agent: chatAgent(init).agent };
    });
  }

  async turn(actions: readonly Action[]): Promise<void> {
    const outcomes = await Promise.allSettled(actions.map((what, at) => this.#act(what, at % 2)));
    for (const outcome of outcomes) {
      if (
        outcome.status === "rejected" &&
        (outcome.reason as { code?: string }).code !== "ERR_HITL_LEASE_LOST"
      )
        throw outcome.reason;
    }
  }

  async #act(what: Action, at: number): Promise<void> {
    const { backend, agent } = this.#handles[at] as Handle;
    const to = { backend, thread_id: T };
    if (what.do === "resume") return void (await resumeThread(agent, to));
    if ("pick" in what) {
      const open = await pending(backend, T);
      const question = open[what.pick % Math.max(1, open.length)];
      if (!question) return;
      const { hitl_id } = question;
      const response = { confirmed: what.yes };
      const { status } =
        what.do === "respond"
          ? await backend.respond(hitl_id, response)
          : await respondAndResume(agent, { backend, hitl_id, response });
      if (status === "accepted") {
        expect(this.#answers.has(hitl_id)).toBe(false);
        this.#answers.set(hitl_id, what.yes);
      }
      return;
    }
    const text = this.#newText(what.kind);
    if (what.do === "invoke") await agent.invoke(say(text), thread(T));
    else await sendMessage(agent, { ...to, message: text, whenPending: what.do, ifNotExists: "create" });
  }

  #newText(kind: "pay" | "both" | "hello"): string {
    this.#turn += 1;
    const text = `${kind} ${this.#turn}`;
    const tools = { pay: ["pay"], both: ["look", "pay", "pay"], hello: [] }[kind];
    this.#script[text] = tools.map((tool, at) => call(tool, `${text}.${at}`, { n: `${text}.${at}` }));
    return text;
  }

  async assertKept(): Promise<void> {
    expect(this.effects.filter((effect, at) => this.effects.indexOf(effect) !== at)).toEqual([]);
    const { backend, agent } = this.#handles[0] as Handle;
    for (const [hitl_id, confirmed] of this.#answers) {
      expect(await backend.get(hitl_id)).toMatchObject({ status: "completed", user_response: { confirmed } });
    }
    const waited = await this.#openAtHead();
    await agent.invoke(say("bye"), thread(T));
    for (const hitl_id of waited) expect((await backend.get(hitl_id))?.status).not.toBe("pending");
    // Forks of one moment may have left others, which whoever resumes the thread next finds.
    await resumeThread(agent, { backend, thread_id: T });
    expect(await pending(backend, T)).toHaveLength((await this.#openAtHead()).length);
  }

  async #openAtHead(): Promise<string[]> {
    const { backend, agent } = this.#handles[0] as Handle;
    const { config } = await agent.graph.getState(thread(T));
    const head = config.configurable?.["checkpoint_id"] as string | undefined;
    const open = await pending(backend, T);
    return open
      .filter(({ metadata }) => metadata["root_checkpoint_id"] === head)
      .map(({ hitl_id }) => hitl_id);
  }
}

/** Runs side by side make two branches: what waits in the one has been called off in the other (F11, P8). */
const TWO_BRANCHES: Action[][] = [
  [
    { do: "invoke", kind: "both" },
    { do: "answer", pick: 0, yes: false },
  ],
  [
    { do: "answer", pick: 0, yes: false },
    { do: "wait", kind: "pay" },
  ],
  [
    { do: "respond", pick: 0, yes: false },
    { do: "wait", kind: "pay" },
    { do: "invoke", kind: "both" },
  ],
  [
    { do: "answer", pick: 0, yes: false },
    { do: "answer", pick: 0, yes: false },
  ],
  [{ do: "invoke", kind: "pay" }],
];

describe.each(VERSIONS)("createAgent %s", (version) => {
  it("valid lists only (F11); effects once (P6); answers are kept (P4); what waited has ended", async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async (turns) => {
        const world = new World(version);
        // A MemorySaver that is just given its first checkpoint fails those who read it.
        for (const actions of [[first], ...turns]) await world.turn(actions);
        await world.assertKept();
      }),
      { numRuns: Number(process.env["HOLDPOINT_FC_RUNS"] ?? 40), examples: [[TWO_BRANCHES]] },
    );
  }, 120_000);
});
