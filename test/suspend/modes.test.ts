/** Response mode, continuation, await style: what a tool gets, whatever was answered (P1, P2, P8, F8). */
import { describe, expect, it } from "vitest";
import {
  confirm,
  HITLSuspend,
  HITLToolNode,
  InMemoryHITLBackend,
  isHITLCancelledError,
  isHITLExpiredError,
  respondAndResume,
  resumeThread,
  resumption,
  type Resumption,
} from "../../src/index.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import {
  answer,
  Counter,
  input,
  openAsk,
  outputs,
  pending,
  thread,
  toolOf,
  toolsGraph,
  wake,
} from "../nodes/kit.ts";

type Body = (args: Record<string, unknown>, runtime: Record<string, unknown>) => unknown;

function setUp(body: Body, clock?: FakeClock) {
  const backend = new InMemoryHITLBackend(clock ? { clock } : {});
  const graph = toolsGraph(new HITLToolNode([toolOf("it", body)], { backend }));
  return {
    backend,
    graph,
    start: () => graph.invoke(input({ name: "it", id: "c1" }), thread("t")),
    answer: (response: unknown, message?: string) => answer(graph, backend, "t", message, response),
    output: async () => outputs((await graph.getState(thread("t"))).values)["c1"],
  };
}

describe("response mode", () => {
  it("gives the answer to the model and never calls the tool again", async () => {
    const counter = new Counter();
    const it = setUp(() => {
      counter.hit("body");
      throw new HITLSuspend({ hitl_type: "ask_user", data: { message: "Which?", options: ["a", "b"] } });
    });
    await it.start();
    expect(await openAsk(it.backend, "t")).toMatchObject({
      resume_mode: "response",
      tool_name: "it",
      tool_call_id: "c1",
      data: { message: "Which?", options: ["a", "b"] },
    });
    await it.answer({ answer: "b" });
    expect(await it.output()).toBe('{"answer":"b"}');
    expect(counter.of("body")).toBe(1);
  });

  it.each([
    [false, "false"],
    [0, "0"],
    ["", ""],
    [null, "null"],
    [[], "[]"],
    [{}, "{}"],
    ["No", "No"],
  ])("takes %j for an answer (F8)", async (response, text) => {
    const it = setUp(() => {
      throw new HITLSuspend({ hitl_type: "anything", data: { message: "?" } });
    });
    await it.start();
    const { status } = await it.answer(response);
    expect(status).toBe("accepted");
    expect(await it.output()).toBe(text);
  });

  it("a cancelled question gives the model an error that approves nothing (P8)", async () => {
    const it = setUp(() => {
      throw new HITLSuspend({ hitl_type: "confirm", data: { message: "Delete?" } });
    });
    await it.start();
    await it.backend.cancel((await openAsk(it.backend, "t")).hitl_id, { reason: "user left" });
    const { status } = await resumeThread(it.graph, { thread_id: "t", backend: it.backend });
    expect(status).toBe("resumed");
    expect(await it.output()).toMatch(/cancelled \(user left\).*Nothing was approved/);
  });

  it("an expired question gives the model an error that approves nothing (P8)", async () => {
    const clock = new FakeClock(Date.now());
    const it = setUp(() => {
      throw new HITLSuspend({ hitl_type: "confirm", data: { message: "Delete?" }, expiresInMs: 60_000 });
    }, clock);
    await it.start();
    const { hitl_id } = await openAsk(it.backend, "t");
    clock.advance(120_000);
    const late = await respondAndResume(it.graph, {
      backend: it.backend,
      hitl_id,
      response: { confirmed: true },
    });
    expect(late.status).toBe("expired");
    await resumeThread(it.graph, { thread_id: "t", backend: it.backend });
    expect(await it.output()).toMatch(/expired before a human answered.*Nothing was approved/);
  });
});

describe("continuation", () => {
  it("calls the tool again with its state and the answer, as often as it suspends", async () => {
    const seen: (Resumption | undefined)[] = [];
    const it = setUp(() => {
      const resumed = resumption();
      seen.push(resumed);
      const names = [...((resumed?.tool_state?.["names"] as string[] | undefined) ?? [])];
      if (resumed) names.push(String((resumed.response as { answer: string }).answer));
      if (names.length === 4) return names.join(",");
      throw new HITLSuspend({
        resume_mode: "continuation",
        tool_state: { names },
        data: { message: "Next name?" },
      });
    });
    await it.start();
    for (const name of ["ann", "bob", "cy", "dee"]) {
      const { status, resume } = await it.answer({ answer: name }, "Next name?");
      expect([status, resume?.status]).toEqual(["accepted", "resumed"]);
    }
    expect(await it.output()).toBe("ann,bob,cy,dee");
    expect(seen).toHaveLength(5);
    expect(seen[0]).toBeUndefined();
    expect(seen[3]).toMatchObject({
      response: { answer: "cy" },
      tool_state: { names: ["ann", "bob"] },
      checkpoint_id: expect.stringMatching(/^ckpt_/),
      hitl_id: expect.stringMatching(/^hitl_/),
    });
    expect(new Set(seen.slice(1).map((resumed) => resumed?.hitl_id)).size).toBe(4);
  });

  it("is found by its tool checkpoint and by its callback, and an own checkpoint_id is kept", async () => {
    const it = setUp(() => {
      const resumed = resumption();
      if (resumed) return `${String(resumed.checkpoint_id)} ${JSON.stringify(resumed.response)}`;
      throw new HITLSuspend({
        hitl_type: "external_auth",
        resume_mode: "continuation",
        tool_state: { step: 1 },
        checkpoint_id: "ckpt_mine",
        callback_id: "cb-1",
        data: { message: "Log in", auth_url: "https://x" },
      });
    });
    await it.start();
    const record = await it.backend.getByCheckpoint("ckpt_mine");
    expect(record).toMatchObject({
      status: "pending",
      tool_state: { step: 1 },
      callback_id: "cb-1",
      resume_mode: "continuation",
    });
    expect((await it.backend.getByCallback("cb-1"))?.hitl_id).toBe(record?.hitl_id);
    await it.answer({ status: "granted", reference: "vault:1" });
    expect(await it.output()).toBe('ckpt_mine {"status":"granted","reference":"vault:1"}');
  });

  it("each round of a continued tool has a checkpoint of its own, so that getByCheckpoint finds the right one", async () => {
    const it = setUp(() => {
      const round = Number(resumption()?.tool_state?.["round"] ?? 0);
      if (round === 2) return "done";
      throw new HITLSuspend({
        resume_mode: "continuation",
        tool_state: { round: round + 1 },
        data: { message: `Round ${round}?` },
      });
    });
    await it.start();
    const first = await openAsk(it.backend, "t");
    await it.answer({ answer: "x" });
    const second = await openAsk(it.backend, "t");
    expect(await it.backend.getByCheckpoint(String(second.checkpoint_id))).toMatchObject({
      hitl_id: second.hitl_id,
    });
    expect(second.hitl_id).not.toBe(first.hitl_id);
    await it.answer({ answer: "y" });
    expect(await it.output()).toBe("done");
  });

  it("may mix: await style inside a continued round, and the round's resumption stays while it waits", async () => {
    const it = setUp(async () => {
      const resumed = resumption();
      if (!resumed)
        throw new HITLSuspend({
          resume_mode: "continuation",
          tool_state: { amount: 7 },
          data: { message: "Whom?" },
        });
      const { confirmed } = await confirm({ message: "Sure?" });
      return `${JSON.stringify(resumed.response)} ${String(resumed.tool_state?.["amount"])} ${confirmed}`;
    });
    await it.start();
    await it.answer({ answer: "ann" }, "Whom?");
    await it.answer({ confirmed: true }, "Sure?");
    expect(await it.output()).toBe('{"answer":"ann"} 7 true');
  });

  it("a cancelled continuation ends the call with an error that approves nothing (P8)", async () => {
    const counter = new Counter();
    const it = setUp(() => {
      counter.hit("body");
      throw new HITLSuspend({ resume_mode: "continuation", tool_state: {}, data: { message: "?" } });
    });
    await it.start();
    await it.backend.cancel((await openAsk(it.backend, "t")).hitl_id);
    await resumeThread(it.graph, { thread_id: "t", backend: it.backend });
    expect(await it.output()).toMatch(/Nothing was approved/);
    expect(counter.of("body")).toBe(1);
  });
});

describe("errors of an ended question in the tool (P8)", () => {
  it("HITLCancelledError with the reason, and the tool may handle it", async () => {
    const it = setUp(async () => {
      try {
        await confirm({ message: "Go?" });
        return "went";
      } catch (error) {
        return isHITLCancelledError(error) ? `cancelled: ${error.reason}` : Promise.reject(error);
      }
    });
    await it.start();
    await it.backend.cancel((await openAsk(it.backend, "t")).hitl_id, { reason: "tired" });
    await resumeThread(it.graph, { thread_id: "t", backend: it.backend });
    expect(await it.output()).toBe("cancelled: tired");
  });

  it("HITLExpiredError, unhandled, is an error message for the model and not an approval", async () => {
    const clock = new FakeClock(Date.now());
    const seen: unknown[] = [];
    const it = setUp(async () => {
      try {
        await confirm({ message: "Go?", expiresInMs: 1000 });
      } catch (error) {
        seen.push(error);
        throw error;
      }
      return "went";
    }, clock);
    await it.start();
    clock.advance(10_000);
    await resumeThread(it.graph, { thread_id: "t", backend: it.backend });
    expect(seen.filter(isHITLExpiredError)).toHaveLength(1);
    expect(await it.output()).toMatch(/expired before it was answered/);
  });

  it("the deadline counts from the first time the question is asked, by the backend's clock", async () => {
    const clock = new FakeClock(1_000_000);
    const it = setUp(async () => (await confirm({ message: "Go?", expiresInMs: 1000 })).confirmed, clock);
    await it.start();
    expect((await it.backend.list({ thread_id: "t" })).items[0]).toMatchObject({
      status: "pending",
      expires_at: 1_001_000,
    });
  });

  it("an author's own default answers when time passes", async () => {
    const clock = new FakeClock(Date.now());
    const it = setUp(
      async () =>
        String(
          (await confirm({ message: "Go?", expiresInMs: 1000, on_expire: { respond: { confirmed: false } } }))
            .confirmed,
        ),
      clock,
    );
    await it.start();
    clock.advance(5000);
    await resumeThread(it.graph, { thread_id: "t", backend: it.backend });
    expect(await it.output()).toBe("false");
  });
});

describe("wake-ups without an answer (P1)", () => {
  it.each([[{ confirmed: true }], ["yes"], [[true]], [{ hitl: "hitl_nonsense" }], [true], [1]])(
    "resume: %j answers nothing",
    async (value) => {
      const counter = new Counter();
      const it = setUp(async () => {
        const { confirmed } = await confirm({ message: "Go?" });
        counter.hit("went");
        return String(confirmed);
      });
      await it.start();
      const again = await it.graph.invoke(wake(value), thread("t"));
      expect(outputs(again)).toEqual({});
      expect(await pending(it.backend, "t")).toHaveLength(1);
      await it.answer({ confirmed: false });
      expect(await it.output()).toBe("false");
      expect(counter.of("went")).toBe(1);
    },
  );
});
