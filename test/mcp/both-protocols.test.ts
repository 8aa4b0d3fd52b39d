/** What holds whichever protocol the client speaks. */
import { tool } from "@langchain/core/tools";
import {
  askUser,
  confirm,
  HITLSuspend,
  InMemoryHITLBackend,
  resumption,
  step,
  StoreHITLBackend,
} from "holdpoint";
import { createMcpTools } from "holdpoint/mcp";
import { definePolicy } from "holdpoint/policy";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { asking, TYPES } from "./asking-types.ts";
import {
  type Asked,
  connect1,
  connect2,
  connectLegacy2,
  no,
  onlyPending,
  pendingIn,
  refundTool,
  textOf,
  yes,
} from "./kit.ts";

const CONNECTIONS = [
  ["SDK 1, 2025-11-25", connect1],
  ["SDK 2, 2025-11-25", connectLegacy2],
  ["SDK 2, 2026-07-28", connect2],
] as const;

describe.each(CONNECTIONS)("%s", (_name, connect) => {
  it.each(TYPES)(
    "shows a question and takes its answer (P1, P3): %s",
    async (_type, ask, elicit, expected) => {
      const backend = new InMemoryHITLBackend();
      const mcp = createMcpTools([asking("ask", ask)], { backend, user: () => "kim" });
      const shown: Asked[] = [];
      const peer = await connect(mcp, {
        elicit: (asked, signal) => (shown.push(asked), elicit(asked, signal)),
      });
      const result = await peer.call("ask", {});
      expect(JSON.parse(textOf(result))).toEqual(expected);
      expect(result.isError).toBeFalsy();
      expect(shown).toHaveLength(1);
      const { items } = await backend.list({ session_id: "kim" });
      expect(items.map(({ status, responded_by }) => [status, responded_by?.id])).toEqual([
        ["completed", "kim"],
      ]);
    },
  );

  it("asks again what was answered wrongly, and says what was wrong (P3)", async () => {
    const backend = new InMemoryHITLBackend();
    const mcp = createMcpTools([asking("ask", () => askUser({ message: "Which?", options: ["a", "b"] }))], {
      backend,
    });
    const shown: string[] = [];
    const peer = await connect(mcp, {
      elicit: ({ message }) => {
        shown.push(message);
        return { action: "accept", content: { answer: shown.length === 1 ? "z" : "b" } };
      },
    });
    expect(textOf(await peer.call("ask", {}))).toBe('{"answer":"b"}');
    expect(shown).toHaveLength(2);
    expect(shown[1]).not.toBe(shown[0]);
    expect(shown[1]).toContain(shown[0]);
  });

  it("gives up on a client whose answers stay wrong; the question stays open", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const mcp = createMcpTools([refundTool(effects)], { backend, maxAttempts: 2 });
    let shown = 0;
    const peer = await connect(mcp, {
      elicit: () => ((shown += 1), { action: "accept", content: { confirmed: "maybe" } }),
    });
    const result = await peer.call("refund", { order: "A-17" });
    expect(textOf(result)).toContain("waits for a human");
    expect(textOf(result)).toContain("refused");
    expect(shown).toBe(2);
    await onlyPending(backend);
    expect(effects).toEqual([]);
  });

  it("leaves a question open that was only closed; the same call goes on once it is answered (P1, P8)", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const mcp = createMcpTools([refundTool(effects)], { backend });
    const peer = await connect(mcp, { elicit: () => ({ action: "cancel" }) });
    const waiting = await peer.call("refund", { order: "A-17" });
    const { hitl_id } = await onlyPending(backend);
    expect(textOf(waiting)).toContain(hitl_id);
    expect(waiting._meta?.["holdpoint/asks"]).toEqual([hitl_id]);
    expect(effects).toEqual([]);
    await backend.respond(hitl_id, { confirmed: true });
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toBe("A-17 refunded");
    expect(effects).toEqual(["A-17"]);
  });

  it("says to a client without elicitation that a human has to answer, and goes on when he has", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const mcp = createMcpTools([refundTool(effects)], { backend });
    const peer = await connect(mcp);
    const waiting = await peer.call("refund", { order: "A-17" });
    expect(waiting.isError).toBeFalsy();
    const { hitl_id } = await onlyPending(backend);
    expect(textOf(waiting)).toContain("nothing is approved");
    expect(textOf(waiting)).toContain(`Refund A-17? (${hitl_id})`);
    // Not answered yet: the same question, not another one.
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toContain(hitl_id);
    expect((await onlyPending(backend)).hitl_id).toBe(hitl_id);
    await backend.respond(hitl_id, { confirmed: true });
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toBe("A-17 refunded");
    expect(effects).toEqual(["A-17"]);
  });

  it("goes on with a call by its reference in _meta", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const mcp = createMcpTools([refundTool(effects)], { backend });
    const peer = await connect(mcp);
    const waiting = await peer.call("refund", { order: "A-17" });
    const { hitl_id } = await onlyPending(backend);
    await backend.respond(hitl_id, { confirmed: true });
    const meta = { "holdpoint/call": waiting._meta?.["holdpoint/call"] };
    expect(textOf(await peer.call("refund", { order: "A-17" }, { meta }))).toBe("A-17 refunded");
    // P4: what it came to is kept; the effect is not repeated.
    expect(textOf(await peer.call("refund", { order: "A-17" }, { meta }))).toBe("A-17 refunded");
    expect(effects).toEqual(["A-17"]);
  });

  it("asks anew for a call like one that has ended (a finished call is not replayed for another one)", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const mcp = createMcpTools([refundTool(effects)], { backend });
    let shown = 0;
    const peer = await connect(mcp, { elicit: () => ((shown += 1), yes) });
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toBe("A-17 refunded");
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toBe("A-17 refunded");
    expect(shown).toBe(2);
    expect(effects).toEqual(["A-17", "A-17"]);
  });

  it("keeps apart two equal calls that a client makes side by side", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const mcp = createMcpTools([refundTool(effects)], { backend });
    let both = (): void => {};
    const bothShown = new Promise<void>((resolve) => (both = resolve));
    let shown = 0;
    const peer = await connect(mcp, {
      async elicit() {
        shown += 1;
        if (shown === 2) both();
        await bothShown;
        return yes;
      },
    });
    const call = () => peer.call("refund", { order: "A-17" }).then(textOf);
    expect(await Promise.all([call(), call()])).toEqual(["A-17 refunded", "A-17 refunded"]);
    expect(effects).toEqual(["A-17", "A-17"]);
    expect((await backend.list({ status: "completed" })).items).toHaveLength(2);
  });

  it("shows questions that are open at once, each answered by itself; finished steps are kept (P6, P10)", async () => {
    const backend = new InMemoryHITLBackend();
    let steps = 0;
    const book = tool(
      async () => {
        const price = await step("price", () => ((steps += 1), 40));
        const [seat, meal] = await Promise.all([
          askUser({ message: "Seat?", options: ["aisle", "window"] }),
          askUser({ message: "Meal?" }),
        ]);
        const { confirmed } = await confirm({ message: `Book for ${price}?` });
        return `${seat.answer}, ${meal.answer}, ${confirmed}`;
      },
      { name: "book", description: "Books.", schema: z.object({}) },
    );
    const mcp = createMcpTools([book], { backend });
    const peer = await connect(mcp, {
      elicit: ({ message }) => {
        if (message.startsWith("Seat")) return { action: "accept", content: { answer: "window" } };
        return message.startsWith("Meal") ? { action: "accept", content: { answer: "soup" } } : yes;
      },
    });
    expect(textOf(await peer.call("book", {}))).toBe("window, soup, true");
    expect(steps).toBe(1);
    expect(await pendingIn(backend)).toEqual([]);
  });

  it("knows both ways to throw a question: its answer is the output, or the tool goes on with its state", async () => {
    const backend = new InMemoryHITLBackend();
    const ask = tool(
      () => {
        throw new HITLSuspend({ hitl_type: "ask_user", resume_mode: "response", data: { message: "Name?" } });
      },
      { name: "ask", description: "Asks.", schema: z.object({}) },
    );
    const rounds = tool(
      () => {
        const resumed = resumption();
        const round = Number(resumed?.tool_state?.["round"] ?? 0);
        if (round === 2) return `round ${round}: ${JSON.stringify(resumed?.response)}`;
        throw new HITLSuspend({
          hitl_type: "ask_user",
          resume_mode: "continuation",
          tool_state: { round: round + 1 },
          data: { message: `Round ${round}?` },
        });
      },
      { name: "rounds", description: "Asks twice.", schema: z.object({}) },
    );
    const mcp = createMcpTools([ask, rounds], { backend });
    const peer = await connect(mcp, {
      elicit: ({ message }) => ({ action: "accept", content: { answer: `to ${message}` } }),
    });
    expect(textOf(await peer.call("ask", {}))).toBe('{"answer":"to Name?"}');
    expect(textOf(await peer.call("rounds", {}))).toBe('round 2: {"answer":"to Round 1?"}');
  });

  it("gives the errors of a tool as errors, and arguments that it does not take", async () => {
    const backend = new InMemoryHITLBackend();
    const fails = tool(
      async ({ when }) => {
        if (when === "after") await confirm({ message: "Go?" });
        throw new Error("the printer is on fire");
      },
      { name: "fails", description: "Fails.", schema: z.object({ when: z.enum(["before", "after"]) }) },
    );
    const mcp = createMcpTools([fails], { backend });
    const peer = await connect(mcp, { elicit: () => yes });
    for (const when of ["before", "after"]) {
      const result = await peer.call("fails", { when });
      expect(result.isError).toBe(true);
      expect(textOf(result)).toContain("the printer is on fire");
    }
    expect((await peer.call("fails", { when: "never" })).isError).toBe(true);
  });

  it("ends a call whose question was declined and cannot be rejected (P8)", async () => {
    const backend = new InMemoryHITLBackend();
    const mcp = createMcpTools([asking("ask", () => askUser({ message: "Name?" }))], { backend });
    const peer = await connect(mcp, { elicit: () => ({ action: "decline" }) });
    const result = await peer.call("ask", {});
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain("cancelled");
    expect((await backend.list({ status: "cancelled" })).items).toHaveLength(1);
  });

  it("asks for what a policy says, and says what it denies", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const pay = tool(({ to }) => (effects.push(to), `paid ${to}`), {
      name: "pay",
      description: "Pays.",
      schema: z.object({ to: z.string() }),
    });
    const policy = definePolicy({
      rules: [
        { for: "pay", args: { to: "eve" }, verdict: "deny", message: "Not to Eve." },
        { for: "pay", verdict: "ask" },
      ],
    });
    const mcp = createMcpTools([pay], { backend, policy });
    const answers = [
      { action: "accept", content: { decision: "approve_once" } },
      { action: "decline" },
    ] as const;
    let shown = 0;
    const peer = await connect(mcp, { elicit: () => answers[shown++] as never });
    expect(textOf(await peer.call("pay", { to: "ann" }))).toContain("paid ann");
    expect(textOf(await peer.call("pay", { to: "bob" }))).not.toContain("paid bob");
    const denied = await peer.call("pay", { to: "eve" });
    expect(textOf(denied)).toContain("Not to Eve.");
    expect(denied.isError).toBe(true);
    expect(effects).toEqual(["ann"]);
    expect(shown).toBe(2);
  });

  it("does not show a question to whom may not answer it (P8)", async () => {
    const backend = new InMemoryHITLBackend();
    const mcp = createMcpTools(
      [asking("ask", () => confirm({ message: "Go?", metadata: { answerers: ["boss"] } }))],
      { backend, user: () => "kim" },
    );
    let shown = 0;
    const peer = await connect(mcp, { elicit: () => ((shown += 1), yes) });
    expect(textOf(await peer.call("ask", {}))).toContain("waits for a human");
    expect(shown).toBe(0);
    const { hitl_id } = await onlyPending(backend);
    await backend.respond(hitl_id, { confirmed: true }, { actor: { id: "boss" } });
    expect(textOf(await peer.call("ask", {}))).toBe('{"confirmed":true}');
  });

  it("leaves to others what the option elicit withholds from clients", async () => {
    const backend = new InMemoryHITLBackend();
    const mcp = createMcpTools([refundTool([])], {
      backend,
      elicit: ({ hitl_type }) => hitl_type !== "confirm",
    });
    let shown = 0;
    const peer = await connect(mcp, { elicit: () => ((shown += 1), no) });
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toContain("waits for a human");
    expect(shown).toBe(0);
  });

  it("costs a read without a question, and six commits with one (P5, P6)", async () => {
    const counts: Record<string, number> = {};
    const { store } = new InMemoryHITLBackend();
    const counted = new Proxy(store, {
      get(target, name) {
        const own: unknown = Reflect.get(target, name, target);
        if (typeof own !== "function") return own;
        if (name === "commit" || name === "page") counts[name] = (counts[name] ?? 0) + 1;
        return own.bind(target) as unknown;
      },
    });
    const backend = new StoreHITLBackend(counted, { retention: { sweepEveryMs: 0 } });
    const add = tool(({ a, b }) => a + b, {
      name: "add",
      description: "Adds.",
      schema: z.object({ a: z.number(), b: z.number() }),
    });
    const peer = await connect(createMcpTools([add, refundTool([])], { backend }), { elicit: () => yes });
    expect(textOf(await peer.call("add", { a: 2, b: 3 }))).toBe("5");
    expect(counts).toEqual({ page: 1 });
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toBe("A-17 refunded");
    expect(counts).toEqual({ page: 2, commit: 6 });
  });
});
