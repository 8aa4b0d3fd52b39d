/** Which call a request goes on with: by its reference, or by who calls what with what while nobody holds it. */
import { tool } from "@langchain/core/tools";
import { confirm, InMemoryHITLBackend, StoreHITLBackend, type StoreOp } from "holdpoint";
import { createMcpTools } from "holdpoint/mcp";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { gate, until } from "../support/poll.ts";
import { connect1, never, onlyPending, pendingIn, refundTool, textOf } from "./kit.ts";

/** Two servers over one store, as two processes are. */
function twoServers(options: Parameters<typeof createMcpTools>[1] = {}) {
  const data = new MemoryRecordData();
  const clock = new FakeClock();
  const effects: string[] = [];
  const secret = "s".repeat(32);
  const [one, two] = [0, 1].map(() => {
    const backend = new StoreHITLBackend(new MemoryRecordStore({ clock }, data), { clock });
    return { backend, mcp: createMcpTools([refundTool(effects)], { backend, secret, ...options }) };
  });
  return { one: one as NonNullable<typeof one>, two: two as NonNullable<typeof two>, clock, effects };
}

describe("which call is the same", () => {
  it("an equal call is another one while a request holds the first, on another server too", async () => {
    const { one, two, effects } = twoServers();
    const shown = gate();
    const first = await connect1(one.mcp, {
      elicit: (asked, signal) => (shown.open(), never(asked, signal)),
    });
    const held = first.call("refund", { order: "A-17" });
    await shown.passed;
    await until("the request to hold its call", async () => {
      const { items } = await one.backend.store.page({
        kind: "call",
        tenant_id: "default",
        statuses: ["suspended"],
      });
      return items[0]?.lease !== null && items.length === 1;
    });
    const second = await connect1(two.mcp);
    expect(textOf(await second.call("refund", { order: "A-17" }))).toContain("waits for a human");
    const pending = await pendingIn(one.backend);
    expect(pending).toHaveLength(2);
    for (const { hitl_id } of pending) await two.backend.respond(hitl_id, { confirmed: true });
    expect(textOf(await held)).toBe("A-17 refunded");
    expect(textOf(await second.call("refund", { order: "A-17" }))).toBe("A-17 refunded");
    expect(effects).toEqual(["A-17", "A-17"]);
  });

  it("a request holds its call for as long as it waits", async () => {
    const { one, two, clock } = twoServers({ leaseMs: 300 });
    const peer = await connect1(one.mcp, { elicit: never });
    const stop = new AbortController();
    const held = peer.call("refund", { order: "A-17" }, { signal: stop.signal }).catch(() => undefined);
    const expiry = async (): Promise<number> => {
      const query = { kind: "call", tenant_id: "default", statuses: ["suspended"] };
      return (await one.backend.store.page(query)).items[0]?.lease?.expires_at ?? 0;
    };
    await until("the request to hold its call", async () => (await expiry()) > 0);
    for (let times = 0; times < 3; times += 1) {
      const before = await expiry();
      clock.advance(200);
      await until("a sign of life", async () => (await expiry()) > before);
    }
    const equal = await connect1(two.mcp);
    await equal.call("refund", { order: "A-17" });
    expect(await pendingIn(one.backend)).toHaveLength(2);
    stop.abort();
    await held;
  });

  it("a call whose server died goes on when nobody can hold it any more (P6)", async () => {
    const { one, two, clock, effects } = twoServers();
    const shown = gate();
    // Its heartbeat is a timer, and no time passes for the clock of the store: as if the process were gone.
    const dead = await connect1(one.mcp, { elicit: (asked, signal) => (shown.open(), never(asked, signal)) });
    void dead.call("refund", { order: "A-17" }).catch(() => undefined);
    await shown.passed;
    const { hitl_id } = await onlyPending(one.backend);
    clock.advance(61_000);
    const peer = await connect1(two.mcp);
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toContain(hitl_id);
    expect(effects).toEqual([]);
  });

  it("a call that was left and goes on by its reference is not left any more", async () => {
    const data = new MemoryRecordData();
    const two = tool(
      async () => {
        await confirm({ message: "One?" });
        await confirm({ message: "Two?" });
        return "done";
      },
      { name: "two", description: "Asks twice.", schema: z.object({}) },
    );
    const store = new MemoryRecordStore({}, data);
    const [holds, mayHold] = [gate(), gate()];
    let isWatched = false;
    const slow = new Proxy(store, {
      get(target, name) {
        const own: unknown = Reflect.get(target, name, target);
        if (typeof own !== "function") return own;
        if (name !== "commit") return own.bind(target) as unknown;
        return async (ops: readonly StoreOp[]) => {
          const [op] = ops;
          const isHold =
            op?.op === "update" && typeof op.patch?.lease === "object" && op.patch.keys !== undefined;
          if (isWatched && isHold) {
            holds.open();
            await mayHold.passed;
          }
          return target.commit(ops);
        };
      },
    });
    const secret = "s".repeat(32);
    const one = createMcpTools([two], { backend: new StoreHITLBackend(slow), secret });
    const backend = new StoreHITLBackend(store);
    const peer = await connect1(one);
    const waiting = await peer.call("two", {});
    await backend.respond((await onlyPending(backend)).hitl_id, { confirmed: true });
    isWatched = true;
    const meta = { "holdpoint/call": waiting._meta?.["holdpoint/call"] };
    const goesOn = peer.call("two", {}, { meta });
    await holds.passed;
    // It asks its second question, and does not hold its call yet.
    const equal = await connect1(createMcpTools([two], { backend, secret }));
    expect(textOf(await equal.call("two", {}))).toContain("One?");
    mayHold.open();
    expect(textOf(await goesOn)).toContain("Two?");
    expect(await pendingIn(backend)).toHaveLength(2);
  });

  it("a call whose server died before it could hold it is found, though not at once (P6)", async () => {
    const { two, clock, effects } = twoServers();
    // What asks is one commit; the one after it is the hold, and here it does not happen any more.
    const { store } = two.backend;
    let commits = 0;
    const dying = new Proxy(store, {
      get(target, name) {
        const own: unknown = Reflect.get(target, name, target);
        if (typeof own !== "function") return own;
        if (name === "commit" && (commits += 1) > 1) return () => Promise.reject(new Error("dead"));
        return own.bind(target) as unknown;
      },
    });
    const dead = createMcpTools([refundTool(effects)], { backend: new StoreHITLBackend(dying, { clock }) });
    expect(textOf(await (await connect1(dead)).call("refund", { order: "A-17" }))).toContain("dead");
    const { hitl_id } = await onlyPending(two.backend);
    const peer = await connect1(two.mcp);
    // It may be in a request that is about to hold it.
    const another = await peer.call("refund", { order: "A-17" });
    expect(textOf(another)).not.toContain(hitl_id);
    await two.backend.cancel(
      another._meta?.["holdpoint/asks"] instanceof Array ? String(another._meta["holdpoint/asks"][0]) : "",
    );
    expect((await peer.call("refund", { order: "A-17" })).isError).toBe(true);
    clock.advance(60_000);
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toContain(hitl_id);
    await two.backend.respond(hitl_id, { confirmed: true });
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toBe("A-17 refunded");
    expect(effects).toEqual(["A-17"]);
  });

  it("other arguments, another tool's name, another caller are other calls (P7)", async () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    let user = "kim";
    const mcp = createMcpTools([refundTool(effects)], { backend, user: () => user });
    const peer = await connect1(mcp);
    await peer.call("refund", { order: "A-17" });
    const { hitl_id } = await onlyPending(backend);
    await backend.respond(hitl_id, { confirmed: true });
    await peer.call("refund", { order: "A-18" });
    user = "eve";
    await peer.call("refund", { order: "A-17" });
    expect(effects).toEqual([]);
    expect(await pendingIn(backend)).toHaveLength(2);
    user = "kim";
    expect(textOf(await peer.call("refund", { order: "A-17" }))).toBe("A-17 refunded");
  });

  it("of two that take up one open call, one does (P9)", async () => {
    const { one, two, effects } = twoServers();
    const [first, second] = await Promise.all([connect1(one.mcp), connect1(two.mcp)]);
    await first.call("refund", { order: "A-17" });
    const { hitl_id } = await onlyPending(one.backend);
    await one.backend.respond(hitl_id, { confirmed: true });
    const said = await Promise.all([first, second].map((peer) => peer.call("refund", { order: "A-17" })));
    expect(said.map((result) => textOf(result).includes("refunded")).toSorted()).toEqual([false, true]);
    expect(effects).toEqual(["A-17"]);
  });
});
