/** Moving from `humanInTheLoopMiddleware`: which calls wait for a human. The numbers are those of docs/middleware.md. */
import { hitlMiddleware, InMemoryHITLBackend } from "holdpoint";
import { definePolicy, type InterruptOn } from "holdpoint/policy";
import { type AgentMiddleware, createAgent, toolErrorMiddleware } from "langchain";
import { describe, expect, it } from "vitest";
import { ScriptedModel } from "../../nodes/kit.ts";
import { VERSIONS } from "../kit.ts";
import { call, dangling, ours, readOf, type Setup, theirs } from "./kit.ts";

const BOTH = [theirs, ours];
const pay = [[call("pay", "c1", { to: "ann" })]];
const approve = { type: "approve" };

async function asked(make: (typeof BOTH)[number], setup: Setup): Promise<unknown[]> {
  const run = make(setup);
  await run.start();
  return (await run.shown()).actions.map(({ name }) => name);
}

describe.each(VERSIONS)("createAgent %s", (version) => {
  it("M1 M2 M3 true and a config ask, with these decisions; false and no entry run", async () => {
    const interruptOn: InterruptOn = {
      yes: true,
      no: false,
      some: { allowedDecisions: ["approve", "reject"] },
    };
    const turns = [[call("yes", "c1"), call("no", "c2"), call("some", "c3"), call("unnamed", "c4")]];
    for (const make of BOTH) {
      const run = make({ version, turns, interruptOn });
      const result = await run.start();
      expect(result["__interrupt__"]).toBeDefined();
      expect((await run.shown()).reviews).toEqual([
        { actionName: "yes", allowedDecisions: ["approve", "edit", "reject"] },
        { actionName: "some", allowedDecisions: ["approve", "reject"] },
      ]);
      expect(await run.decide({ c1: approve, c3: approve })).toEqual([]);
      expect(run.effects.toSorted()).toEqual(["no {}", "some {}", "unnamed {}", "yes {}"]);
    }
  });

  it("M2 nothing is asked without interruptOn, whatever else is given", async () => {
    for (const setup of [{}, { interruptOn: {} }, { descriptionPrefix: "Look" }])
      for (const make of BOTH) {
        const run = make({ version, turns: pay, ...setup });
        await run.start();
        expect(run.effects).toEqual(['pay {"to":"ann"}']);
      }
  });

  it("M4 a name means that tool; theirs also asks about the names of Object.prototype, for ever", async () => {
    const turns = [[call("constructor", "c1"), call("*", "c2"), call("pay", "c3")]];
    const setup: Setup = { version, turns, interruptOn: { "*": true } };
    expect(await asked(ours, setup)).toEqual(["*"]);
    expect(await asked(theirs, setup)).toEqual(["constructor", "*"]);
    const stuck = theirs({ version, turns, interruptOn: { "*": true } });
    await stuck.start();
    expect(await stuck.submit({ decisions: [approve, approve] })).toEqual([expect.any(String)]);
    expect(await asked(ours, { version, turns, interruptOn: { constructor: true } as never })).toEqual([
      "constructor",
    ]);
  });

  it("M5 P10 all that waits is listed at once, in the order of the calls; ours with the ids of the calls", async () => {
    const turns = [[call("del", "c1", { n: 1 }), call("read", "c2"), call("pay", "c3", { n: 3 })]];
    const setup: Setup = { version, turns, interruptOn: { pay: true, del: true } };
    const [stock, own] = [theirs(setup), ours(setup)];
    await Promise.all([stock.start(), own.start()]);
    const [wanted, found] = [await stock.shown(), await own.shown()];
    expect(wanted.actions.map(({ name }) => name)).toEqual(["del", "pay"]);
    expect(found.reviews).toEqual(wanted.reviews);
    expect(found.actions).toEqual([
      { ...wanted.actions[0], toolCallId: "c1" },
      { ...wanted.actions[1], toolCallId: "c3" },
    ]);
  });

  it("M5 P10 ours takes the answers one by one, in any order; each approved call runs when it has its own", async () => {
    const turns = [[call("del", "c1"), call("pay", "c2")]];
    const run = ours({ version, turns, interruptOn: { pay: true, del: true } });
    await run.start();
    await run.decide({ c2: approve });
    expect(run.effects).toEqual(["pay {}"]);
    expect((await run.open()).map(({ tool_name }) => tool_name)).toEqual(["del"]);
    await run.decide({ c1: approve });
    expect(run.effects).toEqual(["pay {}", "del {}"]);
    expect(run.model.seen).toHaveLength(2);
  });

  it("M6 P6 calls that need no approval run at once, and once; theirs wait for every decision", async () => {
    const turns = [[call("read", "c1"), call("pay", "c2")]];
    const setup: Setup = { version, turns, interruptOn: { pay: true } };
    const [stock, own] = [theirs(setup), ours(setup)];
    await Promise.all([stock.start(), own.start()]);
    expect(stock.effects).toEqual([]);
    expect(own.effects).toEqual(["read {}"]);
    for (const run of [stock, own]) {
      await run.decide({ c2: approve });
      expect(run.effects).toEqual(["read {}", "pay {}"]);
    }
  });

  it("M10 when: true asks, false runs, and a promise of either does as it says", async () => {
    const isBig = ({ args }: { args: Record<string, unknown> }): boolean => Number(args["amount"]) > 100;
    const interruptOn: InterruptOn = {
      pay: { allowedDecisions: ["approve"], when: ({ toolCall }) => isBig(toolCall) },
      del: { allowedDecisions: ["approve"], when: async ({ toolCall }) => isBig(toolCall) },
    };
    const turns = [
      [
        call("pay", "c1", { amount: 5 }),
        call("pay", "c2", { amount: 500 }),
        call("del", "c3", { amount: 5 }),
        call("del", "c4", { amount: 500 }),
      ],
    ];
    for (const make of BOTH) {
      const run = make({ version, turns, interruptOn });
      await run.start();
      expect((await run.shown()).actions.map(({ name, args }) => [name, args])).toEqual([
        ["pay", { amount: 500 }],
        ["del", { amount: 500 }],
      ]);
      await run.decide({ c2: approve, c4: approve });
      expect(run.effects).toHaveLength(4);
    }
  });

  it.each([
    ["a when that throws", { when: () => Promise.reject(new Error("boom")) }],
    ["a when that gives text", { when: () => "no" }],
    ["a description that throws", { description: () => Promise.reject(new Error("boom")) }],
    ["a description that gives no text", { description: () => 5 }],
  ])(
    "M11 P8 %s: the call does not run, and the model hears it; theirs ends the run, and leaves the call without a result",
    async (_, part) => {
      const interruptOn = { pay: { allowedDecisions: ["approve"], ...part } } as never;
      const stock = theirs({ version, turns: pay, interruptOn });
      await expect(stock.start()).rejects.toThrow();
      expect(stock.effects).toEqual([]);
      expect(dangling(await stock.messages())).toEqual(["c1"]);
      const own = ours({ version, turns: pay, interruptOn });
      await own.start();
      expect(own.effects).toEqual([]);
      expect(readOf(own, "c1")).toMatch(/^pay did not run: the policy's rule "interrupt_on:pay" failed/);
      expect(dangling(await own.messages())).toEqual([]);
    },
  );

  it("M24 without a checkpointer both end the run, and run nothing that waits for approval", async () => {
    const setup: Setup = { version, turns: pay, interruptOn: { pay: true }, checkpointer: null };
    const [stock, own] = [theirs(setup), ours(setup)];
    await expect(stock.start()).rejects.toThrow("No checkpointer set");
    await expect(own.start()).rejects.toMatchObject({ code: "ERR_HITL_NO_CHECKPOINTER" });
    expect([...stock.effects, ...own.effects]).toEqual([]);
  });

  it("M25 P8 interruptOn in the run's context: theirs obeys it, ours refuses the run, also behind an error handler", async () => {
    const setup: Setup = { version, turns: pay, context: { interruptOn: { pay: true } } };
    expect(await asked(theirs, setup)).toEqual(["pay"]);
    const own = ours(setup);
    await expect(own.start()).rejects.toMatchObject({ code: "ERR_HITL_INVALID_INPUT" });
    expect(own.effects).toEqual([]);
    // An agent's own context may hold anything else.
    const other = ours({ ...setup, context: { user: "ann", interruptOn: undefined } });
    await other.start();
    expect(other.effects).toEqual(['pay {"to":"ann"}']);
    const backend = new InMemoryHITLBackend();
    const handled = createAgent({
      model: new ScriptedModel(own.model.script),
      tools: [],
      version,
      middleware: [
        toolErrorMiddleware({ onError: () => "all is well" }),
        hitlMiddleware({ backend }),
      ] as AgentMiddleware[],
    });
    await expect(handled.invoke({ messages: [] }, { context: setup.context } as never)).rejects.toMatchObject(
      { code: "ERR_HITL_INVALID_INPUT" },
    );
  });
});

describe("what cannot be", () => {
  const backend = new InMemoryHITLBackend();

  it.each([
    ["no decisions named", {}],
    ["no decision allowed", { allowedDecisions: [] }],
    ["a decision that there is not", { allowedDecisions: ["accept"] }],
    ["a field that there is not", { allowedDecisions: ["approve"], descriptions: "x" }],
    ["a description that is none", { allowedDecisions: ["approve"], description: 5 }],
    ["a when that is none", { allowedDecisions: ["approve"], when: true }],
    ["an argsSchema that is none", { allowedDecisions: ["approve"], argsSchema: { $ref: "#/none" } }],
  ])("M3 %s: ours is refused when it is made; theirs, if at all, when a call comes", async (_, config) => {
    const interruptOn = { pay: config } as never;
    expect(() => hitlMiddleware({ backend, interruptOn })).toThrow(
      expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
    );
    // Their middleware is made of anything.
    expect(() => theirs({ turns: pay, interruptOn })).not.toThrow();
  });

  it("M3 theirs with no decision allowed waits for what no answer can be", async () => {
    const stuck = theirs({ turns: pay, interruptOn: { pay: { allowedDecisions: [] } } });
    await stuck.start();
    for (const type of ["approve", "edit", "reject"])
      expect(await stuck.submit({ decisions: [{ type }] })).toEqual([expect.stringContaining("not allowed")]);
  });

  it("refuses interruptOn or its prefix beside a policy, and anything else in their place", () => {
    const policy = definePolicy({ rules: [] });
    for (const options of [
      { policy, interruptOn: { pay: true } },
      { policy, descriptionPrefix: "Look" },
      { interruptOn: null },
      { interruptOn: ["pay"] },
      { interruptOn: { pay: "yes" } },
      { interruptOn: { pay: true }, descriptionPrefix: 5 },
      { descriptionPrefix: 5 },
    ])
      expect(() => hitlMiddleware({ backend, ...options } as never), JSON.stringify(options)).toThrow(
        expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
      );
  });
});
