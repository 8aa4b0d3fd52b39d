/** Protocol 2026-07-28: the questions are the result of the call, which the client then makes again. */
import { tool } from "@langchain/core/tools";
import { askUser, confirm, InMemoryHITLBackend, requestAuth } from "holdpoint";
import { createMcpTools, type McpToolsOptions } from "holdpoint/mcp";
import { FakeClock } from "holdpoint/testing";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { until } from "../support/poll.ts";
import { connect2, never, onlyPending, pendingIn, type Result, refundTool, textOf, yes } from "./kit.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const elicit = never;

async function host(
  options: McpToolsOptions = {},
  made?: { backend: InMemoryHITLBackend; effects: string[] },
) {
  const backend = made?.backend ?? new InMemoryHITLBackend();
  const effects = made?.effects ?? [];
  const refund = refundTool(effects);
  const other = tool(async () => ((await confirm({ message: "Other?" })).confirmed ? "done" : "not done"), {
    name: "other",
    description: "Another tool.",
    schema: z.object({ order: z.string() }),
  });
  const mcp = createMcpTools([refund, other], { backend, secret: SECRET, ...options });
  return { backend, effects, mcp, peer: await connect2(mcp, { elicit }) };
}

/** The round that answers all that was asked alike. */
const answering = ({ inputRequests = {}, requestState = "" }: Result, answer: unknown = yes) => ({
  requestState,
  inputResponses: Object.fromEntries(Object.keys(inputRequests).map((id) => [id, answer])),
});

const withState = (result: Result, requestState: string) => ({ ...answering(result), requestState });

describe("a call that asks", () => {
  it("has a request for each open question, by its hitl_id, and a reference without any state", async () => {
    const { backend, peer, effects } = await host();
    const asked = await peer.raw("refund", { order: "A-17" });
    const { hitl_id, thread_id } = await onlyPending(backend);
    expect(asked.resultType).toBe("input_required");
    expect(asked.inputRequests).toEqual({
      [hitl_id]: {
        method: "elicitation/create",
        params: {
          mode: "form",
          message: "Refund A-17?",
          requestedSchema: {
            type: "object",
            properties: { confirmed: { type: "boolean" }, comment: { type: "string" } },
            required: ["confirmed"],
          },
        },
      },
    });
    const [, body = ""] = (asked.requestState ?? "").split(".");
    expect(JSON.parse(Buffer.from(body, "base64url").toString())).toEqual([thread_id, expect.any(Number), 0]);
    expect(textOf(await peer.raw("refund", { order: "A-17" }, answering(asked)))).toBe("A-17 refunded");
    expect(effects).toEqual(["A-17"]);
  });

  it("gives a replayed answer what came of it, and another answer too (P4)", async () => {
    const { peer, effects, backend } = await host();
    const asked = await peer.raw("refund", { order: "A-17" });
    const round = answering(asked);
    for (let time = 0; time < 3; time += 1)
      expect(textOf(await peer.raw("refund", { order: "A-17" }, round))).toBe("A-17 refunded");
    const no = answering(asked, { action: "accept", content: { confirmed: false } });
    expect(textOf(await peer.raw("refund", { order: "A-17" }, no))).toBe("A-17 refunded");
    expect(effects).toEqual(["A-17"]);
    expect((await backend.list({ status: "completed" })).items).toHaveLength(1);
  });

  it("goes on once when two make the same round at once (P9)", async () => {
    const { peer, effects } = await host();
    const asked = await peer.raw("refund", { order: "A-17" });
    const rounds = Array.from({ length: 5 }, () => peer.raw("refund", { order: "A-17" }, answering(asked)));
    for (const result of await Promise.all(rounds)) expect(textOf(result)).toBe("A-17 refunded");
    expect(effects).toEqual(["A-17"]);
  });

  it("says so if its question was answered by somebody else, in another way", async () => {
    const { peer, backend, effects } = await host();
    const asked = await peer.raw("refund", { order: "A-17" });
    const { hitl_id } = await onlyPending(backend);
    await backend.respond(hitl_id, { confirmed: false });
    const said = textOf(await peer.raw("refund", { order: "A-17" }, answering(asked)));
    expect(said).toContain("A-17 kept");
    expect(said).toContain(`${hitl_id} had been answered before, in another way`);
    expect(effects).toEqual([]);
  });

  it("asks again what a round did not answer, and only that", async () => {
    const backend = new InMemoryHITLBackend();
    const two = tool(
      async () =>
        JSON.stringify(await Promise.all([askUser({ message: "One?" }), askUser({ message: "Two?" })])),
      { name: "two", description: "Asks twice.", schema: z.object({}) },
    );
    const peer = await connect2(createMcpTools([two], { backend }), { elicit });
    const asked = await peer.raw("two", {});
    const ids = Object.keys(asked.inputRequests ?? {});
    expect(ids).toHaveLength(2);
    const messages = (result: Result) =>
      Object.values(result.inputRequests ?? {}).map(({ params }) => params.message);
    // A round that answers nothing.
    const same = await peer.raw("two", {}, { requestState: asked.requestState ?? "" });
    expect(Object.keys(same.inputRequests ?? {})).toEqual(ids);
    const [first] = ids as [string];
    const one = { [first]: { action: "accept", content: { answer: "1" } } };
    const rest = await peer.raw("two", {}, { requestState: same.requestState ?? "", inputResponses: one });
    expect(messages(asked)).toEqual(["One?", "Two?"]);
    expect(messages(rest)).toEqual(["Two?"]);
    const answer = { action: "accept", content: { answer: "2" } };
    expect(textOf(await peer.raw("two", {}, answering(rest, answer)))).toBe(
      '[{"answer":"1"},{"answer":"2"}]',
    );
  });

  it("opens a page without an id of its own, and waits for the callback of one that was opened", async () => {
    const backend = new InMemoryHITLBackend();
    const connect = tool(
      async () =>
        (
          await requestAuth({
            message: "Connect",
            auth_url: "https://auth.example.com/start",
            callback_id: "cb",
          })
        ).status,
      { name: "connect", description: "Connects.", schema: z.object({}) },
    );
    const peer = await connect2(createMcpTools([connect], { backend }), { elicit, pages: true });
    const asked = await peer.raw("connect", {});
    const [params] = Object.values(asked.inputRequests ?? {}).map((request) => request.params);
    expect(params).toEqual({ mode: "url", message: "Connect", url: "https://auth.example.com/start" });
    const round = peer.raw("connect", {}, answering(asked, { action: "accept" }));
    const { hitl_id } = await onlyPending(backend);
    await until(
      "the round to wait",
      async () => (await backend.store.get([hitl_id]))[0]?.status === "pending",
    );
    await backend.respond(hitl_id, { status: "granted" });
    expect(textOf(await round)).toBe("granted");
  });
});

describe("a reference", () => {
  /** Nothing is answered, and nothing runs. */
  async function refused(
    result: Result,
    code: string,
    { backend, effects }: Awaited<ReturnType<typeof host>>,
  ) {
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain(code);
    expect(effects).toEqual([]);
    await onlyPending(backend);
  }

  it("is refused if it was not made here", async () => {
    const at = await host();
    const asked = await at.peer.raw("refund", { order: "A-17" });
    const state = asked.requestState ?? "";
    const [mark, body = "", signature = ""] = state.split(".");
    const [call_id] = JSON.parse(Buffer.from(body, "base64url").toString()) as [string];
    const later = Buffer.from(JSON.stringify([call_id, Number.MAX_SAFE_INTEGER, 0])).toString("base64url");
    const forged = [
      "",
      "hp1.",
      `${mark}.${body}`,
      `${mark}.${body}.`,
      `${mark}.${later}.${signature}`,
      `${mark}.${body}.${"A".repeat(signature.length)}`,
      `${state}.more`,
      `${state}=`,
      `${state}\n`,
      ` ${state}`,
      `v1.${body}.${signature}`,
      "x".repeat(100_000),
    ];
    for (const requestState of forged)
      await refused(
        await at.peer.raw("refund", { order: "A-17" }, withState(asked, requestState)),
        "ERR_HITL_FORBIDDEN",
        at,
      );
  });

  it("of another call, tool or caller answers nothing (P7)", async () => {
    let user = "kim";
    const at = await host({ user: () => user });
    const asked = await at.peer.raw("refund", { order: "A-17" });
    const round = answering(asked);
    await refused(await at.peer.raw("refund", { order: "A-18" }, round), "ERR_HITL_NOT_FOUND", at);
    await refused(await at.peer.raw("other", { order: "A-17" }, round), "ERR_HITL_NOT_FOUND", at);
    user = "eve";
    await refused(await at.peer.raw("refund", { order: "A-17" }, round), "ERR_HITL_NOT_FOUND", at);
    user = "kim";
    expect(textOf(await at.peer.raw("refund", { order: "A-17" }, round))).toBe("A-17 refunded");
  });

  it("of one caller is none of another one in the same session (P7)", async () => {
    let user = "kim";
    const at = await host({ user: () => user, session: () => "desk" });
    const asked = await at.peer.raw("refund", { order: "A-17" });
    const { hitl_id } = await onlyPending(at.backend);
    await at.backend.respond(hitl_id, { confirmed: true });
    user = "eve";
    const said = await at.peer.raw("refund", { order: "A-17" }, { requestState: asked.requestState ?? "" });
    expect(textOf(said)).toContain("ERR_HITL_NOT_FOUND");
    expect((await at.peer.raw("refund", { order: "A-17" })).resultType).toBe("input_required");
    expect(at.effects).toEqual([]);
  });

  it("of another tenant is refused", async () => {
    const at = await host();
    const asked = await at.peer.raw("refund", { order: "A-17" });
    const tenant = at.backend.forTenant("other") as InMemoryHITLBackend;
    const other = await host({}, { backend: tenant, effects: at.effects });
    const said = await other.peer.raw("refund", { order: "A-17" }, answering(asked));
    await refused(said, "ERR_HITL_FORBIDDEN", at);
  });

  it("expires; the call then goes on without it", async () => {
    const clock = new FakeClock();
    const at = await host(
      { referenceTtlMs: 1000 },
      { backend: new InMemoryHITLBackend({ clock }), effects: [] },
    );
    const asked = await at.peer.raw("refund", { order: "A-17" });
    clock.advance(999);
    // Held by the reference: an equal call is another one.
    const another = await at.peer.raw("refund", { order: "A-17" });
    expect(Object.keys(another.inputRequests ?? {})).not.toEqual(Object.keys(asked.inputRequests ?? {}));
    const [second] = Object.keys(another.inputRequests ?? {}) as [string];
    await at.backend.cancel(second);
    clock.advance(1);
    await refused(await at.peer.raw("refund", { order: "A-17" }, answering(asked)), "ERR_HITL_EXPIRED", at);
    const again = await at.peer.raw("refund", { order: "A-17" });
    expect(Object.keys(again.inputRequests ?? {})).toEqual(Object.keys(asked.inputRequests ?? {}));
    expect(textOf(await at.peer.raw("refund", { order: "A-17" }, answering(again)))).toBe("A-17 refunded");
  });

  it("is good after the secret has changed, for as long as the old one is in the list", async () => {
    const [old, fresh] = ["o".repeat(32), new Uint8Array(32).fill(7)];
    const at = await host({ secret: old });
    const asked = await at.peer.raw("refund", { order: "A-17" });
    const gone = await host({ secret: fresh }, at);
    await refused(
      await gone.peer.raw("refund", { order: "A-17" }, answering(asked)),
      "ERR_HITL_FORBIDDEN",
      at,
    );
    const both = await host({ secret: [fresh, old] }, at);
    const same = await both.peer.raw("refund", { order: "A-17" }, { requestState: asked.requestState ?? "" });
    expect(textOf(await gone.peer.raw("refund", { order: "A-17" }, answering(same)))).toBe("A-17 refunded");
  });

  it("of a process without a secret is good in that process only", async () => {
    const { backend, effects } = await host();
    const make = async () => connect2(createMcpTools([refundTool(effects)], { backend }), { elicit });
    const [one, two] = [await make(), await make()];
    const asked = await one.raw("refund", { order: "A-17" });
    expect(textOf(await two.raw("refund", { order: "A-17" }, answering(asked)))).toContain(
      "ERR_HITL_FORBIDDEN",
    );
    expect(textOf(await one.raw("refund", { order: "A-17" }, answering(asked)))).toBe("A-17 refunded");
  });
});

describe("what a client sends", () => {
  it("answers only questions of its call", async () => {
    const { backend, peer } = await host();
    const asked = await peer.raw("refund", { order: "A-17" });
    const foreign = await backend.create({
      hitl_type: "confirm",
      session_id: "else",
      data: { message: "Delete all?" },
    });
    const inputResponses = { [foreign.record.hitl_id]: yes, constructor: yes, "": yes };
    const same = await peer.raw(
      "refund",
      { order: "A-17" },
      { requestState: asked.requestState ?? "", inputResponses },
    );
    expect(Object.keys(same.inputRequests ?? {})).toEqual(Object.keys(asked.inputRequests ?? {}));
    expect(await pendingIn(backend)).toHaveLength(2);
  });

  it("approves nothing by accepting a form that was not filled in (P8)", async () => {
    const { peer, effects } = await host();
    const asked = await peer.raw("refund", { order: "A-17" });
    for (const answer of [{ action: "accept" }, { action: "accept", content: {} }]) {
      const again = await peer.raw("refund", { order: "A-17" }, answering(asked, answer));
      const [params] = Object.values(again.inputRequests ?? {}).map((request) => request.params);
      expect(params?.message).toContain("The form needs: confirmed.");
    }
    expect(effects).toEqual([]);
  });

  it("is asked again, with what was wrong, and not without end (P3)", async () => {
    const { backend, peer, effects } = await host({ maxAttempts: 3 });
    let result = await peer.raw("refund", { order: "A-17" });
    const wrong = [
      { action: "accept", content: { confirmed: "perhaps" } },
      { action: "maybe" },
      { action: "accept", content: { to: "eve" } },
    ];
    for (const answer of wrong.slice(0, 2)) {
      result = await peer.raw("refund", { order: "A-17" }, answering(result, answer));
      expect(result.resultType).toBe("input_required");
      const [params] = Object.values(result.inputRequests ?? {}).map((request) => request.params);
      expect(params?.message).toMatch(/.\n\nRefund A-17\?$/);
    }
    const last = await peer.raw("refund", { order: "A-17" }, answering(result, wrong[2]));
    expect(last.resultType).not.toBe("input_required");
    expect(textOf(last)).toContain("refused");
    await onlyPending(backend);
    expect(effects).toEqual([]);
  });
});
