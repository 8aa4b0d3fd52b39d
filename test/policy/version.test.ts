/** P7: a deploy with unchanged rules asks nothing again, a changed rule does. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { definePolicy, type PolicyOptions, type PolicyRule } from "../../src/policy/index.ts";

function versionOf(rule: PolicyRule, more: Partial<PolicyOptions> = {}): string {
  return definePolicy({ rules: [rule], ...more }).rules[0]?.version ?? "";
}

const make = (): PolicyRule => ({
  id: "r",
  for: ["a", "b"],
  permission: "shell:*",
  args: { to: ["*@x"], n: { equals: { a: 1, b: 2 } } },
  schema: { type: "object", required: ["to"] },
  when: ({ args }) => args["n"] === 1,
  verdict: "ask",
  risk_level: "low",
  allowed_decisions: ["approve_once", "approve_always", "reject"],
  answerers: ["ann"],
  on_expire: "expire",
  grant: { uses: 3 },
  message: "Really?",
  assignee: "ann",
  expiresInMs: 1000,
});

describe("the version of a rule", () => {
  it("is the same wherever, whenever and in whatever order of keys the rule is defined (P7)", () => {
    const entries = Object.entries(make()).reverse();
    const turned = {
      ...Object.fromEntries(entries),
      args: { n: { equals: { b: 2, a: 1 } }, to: ["*@x"] },
    } as unknown as PolicyRule;
    expect(versionOf(turned)).toBe(versionOf(make()));
    const { id: _, ...nameless } = make();
    const [first] = definePolicy({ rules: [nameless] }).rules;
    const [, second] = definePolicy({ rules: [{ verdict: "deny", for: "x" }, nameless] }).rules;
    expect(second).toMatchObject({ id: first?.id, version: first?.version });
  });

  it("does not change with what is only shown, and with how long it is open", () => {
    const shown: Partial<PolicyRule>[] = [
      { message: () => "Sure?" },
      { assignee: "bob" },
      { expiresInMs: 5 },
    ];
    for (const more of shown) expect(versionOf({ ...make(), ...more })).toBe(versionOf(make()));
  });

  const changes: Record<string, Partial<PolicyRule>> = {
    for: { for: ["a"] },
    permission: { permission: "shell:ls" },
    args: { args: { to: ["*@y"] } },
    schema: { schema: { type: "object" } },
    "a Standard Schema": { schema: z.object({ to: z.string() }) },
    when: { when: ({ args }) => args["n"] === 2 },
    version: { version: "2" },
    risk_level: { risk_level: "medium" },
    allowed_decisions: { allowed_decisions: ["approve_once", "approve_always"] },
    argsSchema: { argsSchema: { type: "object" } },
    answerers: { answerers: ["bob"] },
    on_expire: { on_expire: { respond: { decision: "reject" } } },
    grant: { grant: { uses: 4 } },
    "arguments of a grant": { grant: { uses: 3, args: "any" } },
  };

  it.each(Object.keys(changes))("changes with %s (P7)", (name) => {
    expect(versionOf({ ...make(), ...changes[name] })).not.toBe(versionOf(make()));
  });

  it("changes with the verdict, and with the types that permissions mean (P7)", () => {
    const plain: PolicyRule = { permission: "shell:*", verdict: "allow" };
    expect(versionOf({ ...plain, verdict: "deny" })).not.toBe(versionOf(plain));
    expect(versionOf(plain, { permissions: { bash: "shell" } })).not.toBe(versionOf(plain));
    // A rule that asks for no type does not change with them.
    const other: PolicyRule = { for: "x", verdict: "allow" };
    expect(versionOf(other, { permissions: { bash: "shell" } })).toBe(versionOf(other));
  });

  it("is the author's for what his functions do, and holdpoint's for the rest", () => {
    const rule: PolicyRule = { verdict: "deny", for: "x", version: "1" };
    const one = versionOf({ ...rule, when: () => true });
    expect(versionOf({ ...rule, when: () => false })).toBe(one);
    expect(versionOf({ ...rule, when: (() => true).bind(null) })).toBe(one);
    expect(versionOf({ ...rule, when: () => true, for: "y" })).not.toBe(one);
    expect(versionOf(rule)).not.toBe(one);
  });
});

describe("the approved hash", () => {
  const decide = async (rule: PolicyRule, name: string, args: Record<string, unknown>) =>
    (await definePolicy({ rules: [rule] }).decide({ name, args })).approved_hash;

  it("is of tool, arguments, rule and version (P7)", async () => {
    const rule: PolicyRule = { id: "r", verdict: "ask" };
    const hash = await decide(rule, "t", { a: 1, b: 2 });
    expect(await decide(rule, "t", { b: 2, a: 1 })).toBe(hash);
    const others = [
      await decide(rule, "u", { a: 1, b: 2 }),
      await decide(rule, "t", { a: 1, b: 3 }),
      await decide({ ...rule, id: "s" }, "t", { a: 1, b: 2 }),
      await decide({ ...rule, version: "2" }, "t", { a: 1, b: 2 }),
    ];
    expect(new Set([hash, ...others]).size).toBe(5);
  });
});
