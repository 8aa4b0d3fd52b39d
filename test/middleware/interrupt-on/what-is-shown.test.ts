/** Moving from `humanInTheLoopMiddleware`: what the human sees. The numbers are those of docs/middleware.md. */
import { InMemoryStore } from "@langchain/langgraph";
import type { InterruptOn, InterruptOnConfig } from "holdpoint/policy";
import { type AgentMiddleware, createAgent, createMiddleware, humanInTheLoopMiddleware } from "langchain";
import { hitlMiddleware, InMemoryHITLBackend } from "holdpoint";
import { MemorySaver } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ScriptedModel, toolOf } from "../../nodes/kit.ts";
import { VERSIONS } from "../kit.ts";
import { call, CONFIG, ours, type Setup, theirs } from "./kit.ts";

const BOTH = [theirs, ours];
const allowedDecisions = ["approve", "edit", "reject"] as const;
const turns = [[call("pay", "c1", { to: "ann", amount: 5 })]];
const DEFAULT = 'Tool: pay\nArgs: {\n  "to": "ann",\n  "amount": 5\n}';

async function described(make: (typeof BOTH)[number], setup: Omit<Setup, "turns">): Promise<unknown> {
  const run = make({ turns, ...setup });
  await run.start();
  return (await run.shown()).actions[0]?.["description"];
}

describe.each(VERSIONS)("createAgent %s", (version) => {
  it.each<[string, InterruptOnConfig["description"], string]>([
    ["a text", "⚠️ Look at the amount.", "⚠️ Look at the amount."],
    ["an empty text", "", ""],
    ["a function", ({ name, args, id }) => `${name} ${args["amount"]} ${id}`, "pay 5 c1"],
    ["an async function", async ({ args }) => `to ${args["to"]}`, "to ann"],
    [
      "a function of the state",
      (_call, { messages }) => messages.map((one) => one.getType()).join(),
      "human,ai",
    ],
    ["a function of the runtime", (...given) => String(given[2].configurable?.thread_id), "t"],
  ])("M7 M9 the description is %s", async (_, description, text) => {
    const interruptOn: InterruptOn = { pay: { allowedDecisions, description } };
    expect(await described(theirs, { version, interruptOn })).toBe(text);
    // A question without text is shown as one that waits.
    expect(await described(ours, { version, interruptOn })).toBe(text === "" ? "Waiting for a human." : text);
  });

  it("M8 without a description: the prefix, the tool and its arguments; the prefix goes before nothing else", async () => {
    for (const make of BOTH) {
      const plain = { version, interruptOn: { pay: true } };
      expect(await described(make, plain)).toBe(`Tool execution requires approval\n\n${DEFAULT}`);
      const descriptionPrefix = "Database operation pending approval";
      expect(await described(make, { ...plain, descriptionPrefix })).toBe(
        `${descriptionPrefix}\n\n${DEFAULT}`,
      );
      const own: InterruptOn = { pay: { allowedDecisions, description: "Look!" } };
      expect(await described(make, { version, interruptOn: own, descriptionPrefix })).toBe("Look!");
    }
  });

  it("M9 M10 functions are given the call, the state and the runtime; ours with the run's context, too", async () => {
    const seen: Record<string, unknown>[] = [];
    const store = new InMemoryStore();
    const interruptOn: InterruptOn = {
      pay: {
        allowedDecisions,
        when: (request) => {
          expect(Object.keys(request).toSorted()).toEqual(["runtime", "state", "tool", "toolCall"]);
          expect(request.tool).toBeUndefined();
          seen.push({ ...request });
          return true;
        },
        description: (toolCall, state, runtime) => {
          seen.push({ toolCall, state, runtime });
          return "Look!";
        },
      },
    };
    const extra = createMiddleware({
      name: "extra",
      stateSchema: z.object({ order: z.string() }),
    });
    const makers = {
      langchain: humanInTheLoopMiddleware({ interruptOn: interruptOn as never }),
      holdpoint: hitlMiddleware({ backend: new InMemoryHITLBackend(), interruptOn }),
    };
    for (const [side, middleware] of Object.entries(makers)) {
      seen.length = 0;
      const agent = createAgent({
        model: new ScriptedModel(ours({ turns }).model.script),
        tools: [toolOf("pay", () => "paid")],
        version,
        middleware: [extra, middleware] as AgentMiddleware[],
        contextSchema: z.object({ user: z.string() }),
        checkpointer: new MemorySaver(),
        store,
      });
      await agent.invoke(
        { messages: ["go"], order: "7" } as never,
        { ...CONFIG, context: { user: "ann" } } as never,
      );
      expect(seen.length, side).toBeGreaterThanOrEqual(2);
      for (const { toolCall, state, runtime } of seen as never as Seen[]) {
        expect(toolCall).toEqual(call("pay", "c1", { to: "ann", amount: 5 }));
        expect(state.messages).toHaveLength(2);
        // Neither sees what another middleware, or the author of the agent, has added to the state.
        expect(Object.keys(state)).toEqual(["messages"]);
        expect(runtime["configurable"]).toMatchObject({ thread_id: "t" });
        expect(runtime["store"]).toBeDefined();
        expect(runtime["writer"]).toBeTypeOf("function");
        expect(runtime["signal"] === undefined || runtime["signal"] instanceof AbortSignal).toBe(true);
        expect(runtime["context"]).toEqual(
          side === "holdpoint" ? { user: "ann" } : expect.not.objectContaining({ user: "ann" }),
        );
      }
    }
  });

  it("M9 a function of the author cannot change the call that is asked about (P7)", async () => {
    const change = (toolCall: { readonly args: Record<string, unknown> }): string => {
      toolCall.args["amount"] = 1;
      return "Pay 1?";
    };
    const interruptOn: InterruptOn = { pay: { allowedDecisions, description: change } };
    const stock = theirs({ version, turns, interruptOn });
    await stock.start();
    expect((await stock.shown()).actions[0]).toMatchObject({ args: { amount: 1 } });
    const own = ours({ version, turns, interruptOn });
    await own.start();
    expect(await own.open()).toEqual([]);
    expect(own.effects).toEqual([]);
  });

  it("M12 argsSchema is shown with the review; ours checks edits by it, too", async () => {
    const argsSchema = { type: "object", properties: { amount: { type: "number", maximum: 10 } } };
    const setup: Setup = { version, turns, interruptOn: { pay: { allowedDecisions, argsSchema } } };
    const edit = (amount: unknown) => ({
      c1: { type: "edit", editedAction: { name: "pay", args: { to: "ann", amount } } },
    });
    const stock = theirs(setup);
    await stock.start();
    expect((await stock.shown()).reviews).toEqual([{ actionName: "pay", allowedDecisions, argsSchema }]);
    expect(await stock.decide(edit(5000))).toEqual([]);
    expect(stock.effects).toEqual(['pay {"to":"ann","amount":5000}']);
    const own = ours(setup);
    await own.start();
    const [question] = await own.open();
    expect(JSON.stringify(question?.response_schema)).toContain('"maximum":10');
    expect(await own.decide(edit(5000))).toEqual([expect.stringContaining("edited_args.amount")]);
    expect(await own.decide(edit("a lot"))).toEqual([expect.stringContaining("edited_args.amount")]);
    expect(own.effects).toEqual([]);
    expect(await own.decide(edit(7))).toEqual([]);
    expect(own.effects).toEqual(['pay {"to":"ann","amount":7}']);
  });
});

interface Seen {
  readonly toolCall: unknown;
  readonly state: { readonly messages: unknown[] };
  readonly runtime: Readonly<Record<string, unknown>>;
}
