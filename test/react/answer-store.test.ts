/** The store of answers without React, and what a page has to load for it all. */
import { DECISIONS, InMemoryHITLBackend, isHoldpointError } from "holdpoint";
import { createAnswerStore, ENGLISH, type RespondOutcome } from "holdpoint/react";
import { expect, it } from "vitest";
import { gate } from "../support/poll.ts";
import { bundlePage } from "./support/bundle.ts";

it("sends one answer at a time: a second one gets what became of the first", async () => {
  const backend = new InMemoryHITLBackend();
  const { record } = await backend.create({ hitl_type: "confirm", session_id: "s1", data: { message: "?" } });
  const held = gate();
  const sent: unknown[] = [];
  const answers = createAnswerStore({
    respond: async (hitl_id, response) => {
      sent.push(response);
      await held.passed;
      return backend.respond(hitl_id, response);
    },
    cancel: (hitl_id) => backend.cancel(hitl_id),
  });
  const both = [
    answers.respond(record.hitl_id, { confirmed: true }),
    answers.respond(record.hitl_id, { confirmed: false }),
    answers.cancel(record.hitl_id),
  ];
  expect(answers.getState(record.hitl_id)).toEqual({ state: "sending", action: "respond" });
  held.open();
  const states = await Promise.all(both);
  expect(new Set(states).size).toBe(1);
  expect(states[0]).toMatchObject({ state: "answered", ending: { user_response: { confirmed: true } } });
  expect(sent).toEqual([{ confirmed: true }]);
  await backend.close();
});

it("is the same snapshot and the same state until something changes", async () => {
  const answers = createAnswerStore({ respond: async () => ({ status: "forbidden" }) });
  expect(answers.getState("a")).toBe(answers.getState("b"));
  const before = answers.getSnapshot();
  expect(answers.getSnapshot()).toBe(before);
  let calls = 0;
  const stop = answers.subscribe(() => {
    calls += 1;
  });
  await answers.respond("a", null);
  expect(calls).toBe(2);
  expect(before.size).toBe(0);
  expect(answers.getState("a")).toBe(answers.getSnapshot().get("a"));
  stop();
  await answers.respond("a", null);
  expect(calls).toBe(2);
});

it("P8 what was thrown, at once or later, is an error that can be tried again", async () => {
  const replies: (() => Promise<RespondOutcome>)[] = [
    () => {
      throw new Error("at once");
    },
    () => Promise.reject(new Error("later")),
    async () => ({ status: "accepted" }),
  ];
  const answers = createAnswerStore({ respond: () => (replies.shift() as () => Promise<RespondOutcome>)() });
  const messages: unknown[] = [];
  let state = await answers.respond("a", 1);
  while (state.state === "error") {
    messages.push((state.error as Error).message);
    const ended = new Promise<void>((resolve) => {
      const stop = answers.subscribe(() => {
        if (answers.getState("a").state === "sending") return;
        stop();
        resolve();
      });
    });
    state.retry();
    await ended;
    state = answers.getState("a");
  }
  expect(messages).toEqual(["at once", "later"]);
  expect(state).toEqual({ state: "answered", ending: { status: "completed" } });
});

it("refuses to cancel where nobody said how", async () => {
  const answers = createAnswerStore({ respond: async () => ({ status: "accepted" }) });
  await expect(answers.cancel("a")).rejects.toSatisfy((error) =>
    isHoldpointError(error, "ERR_HITL_INVALID_INPUT"),
  );
});

it("has a word for every decision, in the order of the protocol", () => {
  expect(Object.keys(ENGLISH.decisions)).toEqual([...DECISIONS]);
});

it("the hooks and components bring a page no schema library, and nothing of Node", async () => {
  const script = await bundlePage("widgets");
  expect(script).toContain("holdpoint-hitl");
  expect(script).not.toMatch(/ZodError|\$ZodType|node:crypto/);
});
