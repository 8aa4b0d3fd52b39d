/** Moving from `humanInTheLoopMiddleware`: threads that are under way, other processes, other middleware. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, MemorySaver } from "@langchain/langgraph";
import { confirm, hitlMiddleware, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import type { InterruptOn } from "holdpoint/policy";
import {
  type AgentMiddleware,
  createAgent,
  createMiddleware,
  humanInTheLoopMiddleware,
  toolErrorMiddleware,
  toolRetryMiddleware,
} from "langchain";
import { describe, expect, it } from "vitest";
import { ai, ScriptedModel, toolOf } from "../../nodes/kit.ts";
import { VERSIONS } from "../kit.ts";
import { call, CONFIG, dangling, ours, readOf, type Setup, theirs, toolMessages } from "./kit.ts";

const approve = { type: "approve" };
const pay = [[call("pay", "c1", { amount: 5 })]];

describe.each(VERSIONS)("createAgent %s", (version) => {
  const one: Setup = { version, turns: pay, interruptOn: { pay: true } };

  it("M26 a list of decisions resumes what one interrupt lists; where ours has several, each by its id; a wake-up answers none (P1)", async () => {
    const turns = [[call("pay", "c1"), call("del", "c2")]];
    const setup: Setup = { version, turns, interruptOn: { pay: true, del: true } };
    const reject = { type: "reject" };
    for (const make of [theirs, ours]) {
      const run = make({ ...one, interruptOn: { pay: true } });
      await run.start();
      expect(await run.submit({ decisions: [approve] })).toEqual([]);
      expect(run.effects).toEqual(['pay {"amount":5}']);
    }
    const run = ours(setup);
    await run.start();
    expect(await run.open()).toHaveLength(2);
    await run.agent.invoke(null as never, CONFIG);
    expect(run.effects).toEqual([]);
    const { tasks } = await run.agent.graph.getState(CONFIG);
    const shown = tasks.flatMap(({ interrupts }) => interrupts);
    expect(shown).toHaveLength(version === "v1" ? 1 : 2);
    const byId = shown.map(({ id, value }) => {
      const decision = (value as { tool_name: string }).tool_name === "pay" ? approve : reject;
      return [id, { decisions: [decision] }];
    });
    const value = version === "v1" ? { decisions: [approve, reject] } : Object.fromEntries(byId);
    expect(await run.submit(value)).toEqual([]);
    expect(run.effects).toEqual(["pay {}"]);
    expect(await run.open()).toEqual([]);
  });

  it("M27 a thread that waited in theirs: its call has not run, and the next message finds a valid list", async () => {
    const checkpointer = new MemorySaver();
    const before = theirs({ ...one, checkpointer });
    await before.start();
    const after = ours({ ...one, turns: [...pay, []], checkpointer });
    await after.start("And now?");
    expect(after.effects).toEqual([]);
    const [read = []] = after.model.seen;
    expect(dangling(read)).toEqual([]);
    expect(toolMessages(read).map(({ tool_call_id }) => tool_call_id)).toEqual(["c1"]);
    expect(dangling(await after.messages())).toEqual([]);
  });

  it("M28 a run that saves nothing before its end: ours asks nobody in it, and runs nothing that waits for approval", async () => {
    const config = { configurable: { thread_id: "t" }, durability: "exit" };
    const stock = theirs(one);
    expect(await stock.agent.invoke({ messages: ["go"] } as never, config as never)).toHaveProperty(
      "__interrupt__",
    );
    const own = ours(one);
    await expect(own.agent.invoke({ messages: ["go"] } as never, config as never)).rejects.toMatchObject({
      code: "ERR_HITL_DURABILITY",
    });
    expect(await own.open()).toEqual([]);
    expect([...stock.effects, ...own.effects]).toEqual([]);
  });

  it.each(["first", "last"])(
    "M29 P1 both in one list, ours %s: an approval of theirs is no answer to what the tool asks",
    async (place) => {
      const ran: string[] = [];
      const tools = [
        toolOf("look", () => ran.push("look")),
        toolOf("pay", async () => ran.push(`pay ${(await confirm({ message: "Really?" })).confirmed}`)),
      ];
      const backend = new InMemoryHITLBackend();
      const both = [
        hitlMiddleware({ backend }),
        humanInTheLoopMiddleware({ interruptOn: { pay: true } }),
      ] as AgentMiddleware[];
      const agent = createAgent({
        model: new ScriptedModel([ai([call("pay", "c1"), call("look", "c2")])]),
        tools,
        version,
        middleware: place === "first" ? both : both.toReversed(),
        checkpointer: new MemorySaver(),
      });
      await agent.invoke({ messages: ["go"] } as never, CONFIG);
      expect(ran).toEqual([]);
      await agent.invoke(new Command({ resume: { decisions: [approve] } }) as never, CONFIG);
      expect(ran).toEqual(["look"]);
      const [question, ...more] = (await backend.list({ thread_id: "t", status: "pending" })).items;
      expect([question?.hitl_type, more]).toEqual(["confirm", []]);
      const response = { confirmed: false };
      await respondAndResume(agent, { backend, hitl_id: question?.hitl_id ?? "", response });
      expect(ran).toEqual(["look", "pay false"]);
    },
  );

  it("another process, with the same config in its code, takes the answer up (P1, P7)", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdpoint-interrupt-on-"));
    const path = join(folder, "hitl.db");
    const checkpointer = new MemorySaver();
    const interruptOn = (): InterruptOn => ({
      pay: {
        allowedDecisions: ["approve", "edit"],
        description: ({ args }) => `Pay ${args["amount"]}?`,
        when: async ({ toolCall }) => Number(toolCall.args["amount"]) > 1,
      },
    });
    const backends = [new SqliteHITLBackend({ path }), new SqliteHITLBackend({ path })];
    try {
      const [asking, answering] = backends.map((backend) =>
        ours({ ...one, interruptOn: interruptOn(), checkpointer }, backend),
      );
      await asking?.start();
      expect((await answering?.open())?.map(({ data }) => data["message"])).toEqual(["Pay 5?"]);
      expect(await answering?.decide({ c1: approve })).toEqual([]);
      expect(answering?.effects).toEqual(['pay {"amount":5}']);
      expect(asking?.effects).toEqual([]);
      expect(await asking?.open()).toEqual([]);
    } finally {
      await Promise.all(backends.map((backend) => backend.close()));
      rmSync(folder, { recursive: true });
    }
  });

  it("an approval does not count once the config asks otherwise: the human is asked again (P7)", async () => {
    const checkpointer = new MemorySaver();
    const backend = new InMemoryHITLBackend();
    await ours({ ...one, checkpointer }, backend).start();
    const changed: InterruptOn = { pay: { allowedDecisions: ["approve", "reject"] } };
    const after = ours({ ...one, interruptOn: changed, checkpointer }, backend);
    expect(await after.decide({ c1: approve })).toEqual([]);
    expect(after.effects).toEqual([]);
    const [again] = await after.open();
    expect(again?.data["allowed_decisions"]).toEqual(["approve_once", "reject"]);
    expect(await after.decide({ c1: approve })).toEqual([]);
    expect(after.effects).toEqual(['pay {"amount":5}']);
  });

  it("a call that waits goes on waiting if whoever resumes has another context than the run that asked (P1)", async () => {
    const turns = [[call("pay", "c1"), call("del", "c2")]];
    const ask: InterruptOn[string] = {
      allowedDecisions: ["approve", "reject"],
      when: ({ runtime }) => (runtime.context as { strict?: boolean } | undefined)?.strict === true,
    };
    const run = ours({ version, turns, interruptOn: { pay: ask, del: ask }, context: { strict: true } });
    await run.start();
    const { agent, backend } = run;
    const [first, second] = await run.open();
    const answer = (hitl_id = "", decision = "") =>
      respondAndResume(agent, { backend, hitl_id, response: { decision } });
    await answer(first?.hitl_id, "approve_once");
    expect(run.effects).toEqual(["pay {}"]);
    expect(await run.open()).toEqual([second]);
    await answer(second?.hitl_id, "reject");
    expect(run.effects).toEqual(["pay {}"]);
    expect(readOf(run, "c2")).toContain("A human did not allow this call");
  });

  it("M9 P7 ours asks about the arguments that the tool will get; theirs about those that the model has made", async () => {
    const doubling = createMiddleware({
      name: "doubling",
      wrapToolCall: (request, handler) => {
        const { toolCall } = request;
        return handler({
          ...request,
          toolCall: { ...toolCall, args: { amount: toolCall.args["amount"] * 2 } },
        });
      },
    }) as AgentMiddleware;
    const stock = theirs({ ...one, after: [doubling] });
    await stock.start();
    expect((await stock.shown()).actions).toMatchObject([{ args: { amount: 5 } }]);
    await stock.decide({ c1: approve });
    expect(stock.effects).toEqual(['pay {"amount":10}']);
    const own = ours({ ...one, after: [doubling] });
    await own.start();
    expect((await own.open()).map(({ subject }) => subject?.args)).toEqual([{ amount: 10 }]);
    await own.decide({ c1: approve });
    expect(own.effects).toEqual(['pay {"amount":10}']);
  });

  it("a question passes middleware that retries and catches, before and after ours, and a rejection is not retried", async () => {
    const around = (): AgentMiddleware[] =>
      [
        toolRetryMiddleware({ maxRetries: 2, initialDelayMs: 0 }),
        toolErrorMiddleware({ onError: () => "caught" }),
      ] as AgentMiddleware[];
    for (const where of ["before", "after"] as const)
      for (const [decision, effects] of [
        [approve, ['pay {"amount":5}']],
        [{ type: "reject", message: "No." }, []],
      ] as const) {
        const run = ours({ ...one, [where]: around() });
        await run.start();
        expect(await run.open()).toHaveLength(1);
        expect(await run.decide({ c1: decision })).toEqual([]);
        expect(run.effects).toEqual(effects);
        expect(toolMessages(await run.messages())).toHaveLength(1);
      }
  });
});
