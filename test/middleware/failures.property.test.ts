/**
 * P6 with failing tools: agents of langchain with retries and error handlers around `hitlMiddleware` in every order,
 * whose tools ask and fail, answered in random order with wake-ups between: each body is tried as often as its retry
 * allows, however often the step runs again, and each step of it once.
 *
 * HOLDPOINT_FC_RUNS is how many runs a version gets (default 60), HOLDPOINT_SEED where to begin.
 */
import { Command } from "@langchain/langgraph";
import fc from "fast-check";
import { type AgentMiddleware, toolErrorMiddleware, toolRetryMiddleware } from "langchain";
import { describe, expect, it } from "vitest";
import { askUser, InMemoryHITLBackend, resumeThread, step } from "../../src/index.ts";
import { answer, Counter, outputs, pending, permutations, thread, toolOf } from "../nodes/kit.ts";
import { agentOf, go, VERSIONS } from "./kit.ts";

const RUNS = Number(process.env["HOLDPOINT_FC_RUNS"] ?? 60);
const SEED = Number(process.env["HOLDPOINT_SEED"] ?? 7);
const MAX_RETRIES = 1;

const around: Record<string, AgentMiddleware> = {
  error: toolErrorMiddleware({ onError: (error) => `caught ${(error as Error).message}` }) as AgentMiddleware,
  retry: toolRetryMiddleware({ initialDelayMs: 0, maxRetries: MAX_RETRIES }) as AgentMiddleware,
};
const ORDERS = permutations(["error", "retry", "hitl"]);

const programs = fc.record({
  order: fc.constantFrom(...ORDERS),
  calls: fc.array(fc.record({ asks: fc.nat(2), failures: fc.nat(3) }), { minLength: 1, maxLength: 3 }),
  moves: fc.array(fc.record({ which: fc.nat(5), wakes: fc.nat(3) }), { minLength: 1, maxLength: 8 }),
});

/** What comes of it, known from the program alone. */
function expectation(order: readonly string[], failures: number): { tried: number; fails: boolean } {
  // The nearer to the tool the later in the list: a failure that is a result already is not retried.
  const retries = order.indexOf("retry") > order.indexOf("error") ? MAX_RETRIES : 0;
  return { tried: Math.min(failures, retries) + 1, fails: failures > retries };
}

describe.each(VERSIONS)("createAgent %s", (version) => {
  it(`P6 ${RUNS} agents: a body is tried as often as its retry allows, each step runs once`, async () => {
    const property = fc.asyncProperty(programs, async ({ order, calls, moves }) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const tools = calls.map(({ asks, failures }, n) =>
        toolOf(`tool${n}`, async () => {
          const heard: string[] = [];
          for (let at = 0; at < asks; at += 1) heard.push((await askUser({ message: `${n}.${at}` })).answer);
          await step("charge", () => counter.hit(`charged ${n}`));
          if (counter.hit(`tried ${n}`) <= failures) throw new Error(`failure of ${n}`);
          return `${n} heard ${heard.join()}`;
        }),
      );
      const at = order.indexOf("hitl");
      const middleware = order.map((name) => around[name] as AgentMiddleware);
      const { agent } = agentOf({
        version,
        backend,
        tools,
        turns: [calls.map((_, n) => ({ name: `tool${n}`, id: `c${n}` }))],
        before: middleware.slice(0, at),
        after: middleware.slice(at + 1),
      });
      await agent.invoke(go, thread("t"));
      for (let turn = 0; ; turn += 1) {
        const { which, wakes } = moves[turn % moves.length] as { which: number; wakes: number };
        const open = await pending(backend, "t");
        if (open.length === 0) break;
        if (wakes === 1) await agent.graph.invoke(new Command({ resume: "nothing" }), thread("t"));
        if (wakes === 2) await agent.graph.invoke(null, thread("t"));
        if (wakes === 3) await resumeThread(agent.graph, { backend, thread_id: "t" });
        const message = String(open[which % open.length]?.data["message"]);
        await answer(agent, backend, "t", message, { answer: `a${message}` });
      }
      const said = outputs((await agent.graph.getState(thread("t"))).values);
      for (const [n, { asks, failures }] of calls.entries()) {
        const { tried, fails } = expectation(order, failures);
        const heard = Array.from({ length: asks }, (_, k) => `a${n}.${k}`).join();
        const text = String(said[`c${n}`]);
        expect({ tried: counter.of(`tried ${n}`), charged: counter.of(`charged ${n}`) }).toEqual({
          tried,
          charged: 1,
        });
        if (fails) expect(text).toMatch(/failure of|failed after /);
        else expect(text).toBe(`${n} heard ${heard}`);
      }
      expect(await resumeThread(agent.graph, { backend, thread_id: "t" })).toMatchObject({
        status: "nothing_to_resume",
      });
    });
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
  }, 60_000);
});
