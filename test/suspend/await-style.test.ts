/** Await style: `await confirm(…)` wherever a body can await, answered in whatever order (P2, P3). */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  askUser,
  confirm,
  HITLToolNode,
  InMemoryHITLBackend,
  requestForm,
  resumeThread,
} from "../../src/index.ts";
import {
  answer,
  Counter,
  input,
  openAsk,
  outputs,
  pending,
  permutations,
  thread,
  toolOf,
  toolsGraph,
  turns,
} from "../nodes/kit.ts";

type Body = (args: Record<string, unknown>, runtime: Record<string, unknown>) => unknown;

function setUp(body: Body) {
  const backend = new InMemoryHITLBackend();
  const graph = toolsGraph(new HITLToolNode([toolOf("it", body)], { backend }));
  return {
    backend,
    graph,
    start: () => graph.invoke(input({ name: "it", id: "c1" }), thread("t")),
    answer: (response: unknown, message?: string) => answer(graph, backend, "t", message, response),
    open: async () =>
      (await pending(backend, "t")).map((record) => String(record.data["message"])).toSorted(),
    output: async () => outputs((await graph.getState(thread("t"))).values)["c1"],
  };
}

const yes = { confirmed: true };
const said = (text: string) => ({ answer: text });
const ask = async (message: string): Promise<string> => (await askUser({ message })).answer;

describe("sequence and loops", () => {
  it("asks one after the other; each line keeps its answer", async () => {
    const it = setUp(async () => `${await ask("First?")}-${await ask("Second?")}-${await ask("Third?")}`);
    await it.start();
    for (const [message, text] of [
      ["First?", "a"],
      ["Second?", "b"],
      ["Third?", "c"],
    ] as const) {
      expect(await it.open()).toEqual([message]);
      await it.answer(said(text));
    }
    expect(await it.output()).toBe("a-b-c");
  });

  it("in a loop: each turn is a question of its own", async () => {
    const it = setUp(async () => {
      const got: string[] = [];
      for (const name of ["ann", "bob", "cy"]) got.push(await ask(`Age of ${name}?`));
      return got.join(",");
    });
    await it.start();
    for (const age of ["1", "2", "3"]) await it.answer(said(age));
    expect(await it.output()).toBe("1,2,3");
  });

  it("the same question twice in one call is two questions (occurrence)", async () => {
    const it = setUp(async () => `${await ask("Again?")}${await ask("Again?")}${await ask("Again?")}`);
    await it.start();
    const ids = new Set<string>();
    for (const text of ["1", "2", "3"]) {
      const record = await openAsk(it.backend, "t");
      ids.add(record.hitl_id);
      expect(record.occurrence).toBe(ids.size - 1);
      await it.answer(said(text));
    }
    expect(ids.size).toBe(3);
    expect(await it.output()).toBe("123");
  });

  it("an answer chooses what is asked next", async () => {
    const it = setUp(async () =>
      (await confirm({ message: "Gift?" })).confirmed ? `for ${await ask("For whom?")}` : "no gift",
    );
    await it.start();
    await it.answer(yes);
    await it.answer(said("mum"));
    expect(await it.output()).toBe("for mum");
  });
});

describe("parallel questions", () => {
  const names = ["A?", "B?", "C?"];

  it.each(permutations([0, 1, 2]).map((order) => [order] as const))(
    "Promise.all: all open at once (P10), answered in the order %j",
    async (order) => {
      const it = setUp(async () => (await Promise.all(names.map(ask))).join(","));
      await it.start();
      expect(await it.open()).toEqual(names);
      for (const index of order)
        expect((await it.answer(said(`${index}`), names[index])).status).toBe("accepted");
      expect(await it.output()).toBe("0,1,2");
      expect(await it.open()).toEqual([]);
    },
  );

  it.each(permutations([0, 1, 2]).map((order) => [order] as const))(
    "Promise.allSettled that looks at nothing: answered in the order %j",
    async (order) => {
      const it = setUp(async () => {
        const settled = await Promise.allSettled(names.map(ask));
        return settled.map((result) => (result.status === "fulfilled" ? result.value : "?")).join(",");
      });
      await it.start();
      expect(await it.open()).toEqual(names);
      for (const index of order) await it.answer(said(`${index}`), names[index]);
      expect(await it.output()).toBe("0,1,2");
    },
  );

  it("Promise.race: the first answer goes on; the question that lost is withdrawn", async () => {
    const it = setUp(async () => Promise.race([ask("A?"), ask("B?")]));
    await it.start();
    expect(await it.open()).toEqual(["A?", "B?"]);
    await it.answer(said("b"), "B?");
    if ((await it.open()).length > 0) await it.answer(said("a"), "A?");
    expect(await it.output()).toMatch(/^[ab]$/);
    expect(await it.open()).toEqual([]);
  });

  it("questions asked one after the other inside parallel branches", async () => {
    const it = setUp(async () => {
      const branch = async (name: string): Promise<string> =>
        `${await ask(`${name}1?`)}${await ask(`${name}2?`)}`;
      return (await Promise.all([branch("A"), branch("B")])).join("-");
    });
    await it.start();
    expect(await it.open()).toEqual(["A1?", "B1?"]);
    await it.answer(said("b1"), "B1?");
    expect(await it.open()).toEqual(["A1?", "B2?"]);
    await it.answer(said("b2"), "B2?");
    await it.answer(said("a1"), "A1?");
    await it.answer(said("a2"), "A2?");
    expect(await it.output()).toBe("a1a2-b1b2");
  });

  it("a branch that asks late is not taken for one that asks no more: its question stays, or is asked again (P2)", async () => {
    const it = setUp(async () => {
      const slow = async (): Promise<string> => (await turns(3), ask("Slow?"));
      const quick = async (): Promise<string> => (await ask("Quick?"), ask("Next?"));
      return (await Promise.all([slow(), quick()])).join("-");
    });
    await it.start();
    await turns(10);
    await it.answer(said("q"), "Quick?");
    await turns(10);
    await it.answer(said("n"), "Next?");
    await turns(10);
    if ((await it.open()).length > 0) await it.answer(said("s"), "Slow?");
    expect(await it.output()).toBe("s-n");
  });

  it("all answered before anybody wakes the thread: one wake-up is enough", async () => {
    const it = setUp(async () => (await Promise.all(names.map(ask))).join(","));
    await it.start();
    for (const name of names)
      await it.backend.respond((await openAsk(it.backend, "t", name)).hitl_id, said(name));
    expect((await resumeThread(it.graph, { thread_id: "t", backend: it.backend })).status).toBe("resumed");
    expect(await it.output()).toBe("A?,B?,C?");
  });
});

describe("a body that swallows the signal", () => {
  it("has asked all the same: it is suspended, and its answer counts", async () => {
    const counter = new Counter();
    const it = setUp(async () => {
      try {
        return `confirmed ${(await confirm({ message: "Go?" })).confirmed}`;
      } catch {
        counter.hit("swallowed");
        return "went on without an answer";
      }
    });
    await it.start();
    expect(await it.output()).toBeUndefined();
    await it.answer(yes);
    expect(await it.output()).toBe("confirmed true");
    expect(counter.of("swallowed")).toBe(1);
  });

  it("and throws another error instead: it is suspended, not failed", async () => {
    const it = setUp(async () => {
      try {
        return `${(await confirm({ message: "Go?" })).confirmed}`;
      } catch (error) {
        if ((error as Error).name === "GraphInterrupt") throw new Error("wrapped", { cause: error });
        throw error;
      }
    });
    await it.start();
    expect(await it.output()).toBeUndefined();
    await it.answer({ confirmed: false });
    expect(await it.output()).toBe("false");
  });

  it("and asks something else then: both are open, and none is lost", async () => {
    const it = setUp(async () => {
      const first = await ask("First?").catch(() => "none");
      const second = await ask("Second?").catch(() => "none");
      return `${first} ${second}`;
    });
    await it.start();
    await it.answer(said("1"), "First?");
    if ((await it.open()).includes("Second?")) await it.answer(said("2"), "Second?");
    expect(await it.output()).toBe("1 2");
    expect(await it.open()).toEqual([]);
  });
});

describe("keys (P2)", () => {
  it("two questions with one key in one run are a typed error, out of the run", async () => {
    const it = setUp(
      async () =>
        (await Promise.all([askUser({ message: "A?", key: "k" }), askUser({ message: "B?", key: "k" })]))
          .length,
    );
    await expect(it.start()).rejects.toMatchObject({ code: "ERR_HITL_DUPLICATE_KEY" });
  });

  it("a text that changes with each run is asked again, and after three changes ERR_HITL_UNSTABLE_QUESTION asks for a key", async () => {
    const counter = new Counter();
    const it = setUp(async () => ask(`Now at ${counter.hit("clock")}?`));
    await it.start();
    for (let change = 0; change < 3; change += 1) {
      const { status } = await it.answer(said("x"));
      expect(status).toBe("accepted");
      expect(await it.output()).toBeUndefined();
      expect(await it.open()).toHaveLength(1);
    }
    await expect(it.answer(said("x"))).rejects.toMatchObject({ code: "ERR_HITL_UNSTABLE_QUESTION" });
  });

  it("with a key the first text's answer counts, and stays valid when the text changes", async () => {
    const counter = new Counter();
    const it = setUp(
      async () => (await askUser({ message: `Now at ${counter.hit("clock")}?`, key: "now" })).answer,
    );
    await it.start();
    await it.answer(said("x"), "Now at 1?");
    expect(await it.output()).toBe("x");
  });

  it("a thread that failed by ERR_HITL_UNSTABLE_QUESTION is mended by a deploy that gives a key", async () => {
    const counter = new Counter();
    const deployed: { key?: string } = {};
    const it = setUp(
      async () => (await askUser({ message: `Now at ${counter.hit("clock")}?`, ...deployed })).answer,
    );
    await it.start();
    for (let change = 0; change < 3; change += 1) await it.answer(said("x"));
    await expect(it.answer(said("x"))).rejects.toMatchObject({ code: "ERR_HITL_UNSTABLE_QUESTION" });
    deployed.key = "now";
    await it.graph.invoke(null, thread("t")).catch(() => {});
    await resumeThread(it.graph, { thread_id: "t", backend: it.backend }).catch(() => {});
    await it.answer(said("at last"));
    expect(await it.output()).toBe("at last");
  });

  it("a question that is asked no more is withdrawn, at the latest when the call ends", async () => {
    const counter = new Counter();
    const it = setUp(async () =>
      (await Promise.all([ask("Fixed?"), ask(counter.hit("run") === 1 ? "Old?" : "New?")])).join(","),
    );
    await it.start();
    await it.answer(said("f"), "Fixed?");
    expect(await it.open()).toContain("New?");
    await it.answer(said("n"), "New?");
    expect(await it.output()).toBe("f,n");
    const { items } = await it.backend.list({ thread_id: "t", status: "cancelled" });
    expect(items.map((record) => [record.data["message"], record.reason])).toEqual([["Old?", "superseded"]]);
    expect(await it.open()).toEqual([]);
  });
});

describe("checks that only the asking process can make (P3)", () => {
  const schema = z
    .object({ name: z.string() })
    .refine(({ name }) => name !== "root", { message: "root is not allowed" });

  it("a refinement refuses the answer in this process before it is stored", async () => {
    const it = setUp(async () => JSON.stringify(await requestForm({ message: "Who?", schema })));
    await it.start();
    const refused = await it.answer({ name: "root" });
    expect(refused).toMatchObject({
      status: "invalid",
      issues: [{ message: "root is not allowed" }],
      resume: null,
    });
    await it.answer({ name: "ann" });
    expect(await it.output()).toBe('{"name":"ann"}');
  });

  it("answered in another process, which does not know the refinement, it is asked again with what is wrong", async () => {
    const it = setUp(async () => JSON.stringify(await requestForm({ message: "Who?", schema })));
    await it.start();
    const { StoreHITLBackend } = await import("../../src/index.ts");
    const other = new StoreHITLBackend(it.backend.store);
    const first = await openAsk(other, "t");
    expect((await other.respond(first.hitl_id, { name: "root" })).status).toBe("accepted");
    await resumeThread(it.graph, { thread_id: "t", backend: it.backend });
    const second = await openAsk(other, "t");
    expect(second.hitl_id).not.toBe(first.hitl_id);
    expect(second.data["error"]).toContain("root is not allowed");
    expect((await other.respond(second.hitl_id, { name: "root" })).status).toBe("accepted");
    await resumeThread(it.graph, { thread_id: "t", backend: it.backend });
    const third = await openAsk(other, "t");
    await other.respond(third.hitl_id, { name: "ann" });
    await resumeThread(it.graph, { thread_id: "t", backend: it.backend });
    expect(await it.output()).toBe('{"name":"ann"}');
  });

  it("a keyed question is asked again as well when its refinement fails", async () => {
    const it = setUp(async () => JSON.stringify(await requestForm({ message: "Who?", schema, key: "who" })));
    await it.start();
    const { StoreHITLBackend } = await import("../../src/index.ts");
    const other = new StoreHITLBackend(it.backend.store);
    for (const name of ["root", "root", "root", "root", "root"]) {
      await other.respond((await openAsk(other, "t")).hitl_id, { name });
      await resumeThread(it.graph, { thread_id: "t", backend: it.backend });
    }
    await it.answer({ name: "ann" });
    expect(await it.output()).toBe('{"name":"ann"}');
  });
});
