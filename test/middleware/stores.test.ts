/**
 * The main flows of hitlMiddleware by two processes: each has a handle of its own on one store, and on one file of
 * checkpoints. What ran runs once, whoever goes on (P6, P9).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { confirm, type HITLBackend, respondAndResume, resumeThread, sendMessage, step } from "holdpoint";
import { call } from "../message/kit.ts";
import { openAsk, pending, thread, toolOf } from "../nodes/kit.ts";
import { type SharedStore, sharedStore, type SharedStoreName } from "../support/shared-stores.ts";
import { type ChatAgent, chatAgent, conversation, say, shopTools } from "./chat.ts";
import { VERSIONS, type Version, yes } from "./kit.ts";

const script = {
  go: [call("look", "l"), call("book", "k"), call("pay", "a", { to: "ann" })],
  pay: [call("pay", "p", { to: "eve" })],
};

interface Process {
  readonly backend: HITLBackend;
  readonly agent: ChatAgent;
}

const STORES: readonly SharedStoreName[] = ["memory", "sqlite", "redis"];

describe.each(STORES)("on %s", (name) => {
  let shared: SharedStore;
  let folder = "";
  let files = 0;
  beforeAll(async () => {
    shared = await sharedStore(name);
    folder = mkdtempSync(join(tmpdir(), "holdpoint-agents-"));
  });
  afterAll(async () => {
    await shared.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function processes(version: Version): { one: Process; two: Process; effects: string[] } {
    files += 1;
    const path = join(folder, `${files}.db`);
    const effects: string[] = [];
    const book = toolOf("book", async () => {
      await step("hold", () => void effects.push("held"));
      const { confirmed } = await confirm({ message: "Book?" });
      await step("book", () => void effects.push(confirmed ? "booked" : "dropped"));
      return "booked";
    });
    const tools = [...shopTools(effects), book];
    const [one, two] = shared.pair().map((backend): Process => {
      const checkpointer = SqliteSaver.fromConnString(path);
      return { backend, agent: chatAgent({ version, backend, tools, script, checkpointer }).agent };
    }) as [Process, Process];
    return { one, two, effects };
  }

  const answer = async ({ backend, agent }: Process, message: string) => {
    const { hitl_id } = await openAsk(backend, "t", message);
    return respondAndResume(agent, { backend, hitl_id, response: yes });
  };

  describe.each(VERSIONS)("createAgent %s", (version) => {
    it("one asks, two answers, and the other way round: each effect once (P6)", async () => {
      const { one, two, effects } = processes(version);
      await one.agent.invoke(say("go"), thread("t"));
      await answer(two, "Pay ann?");
      await answer(one, "Book?");
      expect((await conversation(two.agent)).slice(2)).toEqual([
        "l: sunny",
        "k: booked",
        "a: paid",
        "ai: ok go",
      ]);
      expect(effects.toSorted()).toEqual(["booked", "held", "looked", "paid ann"]);
    });

    it("both answer at once: one effect for each call, and the thread comes to rest (P9)", async () => {
      const { one, two, effects } = processes(version);
      await one.agent.invoke(say("go"), thread("t"));
      const asks = await Promise.all([
        openAsk(one.backend, "t", "Book?"),
        openAsk(one.backend, "t", "Pay ann?"),
      ]);
      await Promise.all(
        asks.flatMap(({ hitl_id }) =>
          [one, two].map(({ backend, agent }) =>
            respondAndResume(agent, { backend, hitl_id, response: yes }),
          ),
        ),
      );
      await resumeThread(two.agent, { backend: two.backend, thread_id: "t" });
      expect(effects.toSorted()).toEqual(["booked", "held", "looked", "paid ann"]);
      expect((await conversation(one.agent)).at(-1)).toBe("ai: ok go");
    });

    it("new input by another process than the one that asked: mended, called off, and asked again", async () => {
      const { one, two, effects } = processes(version);
      await one.agent.invoke(say("go"), thread("t"));
      await answer(one, "Pay ann?");
      const { hitl_id } = await openAsk(one.backend, "t", "Book?");
      await two.agent.invoke(say("pay"), thread("t"));
      const late = await respondAndResume(one.agent, { backend: one.backend, hitl_id, response: yes });
      expect(late).toMatchObject({ status: "cancelled", resume: null });
      await answer(one, "Pay eve?");
      expect((await conversation(two.agent)).slice(2)).toEqual([
        "l: sunny",
        expect.stringMatching(/^k: The call was cancelled: it waited .* Done before that: hold\.$/),
        "a: paid",
        "human: pay",
        "ai: →p",
        "p: paid",
        "ai: ok pay",
      ]);
      expect(effects.toSorted()).toEqual(["held", "looked", "paid ann", "paid eve"]);
    });

    it("new input by two processes at once: the store is asked by both, and nothing is open but what the head asks", async () => {
      const { one, two, effects } = processes(version);
      await one.agent.invoke(say("go"), thread("t"));
      const asked = await pending(one.backend, "t");
      await Promise.all([one, two].map(({ agent }, at) => agent.invoke(say(`stop ${at}`), thread("t"))));
      const records = await Promise.all(asked.map(({ hitl_id }) => two.backend.get(hitl_id)));
      expect(records.map((record) => record?.reason)).toEqual(["superseded", "superseded"]);
      const { backend, agent } = two;
      expect(await sendMessage(agent, { backend, thread_id: "t", message: "bye" })).toMatchObject({
        status: "delivered",
        pending: [],
      });
      expect(effects.toSorted()).toEqual(["held", "looked"]);
    });
  });
});
