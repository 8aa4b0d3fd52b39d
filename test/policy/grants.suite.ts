/** Standing approvals on one store, through two handles, as two processes have them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HITLBackend } from "holdpoint";
import { definePolicy, type GrantUser, PolicyGrants, type PolicyRule } from "../../src/policy/index.ts";
import { openWorld, type StoreName, type World } from "../ledger/kit.ts";
import { modelOfGrants } from "./grants.model.ts";
import { answeredPast, asAsk } from "./kit.ts";
import { waiting } from "./turns.ts";

const mail: PolicyRule = {
  id: "mail",
  for: "mail",
  verdict: "ask",
  allowed_decisions: ["approve_once", "approve_always", "reject"],
  grant: { scopes: ["session", "user", "tenant"], args: ["to"], uses: 2, expiresInMs: 10_000 },
};

let tenants = 0;

export function describeGrants(name: StoreName, numRuns: number): void {
  describe(`grants on ${name}`, () => {
    let world: World;
    beforeAll(async () => {
      world = await openWorld(name);
    });
    afterAll(() => world.close());

    /** A tenant of its own for each test, seen by two processes. */
    function setUp(rule: PolicyRule = mail) {
      const tenant = `tenant-${(tenants += 1)}`;
      const backends = world.backends.map((backend) => backend.forTenant(tenant)) as [
        HITLBackend,
        HITLBackend,
      ];
      const [grants, other] = backends.map((backend) => new PolicyGrants({ backend })) as [
        PolicyGrants,
        PolicyGrants,
      ];
      const policy = definePolicy({ rules: [rule] });
      const where = { session_id: "s", user_id: "u" };
      const ask = async (args: Record<string, unknown> = { to: "a", text: "1" }, tool = "mail") =>
        asAsk(await policy.decide({ name: tool, args }, where));
      const use = async (
        call_id: string,
        {
          by = {},
          args,
          of = grants,
        }: { by?: Partial<GrantUser>; args?: Record<string, unknown>; of?: PolicyGrants } = {},
      ) => of.consume(await ask(args), { ...where, call_id, ...by });
      const answered = async (answer: unknown, args?: Record<string, unknown>): Promise<string> => {
        const { question } = await ask(args);
        const { record } = await backends[0].create({ ...question.request, session_id: "s" });
        const { status } = await backends[0].respond(record.hitl_id, answer, { actor: { id: "ann" } });
        expect(status).toBe("accepted");
        return record.hitl_id;
      };
      const version = policy.rules[0]?.version ?? "";
      const given = { tool: "mail", rule_id: "mail", rule_version: version };
      return { backends, grants, other, ask, use, answered, given, version };
    }

    it("come of an answer, once, whoever reads it (P4)", async () => {
      const { grants, other, answered, version } = setUp();
      const hitl_id = await answered({ decision: "approve_always" });
      const made = await Promise.all([grants, other, grants, other].map((each) => each.fromAnswer(hitl_id)));
      expect(new Set(made.map((grant) => grant?.grant_id)).size).toBe(1);
      expect(made[0]).toMatchObject({
        status: "active",
        scope: "session",
        scope_id: "s",
        tool: "mail",
        args: { to: { equals: "a" } },
        rule_id: "mail",
        rule_version: version,
        uses: 2,
        used: 0,
        granted_by: { id: "ann" },
        hitl_id,
      });
      expect((await grants.list()).items).toHaveLength(1);
    });

    it("come of no other answer (P8)", async () => {
      const { grants, answered } = setUp();
      for (const answer of [{ decision: "approve_once" }, { decision: "reject" }])
        expect(await grants.fromAnswer(await answered(answer))).toBeNull();
      expect(await grants.fromAnswer("hitl_0000000000000000000000000000dead")).toBeNull();
      expect((await grants.list()).items).toEqual([]);
    });

    it("come of no answer of somebody who may not answer, nor of a deadline (P8)", async () => {
      const { grants, ask, backends } = setUp({ ...mail, answerers: ["cfo"] });
      const { question: asked } = await ask();
      const { record: open } = await backends[0].create({ ...asked.request, session_id: "s" });
      const forged = await answeredPast(backends[0], open, { decision: "approve_always" }, { id: "ann" });
      expect(forged).toMatchObject({ status: "completed", responded_by: { id: "ann" } });
      expect(await grants.fromAnswer(forged.hitl_id)).toBeNull();
      const timed = setUp({ ...mail, on_expire: { respond: { decision: "approve_always" } } });
      const { question } = await timed.ask();
      const [backend] = timed.backends;
      const expires_at = world.clock.now() + 1;
      const { record } = await backend.create({ ...question.request, session_id: "s", expires_at });
      world.clock.advance(2);
      expect(await backend.get(record.hitl_id)).toMatchObject({ status: "completed", reason: "expired" });
      expect(await timed.grants.fromAnswer(record.hitl_id)).toBeNull();
    });

    it("come of no question that a caller has made up to allow them at high risk (P8)", async () => {
      const { grants, ask, backends } = setUp();
      const { question } = await ask();
      const data = { ...question.request.data, risk_level: "high" };
      const { record } = await backends[0].create({ ...question.request, data, session_id: "s" });
      await backends[0].respond(record.hitl_id, { decision: "approve_always" });
      expect(await grants.fromAnswer(record.hitl_id)).toBeNull();
    });

    it("allow nothing at high risk, however they were given (P8)", async () => {
      const { grants, use, given } = setUp({ id: "mail", verdict: "ask", risk_level: "high" });
      await grants.create({ ...given, scope: "tenant" });
      expect(await use("c1")).toBeNull();
    });

    it("are bound to tool, arguments, rule and version, session and user (P7)", async () => {
      const { grants, ask, use, given } = setUp();
      const created = { ...given, args: { to: "a" } } as const;
      await grants.create({ ...created, scope: "session", scope_id: "s" });
      await grants.create({ ...created, scope: "user", scope_id: "u" });
      expect(await use("c1")).not.toBeNull();
      expect(await use("c2", { args: { to: "b" } })).toBeNull();
      expect(await use("c3", { args: { to: ["a", "b"] } })).toBeNull();
      expect(await use("c4", { by: { session_id: "s2", user_id: "u2" } })).toBeNull();
      expect(await use("c5", { by: { session_id: "s2" } })).not.toBeNull();
      const decision = await ask();
      const by = { session_id: "s", user_id: "u", call_id: "c6" };
      for (const other of [{ tool: "pay" }, { rule_id: "other" }, { rule_version: "other" }])
        expect(await grants.consume({ ...decision, ...other }, by)).toBeNull();
      expect(await grants.consume(decision, by)).not.toBeNull();
    });

    it("do not widen themselves: what a model has written is no glob (P7)", async () => {
      const { grants, use, answered } = setUp();
      await grants.fromAnswer(await answered({ decision: "approve_always" }, { to: "*" }));
      expect(await use("c1", { args: { to: "anybody" } })).toBeNull();
      expect(await use("c2", { args: { to: "*" } })).not.toBeNull();
    });

    it("are seen by their tenant alone", async () => {
      const one = setUp();
      const two = setUp();
      const grant = await one.grants.create({ ...one.given, scope: "tenant" });
      expect(await two.use("c1")).toBeNull();
      expect(await two.grants.get(grant.grant_id)).toBeNull();
      expect(await two.grants.revoke(grant.grant_id)).toEqual({ status: "not_found" });
      expect((await two.grants.list()).items).toEqual([]);
      expect((await two.grants.history(grant.grant_id)).items).toEqual([]);
      expect(await one.use("c1")).not.toBeNull();
    });

    it("are consumed once for a call, from two processes at once (P9)", async () => {
      const { grants, other, use, given } = setUp();
      const grant = await grants.create({ ...given, scope: "user", scope_id: "u", uses: 3 });
      const calls = Array.from({ length: 24 }, (_, n) =>
        use(`c${n % 6}`, { of: n % 2 === 0 ? grants : other }),
      );
      const used = await Promise.all(calls);
      const allowed = new Set(used.flatMap((result, n) => (result ? [n % 6] : [])));
      expect(allowed.size).toBe(3);
      expect(used.filter((result) => result && !result.repeated)).toHaveLength(3);
      expect(await grants.get(grant.grant_id)).toMatchObject({ used: 3, status: "used_up" });
      const { items } = await grants.history(grant.grant_id);
      expect(items.map(({ type }) => type)).toEqual(["granted", "used", "used", "used"]);
      expect(items[1]?.data).toMatchObject({ tool: "mail", session_id: "s", user_id: "u" });
      // Used up: the calls that have used it may be executed again, and no other.
      for (let n = 0; n < 6; n += 1) expect((await use(`c${n}`)) !== null).toBe(allowed.has(n));
    });

    it("are consumed once for a call, though its executions see different grants (P9)", async () => {
      const { backends, grants, other, use, given } = setUp();
      const wide = await grants.create({ ...given, scope: "tenant", uses: 1 });
      let narrow: string | undefined;
      // Between what the first execution has seen and what it writes, a grant is given and the second one uses it.
      const late = waiting(backends[0], world.clock, async (operation) => {
        if (operation !== "commit" || narrow !== undefined) return;
        narrow = "given";
        narrow = (await other.create({ ...given, scope: "session", scope_id: "s", uses: 1 })).grant_id;
        expect((await use("c1", { of: other }))?.grant.grant_id).toBe(narrow);
      });
      const used = await use("c1", { of: new PolicyGrants({ backend: late }) });
      expect(used).toMatchObject({ repeated: true, grant: { grant_id: narrow } });
      expect(await grants.get(wide.grant_id)).toMatchObject({ used: 0, status: "active" });
    });

    it("allow both executions of a call, though the second sees no grant that is left (P9)", async () => {
      const { backends, grants, other, use, given } = setUp();
      const grant = await grants.create({ ...given, scope: "session", scope_id: "s", uses: 1 });
      let isUsed = false;
      // The choice is read, the grants are not.
      const late = waiting(backends[0], world.clock, async (operation) => {
        if (operation !== "page" || isUsed) return;
        isUsed = true;
        expect(await use("c1", { of: other })).toMatchObject({ repeated: false });
      });
      const used = await use("c1", { of: new PolicyGrants({ backend: late }) });
      expect(used).toMatchObject({ repeated: true, grant: { grant_id: grant.grant_id, used: 1 } });
    });

    it("of the session are chosen and used in one commit, others in two (P5)", async () => {
      const { backends, grants, use, given } = setUp();
      const operations: string[] = [];
      const counted = waiting(backends[0], world.clock, async (operation) => void operations.push(operation));
      const of = new PolicyGrants({ backend: counted });
      const commits = (): number => operations.splice(0).filter((operation) => operation === "commit").length;
      await grants.create({ ...given, scope: "session", scope_id: "s", uses: 1 });
      expect(await use("c1", { of })).not.toBeNull();
      expect(commits()).toBe(1);
      expect(await use("c1", { of })).toMatchObject({ repeated: true });
      expect(commits()).toBe(0);
      expect(await use("c2", { of })).toBeNull();
      expect(commits()).toBe(0);
      await grants.create({ ...given, scope: "user", scope_id: "u" });
      expect(await use("c2", { of })).not.toBeNull();
      expect(commits()).toBe(2);
    });

    it.each([
      ["session", 1],
      ["tenant", 1],
      ["tenant", 2],
    ] as const)(
      "of the %s allow nothing, if revoked before commit %i of the use (P8)",
      async (scope, when) => {
        const { backends, grants, other, use, given } = setUp();
        const scope_id = scope === "session" ? "s" : undefined;
        const grant = await grants.create({ ...given, scope, scope_id, uses: 1 });
        let commits = 0;
        const late = waiting(backends[0], world.clock, async (operation) => {
          if (operation === "commit" && (commits += 1) === when) await other.revoke(grant.grant_id);
        });
        expect(await use("c1", { of: new PolicyGrants({ backend: late }) })).toBeNull();
        expect(commits).toBeGreaterThanOrEqual(when);
        expect(await grants.get(grant.grant_id)).toMatchObject({ used: 0, status: "revoked" });
      },
    );

    it("without a number allow calls that run side by side", async () => {
      const { grants, other, use, given } = setUp();
      const grant = await grants.create({ ...given, scope: "session", scope_id: "s" });
      const calls = Array.from({ length: 16 }, (_, n) => use(`c${n}`, { of: n % 2 === 0 ? grants : other }));
      expect((await Promise.all(calls)).every((used) => used?.repeated === false)).toBe(true);
      expect(await grants.get(grant.grant_id)).toMatchObject({ used: 0, uses: null, status: "active" });
      expect((await grants.history(grant.grant_id)).items).toHaveLength(17);
    });

    it("that are revoked stop the very next call, and the one that has used them (P8)", async () => {
      const { grants, other, use, given, answered } = setUp();
      const hitl_id = await answered({ decision: "approve_always" });
      const grant = await grants.fromAnswer(hitl_id);
      expect(await use("c1")).not.toBeNull();
      const actor = { id: "bob" };
      const revoked = await other.revoke(grant?.grant_id ?? "", { actor, reason: "too wide" });
      expect(revoked).toMatchObject({ status: "revoked", grant: { status: "revoked", used: 1 } });
      expect(await use("c1")).toBeNull();
      expect(await use("c2")).toBeNull();
      expect((await grants.revoke(grant?.grant_id ?? "")).status).toBe("conflict");
      // The answer does not bring it back.
      expect(await grants.fromAnswer(hitl_id)).toMatchObject({ status: "revoked" });
      expect(await use("c2")).toBeNull();
      const { items } = await grants.history(grant?.grant_id ?? "");
      expect(items.at(-1)).toMatchObject({ type: "revoked", actor, reason: "too wide" });
      // Another grant allows the call again.
      await grants.create({ ...given, scope: "session", scope_id: "s" });
      expect(await use("c1")).toMatchObject({ repeated: false });
    });

    it("that have expired allow nothing, by the store's clock (P8)", async () => {
      const { grants, use, answered } = setUp();
      const grant = await grants.fromAnswer(await answered({ decision: "approve_always" }));
      expect(grant?.expires_at).toBe(world.clock.now() + 10_000);
      expect(await use("c1")).not.toBeNull();
      world.clock.advance(10_000);
      expect(await use("c1")).toBeNull();
      expect(await use("c2")).toBeNull();
      expect(await grants.get(grant?.grant_id ?? "")).toMatchObject({ status: "expired", used: 1 });
      expect(await grants.revoke(grant?.grant_id ?? "")).toMatchObject({ status: "conflict" });
      const { items } = await grants.history(grant?.grant_id ?? "");
      expect(items.map(({ type }) => type)).toEqual(["granted", "used", "expired"]);
    });

    it("are listed by session, by user, or all, in pages", async () => {
      const { grants, given } = setUp();
      for (let n = 0; n < 3; n += 1) await grants.create({ ...given, scope: "session", scope_id: "s" });
      const mine = await grants.create({ ...given, scope: "user", scope_id: "u", actor: { id: "ann" } });
      const all = await grants.create({ ...given, scope: "tenant" });
      await grants.revoke(mine.grant_id);
      const first = await grants.list({ session_id: "s", limit: 2 });
      const second = await grants.list({ session_id: "s", limit: 2, cursor: first.next_cursor });
      expect(first.items).toHaveLength(2);
      expect(second.items).toHaveLength(1);
      expect((await grants.list({ user_id: "u" })).items).toMatchObject([
        { status: "revoked", granted_by: { id: "ann" } },
      ]);
      expect((await grants.list({ user_id: "u", status: "active" })).items).toEqual([]);
      expect((await grants.list({ status: ["active"] })).items.map(({ grant_id }) => grant_id)).toContain(
        all.grant_id,
      );
      expect((await grants.list()).items).toHaveLength(5);
      for (const bad of [
        { session_id: "s", user_id: "u" },
        { tool: "mail" },
        { status: "gone" },
        { session_id: "" },
      ])
        await expect(grants.list(bad as never)).rejects.toMatchObject({ code: "ERR_HITL_INVALID_INPUT" });
    });

    it("are refused before anything is written, if they cannot be", async () => {
      const { grants, given } = setUp();
      const good = { ...given, scope: "session", scope_id: "s" };
      const bad = [
        { scope: "world" },
        { scope_id: undefined },
        { scope: "tenant" },
        { tool: "" },
        { args: { to: { glob: "x" } } },
        { rule_version: "" },
        { uses: 0 },
        { uses: 1001 },
        { uses: 1.5 },
        { expiresInMs: -1 },
        { actor: { id: "" } },
      ];
      for (const more of bad)
        await expect(grants.create({ ...good, ...more } as never)).rejects.toMatchObject({
          code: "ERR_HITL_INVALID_INPUT",
        });
      expect((await grants.list()).items).toEqual([]);
    });

    it("hold what the model of them holds, whatever happens side by side (P4, P8, P9)", () =>
      modelOfGrants(world, numRuns));
  });
}
