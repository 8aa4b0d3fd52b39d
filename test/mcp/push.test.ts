/** Protocol 2025-11-25: the server asks while the call waits. */
import { tool } from "@langchain/core/tools";
import { askUser, confirm, InMemoryHITLBackend, requestAuth } from "holdpoint";
import { createMcpTools } from "holdpoint/mcp";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { gate, until } from "../support/poll.ts";
import {
  type Asked,
  connect1,
  connectLegacy2,
  never,
  onlyPending,
  pendingIn,
  refundTool,
  textOf,
  yes,
} from "./kit.ts";

describe.each([
  ["SDK 1", connect1],
  ["SDK 2", connectLegacy2],
] as const)("%s", (_name, connect) => {
  it("goes on at once when somebody else answers, and withdraws the question from the client", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const mcp = createMcpTools([refundTool(effects)], { backend });
    const [shown, withdrawn] = [gate(), gate()];
    const peer = await connect(mcp, {
      elicit: (asked, signal) => {
        if (asked.message === "Refund A-16?") return yes;
        shown.open();
        signal.addEventListener("abort", withdrawn.open);
        return never(asked, signal);
      },
    });
    // A client of SDK 1 does not hear that the very first request of a connection, number 0, is cancelled.
    await peer.call("refund", { order: "A-16" });
    const called = peer.call("refund", { order: "A-17" });
    await shown.passed;
    const { hitl_id } = await onlyPending(backend);
    await backend.respond(hitl_id, { confirmed: true }, { actor: { id: "lee" } });
    expect(textOf(await called)).toBe("A-17 refunded");
    await withdrawn.passed;
    expect(effects).toEqual(["A-16", "A-17"]);
  });

  it("withdraws a question that somebody else answers before it shows the next one's answer", async () => {
    const backend = new InMemoryHITLBackend();
    const three = tool(
      async () => {
        const asks = ["Zero?", "One?", "Two?"];
        for (const message of asks) await confirm({ message });
        return "done";
      },
      { name: "three", description: "Asks thrice.", schema: z.object({}) },
    );
    const [shown, withdrawn] = [gate(), gate()];
    const peer = await connect(createMcpTools([three], { backend }), {
      async elicit({ message }, signal) {
        if (message === "Two?") await withdrawn.passed;
        if (message !== "One?") return yes;
        shown.open();
        signal.addEventListener("abort", withdrawn.open);
        return never({ message }, signal);
      },
    });
    const called = peer.call("three", {});
    await shown.passed;
    await backend.respond((await onlyPending(backend)).hitl_id, { confirmed: true });
    expect(textOf(await called)).toBe("done");
  });

  it("never runs the action because time has passed: the question stays open, the call goes on later (P8)", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const mcp = createMcpTools([refundTool(effects)], { backend, waitMs: 20 });
    const peer = await connect(mcp, { elicit: never });
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toContain("waits for a human");
    expect(effects).toEqual([]);
    const { hitl_id } = await onlyPending(backend);
    await backend.respond(hitl_id, { confirmed: true });
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toBe("A-17 refunded");
  });

  it("leaves the question open when its client cancels the request or is gone (P8)", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const mcp = createMcpTools([refundTool(effects)], { backend });
    const ways = {
      cancels: async (stop: AbortController) => stop.abort(),
      leaves: async (_: AbortController, close: () => Promise<void>) => close(),
    };
    for (const [order, end] of Object.entries(ways)) {
      const shown = gate();
      const peer = await connect(mcp, { elicit: (asked, signal) => (shown.open(), never(asked, signal)) });
      const stop = new AbortController();
      const called = peer.call("refund", { order }, { signal: stop.signal }).catch((error: unknown) => error);
      await shown.passed;
      await end(stop, peer.close);
      expect(await called).toBeInstanceOf(Error);
    }
    const pending = await pendingIn(backend);
    expect(pending).toHaveLength(2);
    expect(effects).toEqual([]);
    const again = await connect(mcp);
    for (const { hitl_id } of pending) await backend.respond(hitl_id, { confirmed: true });
    // The requests that were cut off have to let go of their calls first.
    await until("both calls to go on", async () => {
      for (const order of Object.keys(ways))
        if (!effects.includes(order)) await again.call("refund", { order });
      return effects.length === 2;
    });
    expect(effects.toSorted()).toEqual(["cancels", "leaves"]);
  });

  it("takes one of two answers that race, and has one effect (P4, P9)", async () => {
    for (let round = 0; round < 8; round += 1) {
      const backend = new InMemoryHITLBackend();
      const effects: string[] = [];
      const mcp = createMcpTools([refundTool(effects)], { backend });
      let other: Promise<{ status: string }> | undefined;
      const peer = await connect(mcp, {
        async elicit() {
          const { hitl_id } = await onlyPending(backend);
          const no = { confirmed: false };
          if (round % 2 === 0) other = backend.respond(hitl_id, no);
          else queueMicrotask(() => void (other = backend.respond(hitl_id, no)));
          return yes;
        },
      });
      const said = textOf(await peer.call("refund", { order: "A-17" }));
      const [record] = (await backend.list({ status: "completed" })).items;
      const won = (await other)?.status === "accepted" ? "kept" : "refunded";
      expect(record?.user_response).toEqual({ confirmed: won === "refunded" });
      expect(said).toContain(`A-17 ${won}`);
      expect(effects).toHaveLength(won === "refunded" ? 1 : 0);
    }
  });

  it("opens the page of an authorisation, waits for its callback, and tells the client", async () => {
    const backend = new InMemoryHITLBackend();
    const connectTool = tool(
      async () => {
        const { status } = await requestAuth({
          message: "Connect the calendar",
          auth_url: "https://auth.example.com/start",
          callback_id: "cb-1",
        });
        return status;
      },
      { name: "connect", description: "Connects.", schema: z.object({}) },
    );
    const mcp = createMcpTools([connectTool], { backend });
    const shown: Asked[] = [];
    const notified: [string, unknown][] = [];
    const peer = await connect(mcp, {
      pages: true,
      elicit: (asked) => (shown.push(asked), { action: "accept" }),
      notified: (method, params) => notified.push([method, params]),
    });
    const called = peer.call("connect", {});
    await until("the page to be opened", () => shown.length === 1);
    const record = await backend.getByCallback("cb-1");
    expect(shown[0]).toMatchObject({ mode: "url", url: "https://auth.example.com/start" });
    expect(record?.status).toBe("pending");
    await backend.respond(record?.hitl_id as string, { status: "granted" });
    expect(textOf(await called)).toBe("granted");
    await until("the client to hear of it", () => notified.length > 0);
    expect(notified).toEqual([["notifications/elicitation/complete", { elicitationId: record?.hitl_id }]]);
  });

  it("gives the page's address to a client that opens none", async () => {
    const backend = new InMemoryHITLBackend();
    const connectTool = tool(
      async () =>
        (await requestAuth({ message: "Connect", auth_url: "https://auth.example.com/start" })).status,
      { name: "connect", description: "Connects.", schema: z.object({}) },
    );
    const peer = await connect(createMcpTools([connectTool], { backend }), { elicit: () => yes });
    expect(textOf(await peer.call("connect", {}))).toContain("https://auth.example.com/start");
    await onlyPending(backend);
  });

  it("reports progress while it waits, to a client that wants it", async () => {
    const backend = new InMemoryHITLBackend();
    const mcp = createMcpTools([refundTool([])], { backend, progressMs: 5 });
    const heard: number[] = [];
    const enough = gate();
    const peer = await connect(mcp, { elicit: async () => (await enough.passed, yes) });
    const called = peer.call(
      "refund",
      { order: "A-17" },
      {
        onprogress: ({ progress }) => {
          heard.push(progress);
          if (heard.length === 3) enough.open();
        },
      },
    );
    expect(textOf(await called)).toBe("A-17 refunded");
    expect(heard.slice(0, 3)).toEqual([1, 2, 3]);
  });

  it("goes on with the answers that are there while a client leaves another question open", async () => {
    const backend = new InMemoryHITLBackend();
    const two = tool(
      async () => {
        const answers = await Promise.all([askUser({ message: "One?" }), confirm({ message: "Two?" })]);
        return JSON.stringify(answers);
      },
      { name: "two", description: "Asks twice.", schema: z.object({}) },
    );
    const mcp = createMcpTools([two], { backend });
    const peer = await connect(mcp, {
      elicit: ({ message }) =>
        message === "One?" ? { action: "accept", content: { answer: "1" } } : { action: "cancel" },
    });
    expect(textOf(await peer.call("two", {}))).toContain("Two?");
    const { hitl_id } = await onlyPending(backend);
    await backend.respond(hitl_id, { confirmed: true });
    expect(textOf(await peer.call("two", {}))).toBe('[{"answer":"1"},{"confirmed":true}]');
  });
});
