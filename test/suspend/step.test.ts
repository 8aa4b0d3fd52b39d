/** `step`: what ran in a call does not run again when its body does (P6). */
import { describe, expect, it } from "vitest";
import {
  confirm,
  HITLSuspend,
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
  respondAndResume,
  resumption,
  step,
  StoreHITLBackend,
} from "../../src/index.ts";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import {
  answer,
  Counter,
  gate,
  input,
  nodeGraph,
  openAsk,
  outputs,
  pending,
  thread,
  toolOf,
  toolsGraph,
  turns,
} from "../nodes/kit.ts";

type Body = (args: Record<string, unknown>, runtime: Record<string, unknown>) => unknown;
const kinds = ["HITLToolNode", "holdpointTools"] as const;

function setUp(body: Body, kind: (typeof kinds)[number] = "HITLToolNode", handleToolErrors = true) {
  const backend = new InMemoryHITLBackend();
  const tools = [toolOf("it", body)];
  const graph = toolsGraph(
    kind === "HITLToolNode"
      ? new HITLToolNode(tools, { backend, handleToolErrors })
      : new ToolNode(holdpointTools(tools, { backend }), { handleToolErrors }),
  );
  return {
    backend,
    graph,
    start: () => graph.invoke(input({ name: "it", id: "c1" }), thread("t")),
    answer: (response: unknown, message?: string) => answer(graph, backend, "t", message, response),
    output: async () => outputs((await graph.getState(thread("t"))).values)["c1"],
  };
}

const yes = { confirmed: true };

describe.each(kinds)("step in %s", (kind) => {
  it("keeps its result across resumes, before and between questions", async () => {
    const counter = new Counter();
    const it = setUp(async () => {
      const quote = await step("quote", () => ({ price: 10 * counter.hit("quote") }));
      await confirm({ message: "One?" });
      const paid = await step("pay", () => `paid ${counter.hit("pay")}`);
      await confirm({ message: "Two?" });
      return `${quote.price} ${paid}`;
    }, kind);
    await it.start();
    await it.answer(yes, "One?");
    await it.answer(yes, "Two?");
    expect(await it.output()).toBe("10 paid 1");
    expect(counter.all()).toEqual({ quote: 1, pay: 1 });
  });

  it("in a loop: one name, told apart by order", async () => {
    const counter = new Counter();
    const it = setUp(async () => {
      const got: number[] = [];
      for (let i = 0; i < 3; i += 1) {
        got.push(await step("roll", () => counter.hit("roll")));
        await confirm({ message: `Go on ${i}?` });
      }
      return got.join(",");
    }, kind);
    await it.start();
    for (let i = 0; i < 3; i += 1) await it.answer(yes, `Go on ${i}?`);
    expect(await it.output()).toBe("1,2,3");
    expect(counter.of("roll")).toBe(3);
  });

  it("concurrent steps are all kept", async () => {
    const counter = new Counter();
    const it = setUp(async () => {
      const got = await Promise.all(
        ["a", "b", "c", "d"].map((name) =>
          step(name, async () => (await turns(2), `${name}${counter.hit(name)}`)),
        ),
      );
      await confirm({ message: "Go?" });
      return got.join(",");
    }, kind);
    await it.start();
    await it.answer(yes);
    expect(await it.output()).toBe("a1,b1,c1,d1");
    expect(counter.all()).toEqual({ a: 1, b: 1, c: 1, d: 1 });
  });

  it("a step beside a question that is asked at the same time is kept, and the answer is not lost", async () => {
    const counter = new Counter();
    const it = setUp(async () => {
      const [charged, { confirmed }] = await Promise.all([
        step("charge", async () => (await turns(5), counter.hit("charge"))),
        confirm({ message: "Go?" }),
      ]);
      return `${charged} ${confirmed}`;
    }, kind);
    await it.start();
    await it.answer(yes);
    expect(await it.output()).toBe("1 true");
    expect(counter.of("charge")).toBe(1);
  });

  it("a step that is still at work when a question beside it suspends the call, runs once (P6)", async () => {
    const counter = new Counter();
    const work = gate();
    const it = setUp(async () => {
      const charging = step("charge", async () => {
        counter.hit("charge");
        await work.opened;
        return "charged";
      });
      const [charged, { confirmed }] = await Promise.all([charging, confirm({ message: "Go?" })]);
      return `${charged} ${confirmed}`;
    }, kind);
    const started = it.start();
    await turns();
    work.open();
    await started;
    await it.answer(yes);
    expect(await it.output()).toBe("charged true");
    expect(counter.of("charge")).toBe(1);
  });

  it.each(Array.from({ length: 16 }, (_, late) => late))(
    "a question that comes %i turns after a step does not take the step's claim away (P6)",
    async (late) => {
      const counter = new Counter();
      const it = setUp(async () => {
        const ask = async (): Promise<boolean> => {
          for (let turn = 0; turn < late; turn += 1) await Promise.resolve();
          return (await confirm({ message: "Sure?" })).confirmed;
        };
        // From here on the body runs under a claim.
        await confirm({ message: "First?" });
        const parts = await Promise.allSettled([
          step("charge", () => counter.hit("charge")),
          step("mail", () => counter.hit("mail")),
          ask(),
        ]);
        return JSON.stringify(parts.map((part) => ("value" in part ? part.value : "failed")));
      }, kind);
      await it.start();
      await it.answer(yes, "First?");
      await it.answer(yes, "Sure?");
      expect([await it.output(), counter.all()]).toEqual(["[1,1,true]", { charge: 1, mail: 1 }]);
    },
  );
});

describe("results", () => {
  it("undefined stays undefined, null stays null; falsy results are not run again", async () => {
    const counter = new Counter();
    const it = setUp(async () => {
      const got: unknown[] = [];
      for (const [name, value] of [
        ["u", undefined],
        ["n", null],
        ["f", false],
        ["z", 0],
        ["e", ""],
      ] as const) {
        got.push(await step(name, () => (counter.hit(name), value)));
      }
      await confirm({ message: "Go?" });
      return got.map((value) => (value === undefined ? "undefined" : JSON.stringify(value))).join(" ");
    });
    await it.start();
    await it.answer(yes);
    expect(await it.output()).toBe('undefined null false 0 ""');
    expect(counter.all()).toEqual({ u: 1, n: 1, f: 1, z: 1, e: 1 });
  });

  it("are the same object's copy on the first run and on the next: no drift between runs", async () => {
    const source = { list: [1] };
    const seen: unknown[] = [];
    const it = setUp(async () => {
      const kept = await step("s", () => source);
      source.list.push(99);
      seen.push(structuredClone(kept));
      await confirm({ message: "Go?" });
      return "ok";
    });
    await it.start();
    await it.answer(yes);
    expect(seen).toEqual([{ list: [1] }, { list: [1] }]);
  });

  it("a result that is no JSON is ERR_HITL_STEP out of the run, and says that the step has run", async () => {
    const it = setUp(async () => step("s", () => new Map()));
    await expect(it.start()).rejects.toMatchObject({
      code: "ERR_HITL_STEP",
      message: expect.stringContaining("has run"),
    });
  });

  it("a step that has run but could not be kept is not run again silently by invoke(null) (P6)", async () => {
    const counter = new Counter();
    const it = setUp(async () => step("s", () => (counter.hit("s"), new Map())));
    await expect(it.start()).rejects.toMatchObject({ code: "ERR_HITL_STEP" });
    await it.graph.invoke(null, thread("t")).catch(() => {});
    expect(counter.of("s")).toBe(1);
  });
});

describe("failures", () => {
  it("an fn that throws passes its error, is not kept, and runs again on the next run of the body", async () => {
    const counter = new Counter();
    const it = setUp(async () => {
      const got = await step("flaky", () => {
        if (counter.hit("flaky") === 1) throw new Error("down");
        return "up";
      }).catch((error: Error) => error.message);
      await confirm({ message: "Go?" });
      return got;
    });
    await it.start();
    await it.answer(yes);
    expect(await it.output()).toBe("up");
    expect(counter.of("flaky")).toBe(2);
  });

  it("a call that failed after a step does not run the step again when the host tries it once more (P6)", async () => {
    const counter = new Counter();
    const it = setUp(
      async () => {
        await step("pay", () => counter.hit("pay"));
        if (counter.hit("body") === 1) throw new Error("later");
        return "ok";
      },
      "HITLToolNode",
      false,
    );
    await expect(it.start()).rejects.toThrow("later");
    const result = await it.graph.invoke(null, thread("t"));
    expect(outputs(result)).toEqual({ c1: "ok" });
    expect(counter.all()).toEqual({ pay: 1, body: 2 });
  });

  it("without a call it says where it works (ERR_HITL_NO_CALL_IDENTITY)", async () => {
    await expect(step("s", () => 1)).rejects.toMatchObject({ code: "ERR_HITL_NO_CALL_IDENTITY" });
    const backend = new InMemoryHITLBackend();
    const graph = nodeGraph(async () => (await step("s", () => 1), {}));
    await expect(
      graph.invoke({ messages: [] }, { configurable: { thread_id: "t", holdpoint: { backend } } }),
    ).rejects.toMatchObject({ code: "ERR_HITL_NO_CALL_IDENTITY" });
  });
});

describe("fence and idempotency key", () => {
  it("the key is the same for every run of one step of one call, and different for others", async () => {
    const keys: string[] = [];
    const fences: number[] = [];
    let down = true;
    const it = setUp(async () => {
      await step("a", ({ idempotency_key, fence }) => {
        keys.push(idempotency_key);
        fences.push(fence);
        if (down) throw new Error("down");
      }).catch(() => {});
      await confirm({ message: "Go?" });
      await step("a", ({ idempotency_key }) => void keys.push(idempotency_key));
      await step("b", ({ idempotency_key }) => void keys.push(idempotency_key));
      return "ok";
    });
    await it.start();
    down = false;
    await it.answer(yes);
    const [first, again, second, other] = keys;
    expect(first).toBe(again);
    expect(new Set([first, second, other]).size).toBe(3);
    expect(fences[1]).toBeGreaterThan(fences[0] as number);
  });
});

describe("continuation", () => {
  it("steps are kept over rounds too", async () => {
    const counter = new Counter();
    const it = setUp(async () => {
      const quote = await step("quote", () => counter.hit("quote"));
      const resumed = resumption();
      if (!resumed)
        throw new HITLSuspend({
          resume_mode: "continuation",
          tool_state: { quote },
          data: { message: "Go?" },
        });
      return `${quote} ${String(resumed.tool_state?.["quote"])}`;
    });
    await it.start();
    await it.answer({ answer: "x" });
    expect(await it.output()).toBe("1 1");
    expect(counter.of("quote")).toBe(1);
  });
});

describe("another process", () => {
  it("finds the kept steps and answers in the store (P6)", async () => {
    const counter = new Counter();
    const it = setUp(async () => {
      await step("quote", () => counter.hit("quote"));
      return `${(await confirm({ message: "Go?" })).confirmed}`;
    });
    await it.start();
    const other = new StoreHITLBackend(it.backend.store);
    const { hitl_id } = await openAsk(other, "t");
    const { resume } = await respondAndResume(it.graph, { backend: other, hitl_id, response: yes });
    expect(resume?.status).toBe("resumed");
    expect(await it.output()).toBe("true");
    expect(await pending(other, "t")).toEqual([]);
    expect(counter.of("quote")).toBe(1);
  });
});
