/** Many callers with one question between them, on two backends over one store (P1, P4, P8, P9). */
import { tool } from "@langchain/core/tools";
import { MemorySaver } from "@langchain/langgraph";
import {
  type ConfirmRequest,
  confirm,
  type HITLBackend,
  isHoldpointError,
  respondAndResume,
  step,
} from "holdpoint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Agent, agentOf, callOf, configOf, nextOf, openQuestion, start } from "../support/agent.ts";
import { until } from "../support/poll.ts";
import { sharedStore, type SharedStore } from "../support/shared-stores.ts";

const schema = z.object({ n: z.string() });
const CALLERS = 50;

interface Scene {
  readonly backends: readonly [HITLBackend, HITLBackend];
  /** One on each backend; they share the checkpoints. */
  readonly agents: readonly [Agent, Agent];
  readonly effects: string[];
  models(): number;
}

function countOf(values: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

describe.each(["memory", "sqlite", "redis"] as const)("one question, many callers, %s", (name) => {
  let store: SharedStore;

  beforeAll(async () => {
    store = await sharedStore(name);
  });

  afterAll(async () => {
    await store.stop();
  });

  async function paused(request: ConfirmRequest): Promise<Scene> {
    const effects: string[] = [];
    let models = 0;
    const pay = tool(
      async () => {
        let said: string;
        try {
          said = (await confirm(request)).comment ?? "nothing";
        } catch (error) {
          if (!isHoldpointError(error)) throw error;
          said = error.code;
        }
        await step("pay", () => void effects.push(said));
        return said;
      },
      { name: "pay", description: "Pays.", schema },
    );
    const backends = store.pair();
    const checkpointer = new MemorySaver();
    const onModel = (): void => void (models += 1);
    const [first, second] = backends.map((backend) =>
      agentOf({ backend, tools: [pay], turns: [[callOf("pay", "c1")]], checkpointer, onModel }),
    ) as [Agent, Agent];
    await first.invoke(start, configOf("t"));
    return { backends, agents: [first, second], effects, models: () => models };
  }

  async function answerAll(scene: Scene, comment: (index: number) => string): Promise<string[]> {
    const { hitl_id } = await openQuestion(scene.backends[0], "t", "pay?");
    const results = await Promise.all(
      Array.from({ length: CALLERS }, (_, index) =>
        respondAndResume(scene.agents[index % 2] as Agent, {
          backend: scene.backends[index % 2] as HITLBackend,
          hitl_id,
          response: { confirmed: true, comment: comment(index) },
        }),
      ),
    );
    return results.map(({ status }) => status);
  }

  async function expectFinished(scene: Scene): Promise<void> {
    expect(scene.effects).toHaveLength(1);
    expect(await nextOf(scene.agents[0], "t")).toEqual([]);
    expect(scene.models()).toBe(2);
  }

  it("P4 P9 the same answer from 50 callers is accepted once and has one effect", async () => {
    const scene = await paused({ message: "pay?" });
    expect(countOf(await answerAll(scene, () => "yes"))).toEqual({ accepted: 1, duplicate: CALLERS - 1 });
    await expectFinished(scene);
  });

  it("P4 P9 of 50 different answers one is accepted, and that one is used", async () => {
    const scene = await paused({ message: "pay?" });
    expect(countOf(await answerAll(scene, (index) => `yes ${index}`))).toEqual({
      accepted: 1,
      conflict: CALLERS - 1,
    });
    await expectFinished(scene);
    const [record] = (await scene.backends[1].getByThread("t")).items;
    expect(scene.effects).toEqual([(record?.user_response as { comment?: string } | undefined)?.comment]);
  });

  it("P4 P8 an answer and the deadline at once: one of them wins, and the tool sees that one", async () => {
    const scene = await paused({ message: "pay?", expiresInMs: 1500 });
    const { hitl_id, expires_at } = await openQuestion(scene.backends[0], "t", "pay?");
    await until("the deadline", () => Date.now() >= (expires_at as number) - 2);
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) => {
        const [agent, backend] = [scene.agents[index % 2] as Agent, scene.backends[index % 2] as HITLBackend];
        return respondAndResume(agent, { backend, hitl_id, response: { confirmed: true, comment: "yes" } });
      }),
    );
    const record = await scene.backends[1].get(hitl_id);
    const accepted = results.filter(({ status }) => status === "accepted").length;
    expect(accepted).toBe(record?.status === "completed" ? 1 : 0);
    expect(["completed", "expired"]).toContain(record?.status);
    await expectFinished(scene);
    expect(scene.effects).toEqual([record?.status === "completed" ? "yes" : "ERR_HITL_EXPIRED"]);
  });

  it("P4 P8 answers and a withdrawal at once: one of them wins, and the tool sees that one", async () => {
    const scene = await paused({ message: "pay?" });
    const [first, second] = scene.backends;
    const { hitl_id } = await openQuestion(first, "t", "pay?");
    const answer = (index: 0 | 1): Promise<{ status: string }> =>
      respondAndResume(scene.agents[index], {
        backend: scene.backends[index],
        hitl_id,
        response: { confirmed: true, comment: "yes" },
      });
    const [withdrawn, ...answers] = await Promise.all([second.cancel(hitl_id), answer(0), answer(1)]);
    const record = await first.get(hitl_id);
    const won = withdrawn.status === "cancelled";
    expect(record?.status).toBe(won ? "cancelled" : "completed");
    expect(answers.filter(({ status }) => status === "accepted")).toHaveLength(won ? 0 : 1);
    await expectFinished(scene);
    expect(scene.effects).toEqual([won ? "ERR_HITL_CANCELLED" : "yes"]);
  });
});
