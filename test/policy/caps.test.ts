/** How many questions of a policy are open at once: as many as it says, also where calls run side by side (P8). */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HITLBackend, type HITLRecord, InMemoryHITLBackend } from "holdpoint";
import { FakeClock } from "holdpoint/testing";
import { openAsksOver, overCapText } from "../../src/policy/caps.ts";
import { definePolicy, type PolicyCaps } from "../../src/policy/index.ts";
import { openWorld, type StoreName, type World } from "../ledger/kit.ts";
import { waiting } from "./turns.ts";

const policy = definePolicy({ rules: [{ id: "pay", for: "pay", verdict: "ask" }] });

interface Call {
  readonly session_id: string;
  readonly call_id: string;
  readonly approved_hash: string;
  readonly tool_call_id?: string;
}

let calls = 0;

/** A call of its own, and its question as a host records it. */
async function newCall(
  session_id = "s",
): Promise<{ call: Call; record(to: HITLBackend): Promise<HITLRecord> }> {
  const n = (calls += 1);
  const decision = await policy.decide({ name: "pay", args: { n } });
  if (decision.verdict !== "ask") throw new Error("it is asked");
  const { approved_hash, question } = decision;
  const tool_call_id = `call_${n}`;
  return {
    call: { session_id, call_id: `${n}`, approved_hash, tool_call_id },
    record: async (to) => (await to.create({ ...question.request, session_id, tool_call_id })).record,
  };
}

describe("caps of a policy", () => {
  it("are whole numbers from 1 to 1000, and nothing else", () => {
    expect(definePolicy({ rules: [] }).caps).toEqual({});
    expect(definePolicy({ rules: [], caps: { session: 1, tenant: 1000 } }).caps).toEqual({
      session: 1,
      tenant: 1000,
    });
    for (const caps of [
      { session: 0 },
      { tenant: 1001 },
      { session: 1.5 },
      { user: 1 },
      [],
      null,
      5,
      { session: "5" },
    ])
      expect(() => definePolicy({ rules: [], caps: caps as PolicyCaps })).toThrow(
        expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
      );
  });

  it("cost nothing where there are none", async () => {
    const operations: string[] = [];
    const clock = new FakeClock();
    const backend = waiting(
      new InMemoryHITLBackend({ clock }),
      clock,
      async (name) => void operations.push(name),
    );
    expect(await openAsksOver(backend, {}, (await newCall()).call)).toBeNull();
    expect(operations).toEqual([]);
  });

  it("say to the model what is wrong", () => {
    expect(overCapText("pay", "session", { session: 3 })).toMatch(
      /pay did not run: 3 questions of this session/,
    );
    expect(overCapText("pay", "tenant", { tenant: 7 })).toMatch(/7 questions of this tenant/);
  });

  it("are not what a store that fails says: its error is thrown (P8)", async () => {
    const clock = new FakeClock();
    const broken = new Error("away");
    const backend = waiting(new InMemoryHITLBackend({ clock }), clock, () => Promise.reject(broken));
    await expect(openAsksOver(backend, { session: 5 }, (await newCall()).call)).rejects.toBe(broken);
  });

  it("take more open questions than are looked at for too many (P8)", async () => {
    const backend = new InMemoryHITLBackend();
    const confirm = { hitl_type: "confirm", session_id: "s", data: { message: "?" } };
    for (let n = 0; n < 10_000; n += 1) await backend.create(confirm);
    expect(await openAsksOver(backend, { session: 50 }, (await newCall()).call)).toBeNull();
    await backend.create(confirm);
    expect(await openAsksOver(backend, { session: 50 }, (await newCall()).call)).toBe("session");
    // Those of a tenant are found by themselves, whatever else is open.
    let pages = 0;
    const clock = new FakeClock();
    const counted = waiting(backend, clock, async (name) => void (pages += name === "page" ? 1 : 0));
    expect(await openAsksOver(counted, { tenant: 50 }, (await newCall()).call)).toBeNull();
    expect(pages).toBe(1);
  });
});

describe.each<StoreName>(["memory", "sqlite", "redis"])("questions under a cap on %s", (name) => {
  let world: World;
  let tenants = 0;
  beforeAll(async () => {
    world = await openWorld(name);
  });
  afterAll(() => world.close());

  const handles = (): readonly [HITLBackend, HITLBackend] => {
    const tenant = `tenant-${(tenants += 1)}`;
    const [one, two] = world.backends;
    return [one.forTenant(tenant), two.forTenant(tenant)];
  };

  it("P8 are those that are open, of the policy, of the session", async () => {
    const [backend, other] = handles();
    const caps = { session: 2 };
    const data = { message: "?", tool: "pay", args: {} };
    const subject = { tool: "pay", args: {}, approved_hash: "x" };
    for (let n = 0; n < 60; n += 1) await backend.create({ hitl_type: "confirm", session_id: "s" });
    // An effect's approval is not of a policy, nor is a question of somebody's own.
    await backend.create({ hitl_type: "permission", session_id: "s", data, subject });
    await backend.create({ hitl_type: "permission", session_id: "s", data });
    await (await newCall("elsewhere")).record(backend);
    const first = await (await newCall()).record(backend);
    await (await newCall()).record(backend);
    expect(await openAsksOver(other, caps, (await newCall()).call)).toBe("session");
    expect(await openAsksOver(other, caps, (await newCall("elsewhere")).call)).toBeNull();
    await backend.respond(first.hitl_id, { decision: "reject" });
    expect(await openAsksOver(other, caps, (await newCall()).call)).toBeNull();
  });

  it("P8 are those of the tenant, in whatever session, and of no other tenant", async () => {
    const [backend, other] = handles();
    const [stranger] = handles();
    for (const session of ["a", "b", "c"]) await (await newCall(session)).record(backend);
    const { call } = await newCall("d");
    expect(await openAsksOver(other, { tenant: 3 }, call)).toBe("tenant");
    expect(await openAsksOver(other, { session: 1, tenant: 3 }, { ...call, session_id: "a" })).toBe(
      "session",
    );
    expect(await openAsksOver(other, { session: 1, tenant: 4 }, call)).toBeNull();
    expect(await openAsksOver(stranger, { tenant: 1 }, call)).toBeNull();
  });

  it("P8 are not those whose deadline has passed, but those that were escalated", async () => {
    const [backend] = handles();
    const decision = await policy.decide({ name: "pay", args: {} });
    if (decision.verdict !== "ask") throw new Error("it is asked");
    const { request } = decision.question;
    const expires_at = world.clock.now() + 10;
    await backend.create({ ...request, session_id: "s", expires_at });
    await backend.create({ ...request, session_id: "s", expires_at, on_expire: { escalate: "ann" } });
    const { call } = await newCall();
    expect(await openAsksOver(backend, { session: 2 }, call)).toBe("session");
    world.clock.advance(10);
    expect(await openAsksOver(backend, { session: 1 }, call)).toBe("session");
    expect(await openAsksOver(backend, { session: 2 }, call)).toBeNull();
  });

  it("P8 are as many as the cap says, though fifty calls run side by side and none is recorded yet", async () => {
    const [backend] = handles();
    const all = await Promise.all(Array.from({ length: 50 }, async () => newCall()));
    const over = await Promise.all(all.map(({ call }) => openAsksOver(backend, { session: 5 }, call)));
    const asked = all.filter((_, n) => over[n] === null);
    expect(asked).toHaveLength(5);
    for (const { record } of asked) await record(backend);
    expect(await openAsksOver(backend, { session: 5 }, (await newCall()).call)).toBe("session");
    expect(await openAsksOver(backend, { session: 6 }, (await newCall()).call)).toBeNull();
  });

  it("P6 do not count against the call that asks them, when it is executed again", async () => {
    const [backend, other] = handles();
    const { call, record } = await newCall();
    for (let n = 0; n < 3; n += 1) expect(await openAsksOver(backend, { session: 1 }, call)).toBeNull();
    await record(backend);
    expect(await openAsksOver(backend, { session: 1 }, call)).toBeNull();
    expect(await openAsksOver(other, { session: 1 }, call)).toBeNull();
    expect(await openAsksOver(backend, { session: 1 }, (await newCall()).call)).toBe("session");
  });

  it("P8 are also those that are recorded while others are counted", async () => {
    const [bare] = handles();
    const first = await newCall();
    let isRecorded = false;
    let isCounting = false;
    let pages = 0;
    const backend = waiting(bare, world.clock, async (operation) => {
      if (!isCounting || operation !== "page" || (pages += 1) < 2) return;
      isCounting = false;
      isRecorded = (await first.record(bare)).status === "pending";
    });
    expect(await openAsksOver(backend, { session: 1 }, first.call)).toBeNull();
    isCounting = true;
    expect(await openAsksOver(backend, { session: 1 }, (await newCall()).call)).toBe("session");
    expect(isRecorded).toBe(true);
  });

  it("make room when they are answered, however fast that is", async () => {
    const [backend, other] = handles();
    for (let n = 0; n < 5; n += 1) {
      const { call, record } = await newCall();
      expect(await openAsksOver(backend, { session: 1, tenant: 1 }, call)).toBeNull();
      const { hitl_id } = await record(backend);
      await other.respond(hitl_id, { decision: "approve_once" });
    }
  });

  it("that were announced and not recorded are forgotten after half a minute", async () => {
    const [backend] = handles();
    expect(await openAsksOver(backend, { session: 1 }, (await newCall()).call)).toBeNull();
    world.clock.advance(29_000);
    expect(await openAsksOver(backend, { session: 1 }, (await newCall()).call)).toBe("session");
    world.clock.advance(1000);
    expect(await openAsksOver(backend, { session: 1 }, (await newCall()).call)).toBeNull();
  });
});

/** What a host does with its calls, in any order. */
type Act = { readonly do: "ask" | "record" | "end"; readonly pick: number; readonly session: "a" | "b" };

const acts = fc.array(
  fc.record({
    do: fc.constantFrom("ask" as const, "ask" as const, "record" as const, "end" as const),
    pick: fc.nat(10),
    session: fc.constantFrom("a" as const, "b" as const),
  }),
  { maxLength: 40 },
);

it("P8 in any order of asking, recording and answering, a question is asked if and only if there is room", async () => {
  await fc.assert(
    fc.asyncProperty(
      acts,
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 4 }),
      async (given: readonly Act[], session, tenant) => {
        const clock = new FakeClock();
        const backend = new InMemoryHITLBackend({ clock });
        const announced: Awaited<ReturnType<typeof newCall>>[] = [];
        const open: HITLRecord[] = [];
        for (const act of given) {
          clock.advance(1);
          if (act.do === "ask") {
            const asking = await newCall(act.session);
            const all = [...announced.map(({ call }) => call), ...open];
            const isRoom =
              all.length < tenant &&
              all.filter(({ session_id }) => session_id === act.session).length < session;
            const over = await openAsksOver(backend, { session, tenant }, asking.call);
            expect(over === null).toBe(isRoom);
            if (over === null) announced.push(asking);
          } else if (act.do === "record") {
            const [asked] = announced.splice(act.pick % (announced.length || 1), 1);
            if (asked) open.push(await asked.record(backend));
          } else {
            const [ended] = open.splice(act.pick % (open.length || 1), 1);
            if (ended && act.pick % 2) await backend.cancel(ended.hitl_id);
            else if (ended) await backend.respond(ended.hitl_id, { decision: "reject" });
          }
        }
      },
    ),
    { numRuns: 150 },
  );
});
