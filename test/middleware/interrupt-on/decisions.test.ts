/** Moving from `humanInTheLoopMiddleware`: what becomes of a decision. The numbers are those of docs/middleware.md. */
import { AIMessage } from "@langchain/core/messages";
import type { InterruptOn } from "holdpoint/policy";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { VERSIONS } from "../kit.ts";
import { call, dangling, ours, readOf, type Setup, theirs, toolMessages } from "./kit.ts";

const BOTH = [theirs, ours];
const approve = { type: "approve" };
const reject = { type: "reject", message: "No." };
const edit = (name: string, args: unknown) => ({ type: "edit", editedAction: { name, args } });
const pay = [[call("pay", "c1", { amount: 5 })]];

describe.each(VERSIONS)("createAgent %s", (version) => {
  const one: Setup = { version, turns: pay, interruptOn: { pay: true } };

  it("M13 approve: the call runs once, as it was made, and the model is asked again", async () => {
    for (const make of BOTH) {
      const run = make(one);
      await run.start();
      expect(await run.decide({ c1: approve })).toEqual([]);
      expect(run.effects).toEqual(['pay {"amount":5}']);
      expect(run.model.seen).toHaveLength(2);
      expect(readOf(run, "c1")).toBe("pay done");
    }
  });

  it("M14 edit: the call runs with the edited arguments; theirs rewrites what the model has said, ours tells it", async () => {
    for (const make of BOTH) {
      const run = make(one);
      await run.start();
      expect(await run.decide({ c1: edit("pay", { amount: 4 }) })).toEqual([]);
      expect(run.effects).toEqual(['pay {"amount":4}']);
      const said = (await run.messages()).find((message) => AIMessage.isInstance(message));
      const isTheirs = make === theirs;
      expect(said?.tool_calls).toEqual([call("pay", "c1", { amount: isTheirs ? 4 : 5 })]);
      expect(readOf(run, "c1")).toBe(
        isTheirs
          ? "pay done"
          : 'pay done\n\nA human changed the arguments of this call to pay. It ran with: {"amount":4}',
      );
    }
  });

  it("M15 P7 edit of the name: theirs runs another tool, asked about or not; ours runs nothing, and the question stays", async () => {
    const setup: Setup = { ...one, interruptOn: { pay: true, other: { allowedDecisions: ["reject"] } } };
    const stock = theirs(setup);
    await stock.start();
    expect(await stock.decide({ c1: edit("other", { n: 1 }) })).toEqual([]);
    expect(stock.effects).toEqual(['other {"n":1}']);
    const own = ours(setup);
    await own.start();
    expect(await own.decide({ c1: edit("other", { n: 1 }) })).toEqual([
      "The answer is about other, the question about pay.",
    ]);
    expect(own.effects).toEqual([]);
    expect(await own.decide({ c1: edit("pay", { amount: 1 }) })).toEqual([]);
    expect(own.effects).toEqual(['pay {"amount":1}']);
  });

  it("M16 reject: the call does not run, the model reads why, in a message with the status error", async () => {
    for (const [decision, theirText, ourText] of [
      [reject, "No.", "A human did not allow this call to pay, so it did not run: No."],
      [
        { type: "reject" },
        "User rejected the tool call for `pay` with id c1",
        "A human did not allow this call to pay, so it did not run.",
      ],
    ] as const)
      for (const make of BOTH) {
        const run = make(one);
        await run.start();
        expect(await run.decide({ c1: decision })).toEqual([]);
        expect(run.effects).toEqual([]);
        expect(run.model.seen).toHaveLength(2);
        const [result, ...more] = toolMessages(await run.messages());
        expect(more).toEqual([]);
        expect(result).toMatchObject({ name: "pay", tool_call_id: "c1", status: "error" });
        expect(result?.text).toBe(make === theirs ? theirText : ourText);
      }
  });

  it("M17 reject goes on with the model, also where the tool's result would have ended the run", async () => {
    for (const make of BOTH) {
      const run = make({ ...one, returnDirect: ["pay"] });
      await run.start();
      await run.decide({ c1: reject });
      expect(run.model.seen).toHaveLength(2);
      expect((await run.messages()).at(-1)?.text).toBe("done");
      const approved = make({ ...one, returnDirect: ["pay"] });
      await approved.start();
      await approved.decide({ c1: approve });
      expect(approved.model.seen).toHaveLength(1);
      expect((await approved.messages()).at(-1)?.text).toBe("pay done");
    }
  });

  it("M18 ours leaves the model's message as it was, and puts the results behind it in the order of the calls", async () => {
    const turns = [[call("pay", "c1"), call("read", "c2"), call("del", "c3")]];
    const setup: Setup = { version, turns, interruptOn: { pay: true, del: true } };
    for (const make of BOTH) {
      const run = make(setup);
      await run.start();
      const before = (await run.messages()).slice(0, 2).map(({ id }) => id);
      await run.decide({ c1: approve, c3: edit("del", { n: 1 }) });
      const messages = await run.messages();
      expect(messages.slice(0, 2).map(({ id }) => id)).toEqual(before);
      expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
      const said = messages[1] as AIMessage;
      const calls = said.tool_calls?.map(({ id }) => id);
      expect(calls).toEqual(make === theirs ? ["c2", "c1", "c3"] : ["c1", "c2", "c3"]);
      expect(toolMessages(messages).map(({ tool_call_id }) => tool_call_id)).toEqual(calls);
      if (make === ours) expect(said.tool_calls).toEqual(turns[0]);
    }
  });

  it.each<[string, unknown]>([
    ["a decision that is not allowed", { decisions: [{ type: "reject" }] }],
    ["a decision that there is not", { decisions: [{ type: "maybe" }] }],
    ["one decision too many", { decisions: [approve, approve] }],
    ["no decision", { decisions: [] }],
    ["no list", { decisions: approve }],
    ["an edit without an action", { decisions: [{ type: "edit" }] }],
    ["an edit with arguments that are none", { decisions: [edit("pay", "all")] }],
    [
      "the edited_action of Python",
      { decisions: [{ type: "edit", edited_action: { name: "pay", args: { amount: "all" } } }] },
    ],
    ["the respond of the documents", { decisions: [{ type: "respond", message: "Paid." }] }],
    ["text", "yes"],
  ])("M19 F9 P3 after %s the right decision counts; in theirs it fails for ever", async (_, malformed) => {
    const interruptOn: InterruptOn = { pay: { allowedDecisions: ["approve", "edit"] } };
    const schemas = { pay: z.object({ amount: z.number() }) };
    const stock = theirs({ ...one, interruptOn, schemas });
    await stock.start();
    expect(await stock.submit(malformed)).toEqual([expect.any(String)]);
    expect(await stock.decide({ c1: approve })).toEqual([expect.any(String)]);
    expect(await stock.decide({ c1: approve })).toEqual([expect.any(String)]);
    expect(stock.effects).toEqual([]);
    const own = ours({ ...one, interruptOn, schemas });
    await own.start();
    const [question] = await own.open();
    expect(await own.submit(malformed)).toEqual([expect.any(String)]);
    expect(await own.open()).toEqual([question]);
    expect(own.effects).toEqual([]);
    expect(await own.decide({ c1: approve })).toEqual([]);
    expect(own.effects).toEqual(['pay {"amount":5}']);
  });

  it.each<[string, unknown, string]>([
    [
      "the edited_action of Python",
      { decisions: [{ type: "edit", edited_action: { name: "pay", args: { amount: 4 } } }] },
      "4",
    ],
    ["Agent Inbox's list", [{ type: "accept", args: null }], "5"],
    [
      "an edit of Agent Inbox, whose values are text",
      [{ type: "edit", args: { action: "pay", args: { amount: "4" } } }],
      "4",
    ],
  ])(
    "M19 F9 F14 %s is an answer; theirs cannot use it, nor the right one that follows",
    async (_, sent, amount) => {
      const schemas = { pay: z.object({ amount: z.number() }) };
      const stock = theirs({ ...one, schemas });
      await stock.start();
      expect(await stock.submit(sent)).toEqual([expect.any(String)]);
      expect(await stock.decide({ c1: approve })).toEqual([expect.any(String)]);
      expect(stock.effects).toEqual([]);
      const own = ours({ ...one, schemas });
      await own.start();
      expect(await own.submit(sent)).toEqual([]);
      expect(own.effects).toEqual([`pay {"amount":${amount}}`]);
    },
  );

  it.each<[string, unknown]>([
    ["nothing", {}],
    ["null", null],
    ["markup", "<script>alert(1)</script>"],
    ["a prototype", JSON.parse('{"__proto__":{"decisions":[{"type":"approve"}]}}')],
    [
      "arguments with a prototype",
      { decisions: [edit("pay", JSON.parse('{"amount":1,"__proto__":{"a":1}}'))] },
    ],
    ["arguments without end", { decisions: [edit("pay", { amount: 1, note: "x".repeat(300_000) })] }],
    [
      "arguments of any depth",
      { decisions: [edit("pay", { amount: 1, deep: JSON.parse("[".repeat(500) + "]".repeat(500)) })] },
    ],
    ["ten thousand decisions", { decisions: Array.from({ length: 10_000 }, () => approve) }],
  ])("M19 P3 %s answers nothing, and the question stays open", async (_, hostile) => {
    const own = ours(one);
    await own.start();
    const before = await own.open();
    await own.submit(hostile);
    expect(await own.open()).toEqual(before);
    expect(own.effects).toEqual([]);
    expect(await own.decide({ c1: approve })).toEqual([]);
    expect(own.effects).toEqual(['pay {"amount":5}']);
  });

  it("M20 F13 respond: what the human wrote is the result; theirs does not know what it documents", async () => {
    const interruptOn: InterruptOn = { pay: { allowedDecisions: ["respond"] } };
    await expect(theirs({ ...one, interruptOn }).start()).rejects.toThrow(/invalid_enum_value/);
    const own = ours({ ...one, interruptOn });
    await own.start();
    expect(await own.decide({ c1: { type: "respond", message: "Paid in cash." } })).toEqual([]);
    expect(own.effects).toEqual([]);
    expect(toolMessages(await own.messages())).toEqual([
      expect.objectContaining({ content: "Paid in cash.", status: "success", tool_call_id: "c1" }),
    ]);
  });

  it("M21 F10 one rejection: ours runs what was approved, and what needs no approval; each call has one result", async () => {
    const turns = [[call("read", "c1"), call("pay", "c2"), call("del", "c3")]];
    const setup: Setup = { version, turns, interruptOn: { pay: true, del: true } };
    const stock = theirs(setup);
    await stock.start();
    await stock.decide({ c2: approve, c3: reject });
    expect(stock.effects).toEqual([]);
    expect(dangling(await stock.messages())).toEqual(["c1"]);
    const kept = (await stock.messages()).flatMap((message) => (message as AIMessage).tool_calls ?? []);
    expect(kept.map(({ id }) => id)).toEqual(["c1", "c3"]);
    const own = ours(setup);
    await own.start();
    await own.decide({ c2: approve, c3: reject });
    expect(own.effects).toEqual(["read {}", "pay {}"]);
    expect(dangling(await own.messages())).toEqual([]);
    expect(toolMessages(await own.messages()).map(({ tool_call_id }) => tool_call_id)).toEqual([
      "c1",
      "c2",
      "c3",
    ]);
  });

  it("M22 F11 a new message while a call waits: ours gives the model a valid list, and the question ends", async () => {
    const setup: Setup = { ...one, turns: [...pay, []] };
    const stock = theirs(setup);
    await stock.start();
    await stock.start("No, wait.");
    expect(dangling(stock.model.seen.at(-1) ?? [])).toEqual(["c1"]);
    const own = ours(setup);
    await own.start();
    const [question] = await own.open();
    await own.start("No, wait.");
    expect(dangling(own.model.seen.at(-1) ?? [])).toEqual([]);
    expect(own.effects).toEqual([]);
    expect(await own.backend.get(question?.hitl_id ?? "")).toMatchObject({
      status: "cancelled",
      reason: "superseded",
    });
  });

  it("M23 F12 P3 an edit against the tool's schema: ours says so to the human; theirs lets the tool fail", async () => {
    const schemas = { pay: z.object({ amount: z.number().max(10) }) };
    const stock = theirs({ ...one, schemas });
    await stock.start();
    expect(await stock.decide({ c1: edit("pay", { amount: "all" }) })).toEqual([]);
    expect(stock.effects).toEqual([]);
    expect(readOf(stock, "c1")).toContain("did not match expected schema");
    const own = ours({ ...one, schemas });
    await own.start();
    for (const amount of ["all", 11]) {
      const [problem, ...more] = await own.decide({ c1: edit("pay", { amount }) });
      expect(more).toEqual([]);
      expect(problem).toContain("amount");
    }
    expect(await own.open()).toHaveLength(1);
    expect(await own.decide({ c1: edit("pay", { amount: 9 }) })).toEqual([]);
    expect(own.effects).toEqual(['pay {"amount":9}']);
  });

  it("M10 M14 P7 when is asked again about edited arguments; what it lets pass runs, as who edits has approved", async () => {
    const asked: unknown[] = [];
    const interruptOn: InterruptOn = {
      pay: {
        allowedDecisions: ["edit"],
        when: ({ toolCall }) => {
          asked.push(toolCall.args["amount"]);
          return Number(toolCall.args["amount"]) > 4;
        },
      },
    };
    for (const amount of [3, 9]) {
      const run = ours({ ...one, interruptOn });
      await run.start();
      await run.decide({ c1: edit("pay", { amount }) });
      expect(run.effects).toEqual([`pay {"amount":${amount}}`]);
      expect(asked).toContain(amount);
    }
  });
});
