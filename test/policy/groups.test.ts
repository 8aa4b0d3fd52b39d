/** Equal questions as one for the human, each of them answered by itself (P4, P7). */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HITLBackend, type HITLRecord, InMemoryHITLBackend } from "holdpoint";
import { hashJson } from "../../src/core/ids.ts";
import type { JsonObject } from "../../src/core/json.ts";
import {
  type AskGroup,
  definePolicy,
  groupAsks,
  type GroupOptions,
  PolicyGrants,
  type PolicyRule,
  respondToGroup,
} from "../../src/policy/index.ts";
import { openWorld, type StoreName, type World } from "../ledger/kit.ts";
import { asAsk } from "./kit.ts";
import { waiting } from "./turns.ts";

const mail: PolicyRule = {
  id: "mail",
  for: "mail",
  verdict: "ask",
  answerers: ["ann", "al"],
  allowed_decisions: ["approve_once", "approve_always", "reject"],
  grant: { scopes: ["session", "tenant"], args: "any" },
};
const ann = { actor: { id: "ann" } };

async function asked(
  backend: HITLBackend,
  args: JsonObject = { to: "x" },
  {
    session_id = "s",
    rule = mail,
    more = {},
  }: { session_id?: string; rule?: PolicyRule; more?: object } = {},
): Promise<HITLRecord> {
  const decision = asAsk(
    await definePolicy({ rules: [rule] }).decide({ name: "mail", args }, { session_id }),
  );
  return (await backend.create({ ...decision.question.request, session_id, ...more })).record;
}

const only = (groups: readonly AskGroup[]): AskGroup => {
  expect(groups).toHaveLength(1);
  return groups[0] as AskGroup;
};
const ids = (records: readonly HITLRecord[]): string[] => records.map(({ hitl_id }) => hitl_id);

describe("groupAsks", () => {
  it("puts open questions together that are equal in session, tool, arguments, rule and version, and no others (P7)", async () => {
    const backend = new InMemoryHITLBackend();
    const first = await asked(backend);
    const others = [
      await asked(backend, { to: "y" }),
      await asked(backend, undefined, { session_id: "t" }),
      await asked(backend, undefined, { rule: { ...mail, risk_level: "low" } }),
      await asked(backend, undefined, { rule: { ...mail, id: "other" } }),
    ];
    const second = await asked(backend, undefined, { more: { data: { ...first.data, message: "Again?" } } });
    const answered = await asked(backend);
    await backend.respond(answered.hitl_id, { decision: "reject" }, ann);
    await backend.create({ hitl_type: "confirm", session_id: "s", data: { message: "?" } });
    const subject = { tool: "mail", args: { to: "x" }, approved_hash: "x" };
    await backend.create({ hitl_type: "permission", session_id: "s", data: first.data, subject });
    const { items } = await backend.list({});
    const groups = groupAsks([...items, ...items].toReversed());
    expect(groups.map(({ records }) => ids(records))).toEqual(
      [[first.hitl_id, second.hitl_id], ...others.map(({ hitl_id }) => [hitl_id])].toSorted((a, b) =>
        items.findIndex(({ hitl_id }) => hitl_id === a[0]) <
        items.findIndex(({ hitl_id }) => hitl_id === b[0])
          ? -1
          : 1,
      ),
    );
    const [group] = groups.filter(({ records }) => records.length > 1);
    const { approved_hash } = first.subject as NonNullable<HITLRecord["subject"]>;
    expect(group).toMatchObject({ approved_hash, tool: "mail", args: { to: "x" } });
  });

  it("takes no question's word for its hash (P7)", async () => {
    const backend = new InMemoryHITLBackend();
    const good = await asked(backend);
    const { subject } = good;
    const forged = { ...subject, args: { to: "everybody" } } as NonNullable<HITLRecord["subject"]>;
    await asked(backend, undefined, { more: { subject: forged } });
    const { items } = await backend.list({});
    expect(ids(only(groupAsks(items)).records)).toEqual([good.hitl_id]);
  });

  it("gives each open question once, in a group of its equals, by age (a property)", async () => {
    const some = fc.record({
      session_id: fc.constantFrom("a", "b"),
      tool: fc.constantFrom("x", "y"),
      args: fc.constantFrom<JsonObject>({}, { n: 1 }, { n: 2, m: 1 }, { m: 1, n: 2 }),
      rule: fc.constantFrom("r", "q"),
      version: fc.constantFrom("1", "2"),
      status: fc.constantFrom("pending" as const, "pending" as const, "completed" as const),
      at: fc.nat(3),
    });
    const backend = new InMemoryHITLBackend();
    const base = await asked(backend);
    fc.assert(
      fc.property(fc.array(some, { maxLength: 30 }), (given) => {
        const records = given.map(({ session_id, tool, args, rule, version, status, at }, n): HITLRecord => {
          const approved_hash = hashJson([tool, args, rule, version]);
          const subject = { tool, args, approved_hash, rule_id: rule, rule_version: version };
          return { ...base, hitl_id: `q${n}`, session_id, status, created_at: at, subject };
        });
        const groups = groupAsks(records);
        const all = groups.flatMap((group) => group.records);
        expect(new Set(all).size).toBe(all.length);
        expect(new Set(all)).toEqual(new Set(records.filter(({ status }) => status === "pending")));
        const says = ({ session_id, subject }: HITLRecord): string =>
          hashJson([session_id, subject as never]);
        const said = groups.map((group) => new Set(group.records.map(says)));
        expect(said.every((one) => one.size === 1)).toBe(true);
        expect(new Set(said.flatMap((one) => [...one])).size).toBe(groups.length);
        const ages = groups.map((group) => group.records.map(({ created_at }) => created_at));
        for (const own of ages) expect(own).toEqual(own.toSorted((a, b) => a - b));
        const firsts = ages.map(([age]) => age as number);
        expect(firsts).toEqual(firsts.toSorted((a, b) => a - b));
      }),
      { numRuns: 200 },
    );
  });
});

describe.each<StoreName>(["memory", "sqlite", "redis"])("respondToGroup on %s", (name) => {
  let world: World;
  let tenants = 0;
  beforeAll(async () => {
    world = await openWorld(name);
  });
  afterAll(() => world.close());

  async function setUp(count = 4, rule = mail, more: object = {}) {
    const tenant = `tenant-${(tenants += 1)}`;
    const [backend, other] = world.backends.map((one) => one.forTenant(tenant)) as [HITLBackend, HITLBackend];
    for (let n = 0; n < count; n += 1) {
      await asked(backend, undefined, { rule, more });
      world.clock.advance(1);
    }
    const group = only(groupAsks((await backend.getPendingBySession("s")).items));
    const answer = async (decision: string, options: GroupOptions = ann, of = backend): Promise<string[]> =>
      (await respondToGroup(of, group, { decision }, options)).map(({ result }) => result.status);
    const decisions = async (): Promise<unknown[]> =>
      (await backend.list({ session_id: "s" })).items.map(
        ({ user_response }) => (user_response as { decision?: string } | null)?.decision ?? null,
      );
    /** As their calls do that read the answers. */
    const grants = async () => {
      const own = new PolicyGrants({ backend: other });
      for (const { hitl_id } of group.records) await own.fromAnswer(hitl_id);
      return (await own.list()).items;
    };
    return { backend, other, group, answer, decisions, grants };
  }

  it("P4 answers each question by itself, and says what became of each", async () => {
    const { backend, group, answer, decisions } = await setUp();
    await backend.respond(group.records[1]?.hitl_id ?? "", { decision: "approve_once" }, ann);
    await backend.cancel(group.records[2]?.hitl_id ?? "");
    expect(await answer("reject")).toEqual(["accepted", "conflict", "cancelled", "accepted"]);
    expect(await decisions()).toEqual(["reject", "approve_once", null, "reject"]);
    expect(await answer("reject")).toEqual(["duplicate", "conflict", "cancelled", "duplicate"]);
    const results = await respondToGroup(backend, group, { decision: "reject" }, ann);
    expect(results.map(({ hitl_id }) => hitl_id)).toEqual(ids(group.records));
  });

  it("P8 changes nothing by whom may not answer, or by an answer that is none", async () => {
    const { answer, decisions } = await setUp(2);
    expect(await answer("reject", {})).toEqual(["forbidden", "forbidden"]);
    expect(await answer("approve_always", { actor: { id: "eve" } })).toEqual(["forbidden", "forbidden"]);
    expect(await answer("skip")).toEqual(["invalid", "invalid"]);
    expect(await decisions()).toEqual([null, null]);
  });

  it("P8 gives one grant for a group, though it is approved always, and twice at once", async () => {
    const { answer, decisions, grants, other } = await setUp(5);
    const [one, two] = await Promise.all([
      answer("approve_always"),
      answer("approve_always", { actor: { id: "al" } }, other),
    ]);
    for (const [n, status] of one.entries())
      expect([status, two[n]].toSorted()).toEqual(["accepted", "duplicate"]);
    expect(await decisions()).toEqual(["approve_always", ...Array.from({ length: 4 }, () => "approve_once")]);
    expect(await grants()).toMatchObject([{ scope: "session", scope_id: "s", status: "active" }]);
    expect(new Set(await answer("approve_always"))).toEqual(new Set(["duplicate"]));
    expect(await grants()).toHaveLength(1);
  });

  it("P8 gives it by the next question, if the first was answered otherwise, and not if that has given it", async () => {
    const { backend, group, answer, decisions, grants } = await setUp(3);
    await backend.respond(group.records[0]?.hitl_id ?? "", { decision: "reject" }, ann);
    expect(await answer("approve_always")).toEqual(["conflict", "accepted", "accepted"]);
    expect(await decisions()).toEqual(["reject", "approve_always", "approve_once"]);
    expect(await grants()).toHaveLength(1);
    const given = await setUp(3);
    const first = given.group.records[0]?.hitl_id ?? "";
    await given.backend.respond(first, { decision: "approve_always", message: "ok", scope: "session" }, ann);
    expect(await given.answer("approve_always")).toEqual(["conflict", "accepted", "accepted"]);
    expect(await given.decisions()).toEqual(["approve_always", "approve_once", "approve_once"]);
    const wider = await setUp(3);
    const narrow = wider.group.records[0]?.hitl_id ?? "";
    await wider.backend.respond(narrow, { decision: "approve_always" }, ann);
    const response = { decision: "approve_always", scope: "tenant" };
    await respondToGroup(wider.backend, wider.group, response, ann);
    expect(await wider.decisions()).toEqual(["approve_always", "approve_always", "approve_once"]);
    const scopes = (await wider.grants()).map(({ scope }) => scope);
    expect(scopes.toSorted()).toEqual(["session", "tenant"]);
  });

  it("P4 can be sent again after the store has failed in between, and gives one grant then, too", async () => {
    const { backend, group, answer, decisions, grants } = await setUp(4);
    let commits = 0;
    const failing = waiting(backend, world.clock, (operation) =>
      operation === "commit" && (commits += 1) === 2 ? Promise.reject(new Error("away")) : Promise.resolve(),
    );
    await expect(respondToGroup(failing, group, { decision: "approve_always" }, ann)).rejects.toThrow("away");
    const again = await answer("approve_always");
    expect(again[0]).toBe("duplicate");
    expect(await decisions()).toEqual(["approve_always", "approve_once", "approve_once", "approve_once"]);
    expect(await grants()).toHaveLength(1);
  });

  it("P7 answers no question that is not equal, and writes nothing then", async () => {
    const { backend, group, decisions } = await setUp(2);
    const stranger = await asked(backend, { to: "y" });
    const forged = { ...stranger, subject: group.records[0]?.subject ?? null };
    const bad: AskGroup[] = [
      { ...group, records: [...group.records, stranger] },
      { ...group, records: [] },
      { ...group, approved_hash: "x" },
      { ...group, records: [stranger] },
      { ...group, records: [...group.records, ...group.records] },
    ];
    for (const one of bad)
      await expect(respondToGroup(backend, one, { decision: "reject" }, ann)).rejects.toMatchObject({
        code: "ERR_HITL_INVALID_INPUT",
      });
    expect(await decisions()).toEqual([null, null, null]);
    // What a caller says of a question is not what the store has.
    const results = await respondToGroup(
      backend,
      { ...group, records: [forged] },
      { decision: "reject" },
      ann,
    );
    expect(results).toEqual([{ hitl_id: stranger.hitl_id, result: { status: "not_found" } }]);
    expect(await decisions()).toEqual([null, null, null]);
  });

  it("approve_always needs approve_once for the others, and is refused without it", async () => {
    const { answer, decisions } = await setUp(2, {
      ...mail,
      allowed_decisions: ["approve_always", "reject"],
    });
    await expect(answer("approve_always")).rejects.toMatchObject({ code: "ERR_HITL_INVALID_INPUT" });
    expect(await decisions()).toEqual([null, null]);
    expect(await answer("reject")).toEqual(["accepted", "accepted"]);
  });

  it("takes those that were escalated meanwhile, and not those that have expired", async () => {
    const expires_at = world.clock.now() + 100;
    const { answer } = await setUp(2, mail, { expires_at, on_expire: { escalate: "eve" } });
    world.clock.advance(200);
    expect(await answer("reject", { actor: { id: "eve" } })).toEqual(["accepted", "accepted"]);
    const late = await setUp(2, mail, { expires_at: world.clock.now() + 100 });
    world.clock.advance(200);
    expect(await late.answer("approve_always")).toEqual(["expired", "expired"]);
  });
});
