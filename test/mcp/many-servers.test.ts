/** Several servers over one store, in any order of events: an approval has one effect, and nothing else has any (P4, P6, P9). */
import { tool } from "@langchain/core/tools";
import fc from "fast-check";
import { confirm, InMemoryHITLBackend, step, StoreHITLBackend } from "holdpoint";
import { createMcpTools } from "holdpoint/mcp";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { gate } from "../support/poll.ts";
import { type SharedStore, sharedStore } from "../support/shared-stores.ts";
import {
  connect1,
  connect2,
  never,
  onlyPending,
  type Peer,
  refundTool,
  type Result,
  type Round,
  textOf,
  yes,
} from "./kit.ts";

const secret = "s".repeat(32);
type Peer2 = Peer & { readonly raw: Round };

const answering = ({ inputRequests = {}, requestState = "" }: Result, answer: unknown = yes) => ({
  requestState,
  inputResponses: Object.fromEntries(Object.keys(inputRequests).map((id) => [id, answer])),
});

describe.each(["memory", "sqlite"] as const)("two servers over %s", (name) => {
  let store: SharedStore;
  beforeAll(async () => {
    store = await sharedStore(name);
  });
  afterAll(() => store?.stop());

  it("run a call once that both are told to go on with, and both say what came of it", async () => {
    const effects: string[] = [];
    const peers: Peer2[] = [];
    for (const backend of store.pair())
      peers.push(
        await connect2(createMcpTools([refundTool(effects)], { backend, secret }), { elicit: never }),
      );
    const [first] = peers as [Peer2];
    const asked = await first.raw("refund", { order: "A-17" });
    const rounds = [...peers, ...peers].map((peer) =>
      peer.raw("refund", { order: "A-17" }, answering(asked)),
    );
    for (const said of await Promise.all(rounds)) expect(textOf(said)).toBe("A-17 refunded");
    expect(effects).toEqual(["A-17"]);
  });
});

it("a body whose server died is not run again by an equal call: somebody says what became of it (P6)", async () => {
  const data = new MemoryRecordData();
  const clock = new FakeClock();
  const begun = gate();
  let runs = 0;
  const print = tool(
    async () => {
      await step("warm up", () => 1);
      runs += 1;
      begun.open();
      return runs === 1 ? new Promise<string>(() => {}) : "printed";
    },
    { name: "print", description: "Prints.", schema: z.object({}) },
  );
  const server = (): ReturnType<typeof createMcpTools> => {
    const backend = new StoreHITLBackend(new MemoryRecordStore({ clock }, data), { clock });
    return createMcpTools([print], { backend, waitMs: 10_000 });
  };
  const dead = await connect1(server());
  void dead.call("print", {}).catch(() => undefined);
  await begun.passed;
  clock.advance(61_000);
  const shown: string[] = [];
  const peer = await connect1(server(), {
    elicit: ({ message }) => {
      shown.push(message);
      return { action: "accept", content: { decision: "run_again" } };
    },
  });
  expect(textOf(await peer.call("print", {}))).toBe("printed");
  expect(shown).toEqual([expect.stringContaining("was interrupted in its middle")]);
  expect(runs).toBe(2);
});

it("an equal call is another one while the first is at work", async () => {
  const backend = new InMemoryHITLBackend();
  const [atWork, goesOn] = [gate(), gate()];
  let runs = 0;
  const print = tool(
    async () => {
      await confirm({ message: "Print?" });
      runs += 1;
      if (runs > 1) return "second";
      atWork.open();
      await goesOn.passed;
      return "first";
    },
    { name: "print", description: "Prints.", schema: z.object({}) },
  );
  let shown = 0;
  const peer = await connect1(createMcpTools([print], { backend }), { elicit: () => ((shown += 1), yes) });
  const first = peer.call("print", {});
  await atWork.passed;
  expect(textOf(await peer.call("print", {}))).toBe("second");
  goesOn.open();
  expect(textOf(await first)).toBe("first");
  expect(shown).toBe(2);
});

it("a call behind the ledger whose server died is the ledger's to judge (P6)", async () => {
  const data = new MemoryRecordData();
  const clock = new FakeClock();
  const begun = gate();
  let runs = 0;
  const print = tool(
    async () => {
      await confirm({ message: "Print?" });
      runs += 1;
      begun.open();
      return runs === 1 ? new Promise<string>(() => {}) : "printed";
    },
    { name: "print", description: "Prints.", schema: z.object({}) },
  );
  const server = (): ReturnType<typeof createMcpTools> => {
    const backend = new StoreHITLBackend(new MemoryRecordStore({ clock }, data), { clock });
    return createMcpTools([print], { backend, ledger: { for: "print", inDoubt: "retry" } });
  };
  const shown: string[] = [];
  const elicit = ({ message }: { message: string }) => (shown.push(message), yes);
  const dead = await connect1(server(), { elicit });
  void dead.call("print", {}).catch(() => undefined);
  await begun.passed;
  clock.advance(120_000);
  const peer = await connect1(server(), { elicit });
  expect(textOf(await peer.call("print", {}))).toBe("printed");
  // Nobody is asked what became of it: the rule says that it may run again.
  expect(shown).toEqual(["Print?"]);
  expect(runs).toBe(2);
});

it("what a call has left in the store is removed when its time is over", async () => {
  const clock = new FakeClock();
  const backend = new InMemoryHITLBackend({ clock, retention: { sweepEveryMs: 0 } });
  const peer = await connect1(createMcpTools([refundTool([])], { backend }), { elicit: () => yes });
  await peer.call("refund", { order: "A-17" });
  clock.advance(31 * 24 * 60 * 60 * 1000);
  for (let more = true; more; ) ({ more } = await backend.sweep());
  for (const [kind, statuses] of Object.entries({
    hitl: ["completed"],
    call: ["finished"],
    pause: ["active"],
    thread: ["active"],
  })) {
    const { items } = await backend.store.page({ kind, tenant_id: "default", statuses });
    expect(items, kind).toEqual([]);
  }
});

const RUNS = 60;
/** One thing that happens; `pick` chooses among what there is by then. */
const event = fc.record({
  what: fc.constantFrom("call", "round", "round", "answer", "answer", "cancel", "wait"),
  server: fc.nat(1),
  order: fc.constantFrom("A", "B"),
  approves: fc.boolean(),
  pick: fc.nat(),
});

it(`${RUNS} random histories: as many effects as approvals that were taken up, at most (P4, P9)`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 20 }), async (events) => {
      const data = new MemoryRecordData();
      const clock = new FakeClock();
      const effects: string[] = [];
      const peers: Peer2[] = [];
      const backends = [0, 1].map(
        () => new StoreHITLBackend(new MemoryRecordStore({ clock }, data), { clock }),
      );
      for (const backend of backends)
        peers.push(
          await connect2(createMcpTools([refundTool(effects)], { backend, secret }), { elicit: never }),
        );
      const [backend] = backends as [StoreHITLBackend];
      const asked: { readonly order: string; readonly result: Result }[] = [];
      const done: Promise<unknown>[] = [];
      for (const { what, server, order, approves, pick } of events) {
        const peer = peers[server] as Peer2;
        const open = (await backend.list({ status: "pending" })).items;
        const question = open[pick % Math.max(open.length, 1)];
        const known = asked[pick % Math.max(asked.length, 1)];
        const answer = { action: "accept", content: { confirmed: approves } };
        const heard = (of: string, result: Promise<Result>): void =>
          void done.push(
            result.then((said) => {
              if (said.resultType === "input_required") asked.push({ order: of, result: said });
            }),
          );
        if (what === "call") heard(order, peer.raw("refund", { order }));
        if (what === "round" && known)
          heard(known.order, peer.raw("refund", { order: known.order }, answering(known.result, answer)));
        if (what === "answer" && question)
          done.push(backend.respond(question.hitl_id, { confirmed: approves }));
        if (what === "cancel" && question) done.push(backend.cancel(question.hitl_id));
        if (what === "wait") {
          await Promise.all(done);
          clock.advance(2 * 60 * 60 * 1000);
        }
      }
      await Promise.all(done);
      for (const order of ["A", "B"]) {
        const { items } = await backend.list({ status: "completed", limit: 100 });
        const approved = items.filter(
          ({ params, user_response }) =>
            params?.["order"] === order && (user_response as { confirmed: boolean }).confirmed,
        );
        const taken = approved.filter(({ resume }) => resume.state !== "waiting");
        expect(effects.filter((effect) => effect === order)).toHaveLength(taken.length);
      }
      // Whatever was approved and not taken up goes on with its reference, once.
      for (const { order, result } of asked) {
        const { requestState = "" } = result;
        await (peers[0] as Peer2).raw("refund", { order }, { requestState });
      }
      const { items } = await backend.list({ status: "completed", limit: 100 });
      const approvals = items.filter(
        ({ user_response }) => (user_response as { confirmed: boolean }).confirmed,
      );
      expect(effects.length).toBeLessThanOrEqual(approvals.length);
      for (const peer of peers) await peer.close();
    }),
    { numRuns: RUNS },
  );
});

it("an answer that was given while nobody had the call is heard by the next equal call, not by another one", async () => {
  const backend = new InMemoryHITLBackend();
  const effects: string[] = [];
  const ask = tool(
    async ({ to }) =>
      (await confirm({ message: `To ${to}?` })).confirmed ? (effects.push(to), "sent") : "kept",
    {
      name: "send",
      description: "Sends.",
      schema: z.object({ to: z.string() }),
    },
  );
  const peer = await connect1(createMcpTools([ask], { backend }));
  await peer.call("send", { to: "ann" });
  const { hitl_id } = await onlyPending(backend);
  await backend.respond(hitl_id, { confirmed: true });
  expect(textOf(await peer.call("send", { to: "eve" }))).toContain("waits for a human");
  expect(textOf(await peer.call("send", { to: "ann" }))).toBe("sent");
  expect(effects).toEqual(["ann"]);
});
