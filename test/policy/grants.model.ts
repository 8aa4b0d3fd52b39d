/**
 * Schedules of grants, uses, revocations and passing time, through two handles on one store. What happens at once is checked
 * for what must never be; what happens alone, against what must be.
 */
import fc from "fast-check";
import { expect } from "vitest";
import { definePolicy, type Grant, type GrantScope, PolicyGrants } from "../../src/policy/index.ts";
import type { World } from "../ledger/kit.ts";
import { asAsk } from "./kit.ts";
import { turnsOf, waiting } from "./turns.ts";

const TOOL = "t";
const policy = definePolicy({ rules: [{ id: "r", for: TOOL, verdict: "ask" }] });
const rule_version = policy.rules[0]?.version ?? "";

interface Use {
  readonly kind: "use";
  readonly call: number;
  readonly handle: 0 | 1;
}
interface Revoke {
  readonly kind: "revoke";
  readonly grant: number;
  readonly handle: 0 | 1;
}
interface Give {
  readonly kind: "give";
  readonly scope: GrantScope;
  readonly uses: number | undefined;
  readonly lifeMs: number | undefined;
}
interface Wait {
  readonly kind: "wait";
  readonly ms: number;
}
type Act = Use | Revoke | Give;

const handle = fc.constantFrom<0 | 1>(0, 1);
const use: fc.Arbitrary<Use> = fc.record({ kind: fc.constant("use"), call: fc.nat(5), handle });
const revoke: fc.Arbitrary<Revoke> = fc.record({ kind: fc.constant("revoke"), grant: fc.nat(5), handle });
const give: fc.Arbitrary<Give> = fc.record({
  kind: fc.constant("give"),
  scope: fc.constantFrom<GrantScope>("session", "user", "tenant"),
  uses: fc.constantFrom(undefined, 1, 1, 2, 3),
  lifeMs: fc.constantFrom(undefined, undefined, 50, 100),
});
const wait: fc.Arbitrary<Wait> = fc.record({ kind: fc.constant("wait"), ms: fc.constantFrom(10, 60) });
/** What happens at once; and between two such turns, time may pass. */
const turn: fc.Arbitrary<readonly Act[] | Wait> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.array(fc.oneof({ weight: 6, arbitrary: use }, revoke, give), {
      minLength: 1,
      maxLength: 8,
    }),
  },
  { weight: 1, arbitrary: wait },
);
const start = fc.array(give, { minLength: 1, maxLength: 3 });

let runs = 0;

export async function modelOfGrants(world: World, numRuns: number): Promise<void> {
  const turns = fc.array(turn, { minLength: 1, maxLength: 8 });
  const schedule = fc.record({ start, turns, counts: fc.array(fc.nat(4), { minLength: 1, maxLength: 40 }) });
  await fc.assert(
    fc.asyncProperty(schedule, (given) => new Run(world, given.counts).play(given.start, given.turns)),
    { numRuns },
  );
}

class Run {
  readonly #world: World;
  readonly #handles: readonly PolicyGrants[];
  readonly #given: Grant[] = [];
  /** Of grants that somebody has surely revoked, before the present turn. */
  readonly #revoked = new Set<string>();

  /** @param counts - turns of the event loop that each operation of the store waits for */
  constructor(world: World, counts: readonly number[]) {
    this.#world = world;
    const tenant = `model-${(runs += 1)}`;
    const turns = turnsOf(counts);
    this.#handles = world.backends.map((backend) => {
      return new PolicyGrants({ backend: waiting(backend.forTenant(tenant), world.clock, turns) });
    });
  }

  async play(first: readonly Give[], turns: readonly (readonly Act[] | Wait)[]): Promise<void> {
    for (const act of first) await this.#act(act);
    for (const each of turns) {
      if ("kind" in each) this.#world.clock.advance(each.ms);
      else await this.#turn(each);
    }
  }

  async #turn(acts: readonly Act[]): Promise<void> {
    const before = await this.#state();
    const revoked = new Set(this.#revoked);
    const results = await Promise.all(acts.map((act) => this.#act(act)));
    const after = await this.#state();
    const isQuiet = acts.every(({ kind }) => kind === "use");
    acts.forEach((act, index) => {
      if (act.kind !== "use") return;
      const grant = results[index];
      const mine = after.usesOf(act.call);
      if (grant) {
        // P8: never by one that was revoked, or had expired, before the call was made.
        expect(revoked.has(grant)).toBe(false);
        expect(before.isExpired(grant)).toBe(false);
        expect(mine).toContain(grant);
      } else if (isQuiet) {
        // Nothing was left for it.
        expect(after.free()).toEqual([]);
        expect(mine.filter((id) => after.isLive(id))).toEqual([]);
      }
    });
    this.#check(after, revoked);
  }

  /** What holds at any time. */
  #check(state: State, revoked: ReadonlySet<string>): void {
    for (const grant of state.grants) {
      const calls = state.callsOf(grant.grant_id);
      expect(new Set(calls).size).toBe(calls.length);
      if (grant.uses !== null) {
        expect(calls.length).toBeLessThanOrEqual(grant.uses);
        expect(grant.used).toBe(calls.length);
        if (grant.status === "active") expect(grant.used).toBeLessThan(grant.uses);
      }
      if (revoked.has(grant.grant_id)) expect(grant.status).toBe("revoked");
    }
    // A call that has used two grants could not use the first any more.
    for (let call = 0; call <= 5; call += 1)
      expect(state.usesOf(call).filter((id) => state.isLive(id)).length).toBeLessThanOrEqual(1);
  }

  /** Of a use, the id of the grant that allowed the call; else null. */
  async #act(act: Act): Promise<string | null> {
    if (act.kind === "use") {
      const decision = asAsk(await policy.decide({ name: TOOL, args: {} }));
      const by = { session_id: "s", user_id: "u", call_id: `call-${act.call}` };
      const used = await (this.#handles[act.handle] as PolicyGrants).consume(decision, by);
      return used?.grant.grant_id ?? null;
    }
    if (act.kind === "revoke") {
      const id = this.#given[act.grant]?.grant_id;
      if (id === undefined) return null;
      const { status } = await (this.#handles[act.handle] as PolicyGrants).revoke(id);
      if (status === "revoked") this.#revoked.add(id);
      return null;
    }
    const { scope, uses, lifeMs } = act;
    const scope_id = scope === "session" ? "s" : scope === "user" ? "u" : undefined;
    const request = { scope, scope_id, tool: TOOL, rule_id: "r", rule_version, uses, expiresInMs: lifeMs };
    this.#given.push(await (this.#handles[0] as PolicyGrants).create(request));
    return null;
  }

  async #state(): Promise<State> {
    const [grants] = this.#handles as [PolicyGrants];
    const calls = new Map<string, readonly string[]>();
    const found: Grant[] = [];
    for (const { grant_id } of this.#given) {
      found.push((await grants.get(grant_id)) as Grant);
      const { items } = await grants.history(grant_id, { limit: 1000 });
      const used = items.filter(({ type }) => type === "used");
      calls.set(
        grant_id,
        used.map(({ data }) => String(data?.["call_id"])),
      );
    }
    return new State(found, calls);
  }
}

/** The grants as they are stored, and by their history the calls that have used them. */
class State {
  readonly grants: readonly Grant[];
  readonly #calls: ReadonlyMap<string, readonly string[]>;

  constructor(grants: readonly Grant[], calls: ReadonlyMap<string, readonly string[]>) {
    this.grants = grants;
    this.#calls = calls;
  }

  callsOf(grant_id: string): readonly string[] {
    return this.#calls.get(grant_id) ?? [];
  }

  usesOf(call: number): readonly string[] {
    return this.grants
      .map(({ grant_id }) => grant_id)
      .filter((grant_id) => this.callsOf(grant_id).includes(`call-${call}`));
  }

  isLive(grant_id: string): boolean {
    const status = this.grants.find((grant) => grant.grant_id === grant_id)?.status;
    return status === "active" || status === "used_up";
  }

  isExpired(grant_id: string): boolean {
    return this.grants.find((grant) => grant.grant_id === grant_id)?.status === "expired";
  }

  free(): readonly Grant[] {
    return this.grants.filter(({ status }) => status === "active");
  }
}
