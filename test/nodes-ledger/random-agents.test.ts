/**
 * Random agents whose tools are behind the ledger by call, by arguments, by a resource, or not at all; random answers,
 * duplicate wake-ups, forks. The oracle is a log that the tools write: each effect at most once (P6), none without the
 * approval it needs, none that was denied (P7, P8); the thread comes to its end with valid messages (P9).
 */
import type { AIMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { type DynamicStructuredTool, tool } from "@langchain/core/tools";
import fc from "fast-check";
import { confirm, type HITLRecord, respondAndResume, step } from "holdpoint";
import { EffectLedger } from "holdpoint/ledger";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { LedgerRule } from "../../src/nodes/ledger/ledger-rule.ts";
import { sharedStore, type SharedStore } from "../support/shared-stores.ts";
import {
  type AnyGraph,
  at,
  call,
  graphOf,
  type Host,
  open,
  resumeThread,
  said,
  start,
  THREAD,
} from "./kit.ts";

const KEYS = ["call", "args", "resource", "none"] as const;
const BODIES = ["plain", "asks", "steps", "fails"] as const;

interface ToolPlan {
  readonly key: (typeof KEYS)[number];
  readonly body: (typeof BODIES)[number];
  readonly approval: boolean;
}
interface Move {
  readonly how: "resume" | "resume twice" | "respond" | "null" | "thread" | "thread twice" | "fork";
  readonly which: number;
  readonly yes: boolean;
}

const planOf = fc.record<ToolPlan>({
  key: fc.constantFrom(...KEYS),
  body: fc.constantFrom(...BODIES),
  approval: fc.boolean(),
});
const agents = fc.record({
  tools: fc.array(planOf, { minLength: 1, maxLength: 3 }),
  turns: fc.array(
    fc.array(fc.record({ tool: fc.nat(2), order: fc.nat(1) }), { minLength: 1, maxLength: 3 }),
    {
      minLength: 1,
      maxLength: 2,
    },
  ),
});
const moves = fc.array(
  fc.record<Move>({
    how: fc.constantFrom(
      "resume",
      "resume",
      "resume twice",
      "respond",
      "null",
      "thread",
      "thread twice",
      "fork",
    ),
    which: fc.nat(10),
    yes: fc.constantFrom(true, true, false),
  }),
  { minLength: 30, maxLength: 30 },
);

/** What makes two calls one, from what a body and a question show: not by the ledger's own keys. */
function nameOf(
  { key }: ToolPlan,
  name: string,
  order: unknown,
  tool_call_id: string | null | undefined,
): string {
  return key === "call" ? `${name} ${String(order)} ${tool_call_id}` : `${name} ${String(order)}`;
}

class Play {
  readonly log: string[] = [];
  readonly approved = new Set<string>();
  readonly denied = new Set<string>();
  readonly plans: ReadonlyMap<string, ToolPlan>;
  readonly graph: AnyGraph;
  readonly #backends: ReturnType<SharedStore["pair"]>;
  readonly #host: Host;
  #forks = 0;

  constructor(
    host: Host,
    {
      tools,
      turns,
    }: { tools: readonly ToolPlan[]; turns: readonly (readonly { tool: number; order: number }[])[] },
    backends: ReturnType<SharedStore["pair"]>,
  ) {
    this.#host = host;
    this.#backends = backends;
    // In an agent the error of a tool ends the run: nothing of ours.
    const fit = (plan: ToolPlan): ToolPlan =>
      host.startsWith("createAgent") && plan.body === "fails" ? { ...plan, body: "plain" } : plan;
    this.plans = new Map(tools.map((plan, index) => [`tool${index}`, fit(plan)]));
    const calls = turns.map((made, turn) =>
      made.map((one, at) => call(`tool${one.tool % tools.length}`, `t${turn}c${at}`, { order: one.order })),
    );
    this.graph = graphOf(host, {
      backend: backends[0],
      tools: [...this.plans].map(([name, plan]) => this.#tool(name, plan)),
      ledger: [...this.plans]
        .flatMap(([name, plan]) => (plan.key === "none" ? [] : [ruleOf(name, plan)]))
        .concat(NOTHING),
      turns: calls,
    });
  }

  #tool(name: string, plan: ToolPlan): DynamicStructuredTool {
    const run = async ({ order }: { order: number }, runtime: { toolCallId?: string }): Promise<string> => {
      const effect = (): void => void this.log.push(nameOf(plan, name, order, runtime.toolCallId));
      if (plan.body === "asks") await confirm({ message: `${name} ${order}?` });
      if (plan.body === "steps") {
        await step("effect", effect);
        await confirm({ message: `${name} ${order}?` });
      } else effect();
      if (plan.body === "fails") throw new Error("it failed");
      return `${name} ${order}`;
    };
    return tool(run as never, {
      name,
      description: name,
      schema: z.looseObject({}),
    }) as unknown as DynamicStructuredTool;
  }

  async run(moves: readonly Move[]): Promise<void> {
    await this.graph.invoke(start(), at(THREAD));
    for (let turn = 0; turn < 150; turn += 1) {
      if ((await this.graph.getState({ configurable: { thread_id: THREAD } })).tasks.length === 0) break;
      const move = moves[turn];
      if (move) await this.#move(move);
      else await this.#answerOne({ how: "resume", which: 0, yes: true });
    }
    await this.#check();
  }

  async #move(move: Move): Promise<void> {
    const [backend, other] = this.#backends;
    const options = { thread_id: THREAD, backend };
    switch (move.how) {
      case "null":
        return void (await this.graph.invoke(null, at(THREAD)));
      case "thread":
        return void (await resumeThread(this.graph, options));
      case "thread twice":
        await Promise.all([
          resumeThread(this.graph, options),
          resumeThread(this.graph, { ...options, backend: other }),
        ]);
        return;
      case "fork":
        return this.#fork();
      default:
        return this.#answerOne(move);
    }
  }

  async #answerOne({ how, which, yes }: Move): Promise<void> {
    const [backend, other] = this.#backends;
    const questions = await open(backend, THREAD);
    const question = questions[which % Math.max(questions.length, 1)];
    if (!question) return void (await resumeThread(this.graph, { thread_id: THREAD, backend }));
    const response = this.#decide(question, yes);
    const options = { hitl_id: question.hitl_id, response };
    if (how === "respond") await backend.respond(question.hitl_id, response);
    else if (how === "resume") await respondAndResume(this.graph, { ...options, backend });
    else
      await Promise.all([
        respondAndResume(this.graph, { ...options, backend }),
        respondAndResume(this.graph, { ...options, backend: other }),
      ]);
  }

  #decide({ hitl_type, tool_name, tool_call_id, data }: HITLRecord, yes: boolean): object {
    if (hitl_type === "confirm") return { confirmed: true };
    const plan = this.plans.get(tool_name as string) as ToolPlan;
    const { order } = data["args"] as { order: number };
    (yes ? this.approved : this.denied).add(nameOf(plan, tool_name as string, order, tool_call_id));
    return { decision: yes ? "approve_once" : "reject" };
  }

  /** A branch from where the thread waits, in which the model has said the same. */
  async #fork(): Promise<void> {
    this.#forks += 1;
    if (this.#forks > 2) return;
    for await (const { config, next, values } of this.graph.getStateHistory({
      configurable: { thread_id: THREAD },
    })) {
      if (!next.includes("tools")) continue;
      const last = values.messages?.at(-1) as AIMessage;
      const message = said(last.tool_calls as ToolCall[], 0);
      if (last.id !== undefined) message.id = last.id;
      const asNode = this.#host.startsWith("createAgent") ? "model_request" : "model";
      const fork = await this.graph.updateState(config, { messages: [message] }, asNode);
      await this.graph.invoke(null, { ...fork, durability: "sync" });
      return;
    }
  }

  async #check(): Promise<void> {
    // Whoever looks after the thread ends what another branch has asked.
    await resumeThread(this.graph, { thread_id: THREAD, backend: this.#backends[0] });
    const state = (await this.graph.getState({ configurable: { thread_id: THREAD } })) as unknown as {
      next: readonly string[];
      values: { messages: { getType(): string; tool_call_id?: string; tool_calls?: ToolCall[] }[] };
    };
    expect(state.next).toEqual([]);
    expect(await open(this.#backends[0], THREAD)).toEqual([]);
    const { messages } = state.values;
    const asked = messages.flatMap(({ tool_calls = [] }) => tool_calls.map(({ id }) => id));
    const answered = messages
      .filter((message) => message.getType() === "tool")
      .map(({ tool_call_id }) => tool_call_id);
    expect(answered.toSorted()).toEqual(asked.toSorted());
    const behind = this.log.filter((entry) => this.plans.get(entry.split(" ")[0] as string)?.key !== "none");
    expect(behind.toSorted()).toEqual([...new Set(behind)].toSorted());
    for (const entry of behind) {
      const plan = this.plans.get(entry.split(" ")[0] as string);
      if (plan?.approval) expect(this.approved).toContain(entry);
      expect(this.denied).not.toContain(entry);
    }
    const { items } = await new EffectLedger({ backend: this.#backends[0] }).list({
      workflow_id: THREAD,
      limit: 1000,
    });
    for (const { status } of items) expect(["succeeded", "failed", "denied"]).toContain(status);
  }
}

/** The option is there in each play, also where no tool is behind the ledger. */
const NOTHING: LedgerRule = { for: "nothing" };

function ruleOf(name: string, { key, approval }: ToolPlan): LedgerRule {
  const resource: LedgerRule["key"] = ({ args }) => ({
    namespace: "shop",
    type: "order",
    id: { order: args["order"] },
  });
  return {
    for: name,
    key: key === "resource" ? resource : (key as "call" | "args"),
    requires_approval: approval,
  };
}

describe.each([
  ["memory", "HITLToolNode", 120],
  ["memory", "holdpointTools", 80],
  ["memory", "createAgent v1", 60],
  ["memory", "createAgent v2", 60],
  ["sqlite", "HITLToolNode", 40],
  ["redis", "HITLToolNode", 40],
] as const)("random agents on %s in %s", (name, host, numRuns) => {
  let store: SharedStore;

  beforeAll(async () => {
    store = await sharedStore(name);
  });

  afterAll(async () => {
    await store.stop();
  });

  it("P6 P7 P8 P9 each effect at most once, none without its approval, and the thread comes to its end", async () => {
    const seed = Number(process.env["HOLDPOINT_SEED"] ?? 7);
    const property = fc.asyncProperty(agents, moves, (agent, made) =>
      new Play(host, agent, store.pair()).run(made),
    );
    await fc.assert(property, { numRuns, seed, endOnFailure: true });
  }, 240_000);
});
