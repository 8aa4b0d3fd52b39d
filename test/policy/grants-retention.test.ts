/** What is over is removed, and nothing comes back by it: no grant that was revoked, no use that was spent (P8, P9). */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StoreHITLBackend } from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { CALL_KIND, GRANT_CHOICE_KIND, GRANT_KIND, GRANT_USE_KIND } from "../../src/backends/kinds.ts";
import type { RetentionOptions } from "../../src/backends/retention/options.ts";
import { makeId, slotOf } from "../../src/core/ids.ts";
import { definePolicy, type Grant, PolicyGrants } from "../../src/policy/index.ts";
import { openWorld, type StoreName, type World } from "../ledger/kit.ts";
import { asAsk } from "./kit.ts";
import { waiting } from "./turns.ts";

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const ann = { id: "ann" };

const policyOf = (uses?: number, expiresInMs?: number) =>
  definePolicy({
    rules: [
      {
        id: "mail",
        for: "mail",
        verdict: "ask",
        allowed_decisions: ["approve_once", "approve_always", "reject"],
        grant: { args: "any", uses, expiresInMs },
      },
    ],
  });

const callOf = (name: string, tenant_id: string): string =>
  makeId(CALL_KIND, slotOf(tenant_id, "s"), [tenant_id, name]);

function setUp(backend: StoreHITLBackend, uses?: number, expiresInMs?: number) {
  const { store, tenant_id } = backend;
  const grants = new PolicyGrants({ backend });
  const policy = policyOf(uses, expiresInMs);
  const ask = async () => asAsk(await policy.decide({ name: "mail", args: {} }, { session_id: "s" }));
  const use = async (name: string, of = grants) =>
    of.consume(await ask(), { session_id: "s", call_id: callOf(name, tenant_id) });
  const answered = async (hitl_id?: string): Promise<string> => {
    const { question } = await ask();
    const { record } = await backend.create({ ...question.request, session_id: "s", hitl_id });
    await backend.respond(record.hitl_id, { decision: "approve_always" }, { actor: ann });
    return record.hitl_id;
  };
  /** The record that the engine keeps of a call. */
  const record = async (name: string): Promise<void> => {
    const id = callOf(name, tenant_id);
    const value = { schema_version: 1 };
    await store.commit([
      { op: "insert", record: { id, kind: CALL_KIND, tenant_id, status: "finished", value } },
    ]);
  };
  const forget = async (name: string): Promise<void> => {
    const [found] = await store.get([callOf(name, tenant_id)]);
    if (found) await store.remove([found]);
  };
  const count = async (kind: string, statuses: readonly string[]): Promise<number> =>
    (await store.page({ kind, tenant_id, statuses, limit: 1000 })).items.length;
  const left = async () => ({
    grants: await count(GRANT_KIND, ["active", "used_up", "revoked", "expired"]),
    uses: await count(GRANT_USE_KIND, ["used"]),
    choices: await count(GRANT_CHOICE_KIND, ["active"]),
  });
  const sweep = async () => {
    let expired = 0;
    for (let more = true; more; ) {
      const swept = await backend.sweep();
      expired += swept.expired;
      more = swept.more;
    }
    return expired;
  };
  return { backend, grants, use, answered, record, forget, left, sweep };
}

let tenants = 0;

describe.each<StoreName>(["memory", "sqlite", "redis"])("grants that are over, on %s", (name) => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld(name);
  });
  afterAll(() => world.close());

  /** With times of its own, in a tenant of its own. */
  function keeping(retention: RetentionOptions, ...terms: [uses?: number, expiresInMs?: number]) {
    const options = { clock: world.clock, retention: { ...retention, sweepEveryMs: 0 } };
    const backend = new StoreHITLBackend(world.backends[0].store, options);
    return setUp(backend.forTenant(`tenant-${(tenants += 1)}`) as StoreHITLBackend, ...terms);
  }

  it("P8 stay as long as their questions, revoked or not: an answer that is read again gives nothing back", async () => {
    const { grants, use, answered, left, sweep } = keeping({ grantsMs: HOUR, completedMs: 10 * DAY });
    const hitl_id = await answered();
    const grant = await grants.fromAnswer(hitl_id);
    await grants.revoke(grant?.grant_id ?? "");
    for (let day = 0; day < 9; day += 1) {
      world.clock.advance(DAY);
      await sweep();
      expect((await grants.fromAnswer(hitl_id))?.status).toBe("revoked");
      expect(await use("c")).toBeNull();
    }
    world.clock.advance(2 * DAY);
    await sweep();
    world.clock.advance(DAY);
    await sweep();
    expect(await left()).toEqual({ grants: 0, uses: 0, choices: 0 });
    expect(await grants.fromAnswer(hitl_id)).toBeNull();
  });

  it("P8 do not come back by an answer that was read before its question was removed", async () => {
    const { backend, grants, use, answered, sweep } = keeping({ grantsMs: 0, completedMs: HOUR });
    const hitl_id = await answered("mine");
    const grant = await grants.fromAnswer(hitl_id);
    await grants.revoke(grant?.grant_id ?? "");
    let isSwept = false;
    const late = waiting(backend, world.clock, async (operation) => {
      if (operation !== "commit" || isSwept) return;
      isSwept = true;
      world.clock.advance(2 * HOUR);
      await sweep();
      expect(await grants.get(grant?.grant_id ?? "")).toBeNull();
    });
    expect(await new PolicyGrants({ backend: late }).fromAnswer(hitl_id)).toBeNull();
    expect(isSwept).toBe(true);
    expect((await grants.list({ status: "active" })).items).toEqual([]);
    expect(await use("c")).toBeNull();
  });

  it("P9 are not those that are used up, while a call that has used them may be executed again", async () => {
    const { grants, use, record, forget, left, sweep, answered } = keeping(
      { grantsMs: HOUR, callsMs: HOUR, completedMs: HOUR },
      2,
    );
    const grant = await grants.fromAnswer(await answered());
    for (const call of ["a", "b"]) {
      expect(await use(call)).toMatchObject({ repeated: false });
      await record(call);
    }
    expect(await grants.get(grant?.grant_id ?? "")).toMatchObject({ status: "used_up", used: 2 });
    for (let week = 0; week < 4; week += 1) {
      world.clock.advance(7 * DAY);
      await sweep();
      for (const call of ["a", "b"]) expect(await use(call)).toMatchObject({ repeated: true });
      expect(await use("c")).toBeNull();
    }
    await forget("a");
    world.clock.advance(2 * DAY);
    await sweep();
    expect(await left()).toEqual({ grants: 1, uses: 1, choices: 1 });
    expect(await use("b")).toMatchObject({ repeated: true });
    await forget("b");
    for (let day = 0; day < 3; day += 1) {
      world.clock.advance(DAY);
      await sweep();
    }
    expect(await left()).toEqual({ grants: 0, uses: 0, choices: 0 });
  });

  it("can still be revoked, if they are used up and due", async () => {
    const { grants, use, record, sweep, answered } = keeping({ grantsMs: HOUR, callsMs: HOUR }, 1);
    const grant = await grants.fromAnswer(await answered());
    await use("a");
    await record("a");
    world.clock.advance(2 * HOUR);
    const revoked = await grants.revoke(grant?.grant_id ?? "", { actor: ann });
    expect(revoked).toMatchObject({ status: "revoked", grant: { status: "revoked" } });
    await sweep();
    expect(await use("a")).toBeNull();
  });

  it("P8 by time are shown and recorded as such, though nobody reads them", async () => {
    const { grants, answered, sweep, use } = keeping(
      { grantsMs: HOUR, completedMs: HOUR },
      undefined,
      2 * HOUR,
    );
    const grant = await grants.fromAnswer(await answered());
    expect(await use("a")).not.toBeNull();
    world.clock.advance(2 * HOUR);
    expect(await sweep()).toBeGreaterThanOrEqual(1);
    const { items } = await grants.history(grant?.grant_id ?? "");
    expect(items.map(({ type }) => type)).toEqual(["granted", "used", "expired"]);
    world.clock.advance(HOUR);
    await sweep();
    expect(await grants.get(grant?.grant_id ?? "")).toBeNull();
  });

  it("are not those that hold: of them only what calls have used long ago is removed", async () => {
    const { grants, use, left, sweep, answered, record } = keeping({
      grantsMs: 0,
      callsMs: HOUR,
      completedMs: 0,
    });
    const grant = await grants.fromAnswer(await answered());
    for (const call of ["a", "b", "c"]) await use(call);
    await record("c");
    world.clock.advance(365 * DAY);
    await sweep();
    expect(await left()).toEqual({ grants: 1, uses: 1, choices: 1 });
    expect(await grants.get(grant?.grant_id ?? "")).toMatchObject({ status: "active" });
    expect(await use("d")).toMatchObject({ repeated: false });
    expect(await use("c")).toMatchObject({ repeated: true });
  });

  it("stay where they are to be kept for ever", async () => {
    const { grants, use, left, sweep, answered } = keeping({
      grantsMs: "forever",
      callsMs: "forever",
      completedMs: HOUR,
    });
    const grant = await grants.fromAnswer(await answered());
    await use("a");
    await grants.revoke(grant?.grant_id ?? "");
    world.clock.advance(10_000 * DAY);
    await sweep();
    expect(await left()).toEqual({ grants: 1, uses: 1, choices: 1 });
  });

  it("are given back by a sweep that has died, and allow as before", async () => {
    const { backend, grants, use, sweep, answered } = keeping({ grantsMs: HOUR, callsMs: HOUR }, 1);
    const grant = await grants.fromAnswer(await answered());
    await use("a");
    world.clock.advance(2 * HOUR);
    for (const kind of [GRANT_KIND, GRANT_USE_KIND, GRANT_CHOICE_KIND])
      await backend.store.acquireDue({ kind, limit: 100, lease: { owner: "dead", durationMs: 1000 } });
    expect(await use("a")).toMatchObject({ repeated: true });
    await sweep();
    expect(await grants.get(grant?.grant_id ?? "")).toMatchObject({ status: "used_up" });
    expect(await use("a")).toMatchObject({ repeated: true });
  });
});

it("grantsMs has to be a duration", () => {
  for (const grantsMs of [-1, 1.5, "1d"])
    expect(
      () => new StoreHITLBackend(new MemoryRecordStore(), { retention: { grantsMs: grantsMs as number } }),
    ).toThrow(expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }));
});

type Act =
  | { readonly do: "answer"; readonly grant: number }
  | { readonly do: "read"; readonly grant: number }
  | { readonly do: "revoke"; readonly grant: number }
  | { readonly do: "use"; readonly call: number }
  | { readonly do: "forget"; readonly call: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "sweep" };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("answer" as const), grant: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("read" as const), grant: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("revoke" as const), grant: fc.nat(2) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("use" as const), call: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("forget" as const), call: fc.nat(6) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(HOUR, 5 * HOUR, 2 * DAY) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("sweep" as const) }) },
);

/** Each of three questions is asked once; its grant has the id that its question gives, whenever it is given. */
class Run {
  readonly #clock = new FakeClock();
  readonly #world: ReturnType<typeof setUp>;
  readonly #questions = new Map<number, string>();
  readonly #grants = new Map<number, Grant>();
  readonly #over = new Set<string>();
  readonly #spent = new Map<string, number>();
  /** By call, while its record is there: the grant that it has used. */
  readonly #allowed = new Map<number, string>();
  readonly #uses: number;

  constructor(uses: number, expiresInMs: number | undefined, retention: RetentionOptions) {
    this.#uses = uses;
    const store = new MemoryRecordStore({ clock: this.#clock }, new MemoryRecordData());
    const options = { clock: this.#clock, retention: { ...retention, sweepEveryMs: 0 } };
    this.#world = setUp(new StoreHITLBackend(store, options), uses, expiresInMs);
  }

  async act(one: Act): Promise<void> {
    const { grants, sweep, answered } = this.#world;
    if (one.do === "wait") this.#clock.advance(one.ms);
    else if (one.do === "sweep") await sweep();
    else if (one.do === "answer") {
      if (!this.#questions.has(one.grant)) this.#questions.set(one.grant, await answered());
    } else if (one.do === "read") {
      const grant = await grants.fromAnswer(this.#questions.get(one.grant) ?? "none");
      if (grant) this.#grants.set(one.grant, grant);
      this.#notice();
    } else if (one.do === "revoke") {
      const grant_id = this.#grants.get(one.grant)?.grant_id ?? "none";
      if ((await grants.revoke(grant_id)).status === "revoked") this.#over.add(grant_id);
    } else if (one.do === "forget") {
      await this.#world.forget(`call ${one.call}`);
      // What comes under its name now is another call to the model.
      this.#allowed.delete(one.call);
    } else await this.#use(one.call);
  }

  async #use(call: number): Promise<void> {
    this.#notice();
    const used = await this.#world.use(`call ${call}`);
    const before = this.#allowed.get(call);
    if (used) {
      const { grant_id } = used.grant;
      expect(this.#over.has(grant_id), `${grant_id} was over`).toBe(false);
      if (!used.repeated) this.#spent.set(grant_id, (this.#spent.get(grant_id) ?? 0) + 1);
      expect(this.#spent.get(grant_id) ?? 0).toBeLessThanOrEqual(this.#uses);
      this.#allowed.set(call, grant_id);
      await this.#world.record(`call ${call}`);
    }
    if (before !== undefined && !this.#over.has(before))
      expect(used, "a call that has used a grant which holds").toMatchObject({
        repeated: true,
        grant: { grant_id: before },
      });
  }

  /** Deadlines are the grants' own; who looks first does not matter. */
  #notice(): void {
    for (const { grant_id, expires_at } of this.#grants.values())
      if (expires_at !== null && expires_at <= this.#clock.now()) this.#over.add(grant_id);
  }
}

it("P8, P9 whatever is swept when, no grant allows more than it did, and none that was over comes back", async () => {
  const duration = fc.constantFrom(0, HOUR, 3 * DAY);
  const retention = fc.record({
    grantsMs: duration,
    completedMs: duration,
    callsMs: fc.constantFrom(HOUR, 3 * DAY),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 10, maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(undefined, undefined, 6 * HOUR, 3 * DAY),
      retention,
      async (acts, uses, expiresInMs, kept) => {
        const run = new Run(uses, expiresInMs, kept);
        for (const one of acts) await run.act(one);
      },
    ),
    { numRuns: 400 },
  );
});
