/** Which calls a rule means. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { definePolicy, type PolicyRule, type Verdict } from "../../src/policy/index.ts";
import { globOf } from "../../src/policy/glob.ts";
import { permissionPatternOf } from "../../src/policy/permission-type.ts";
import { decide } from "./kit.ts";

const ruleOf = (verdict: Verdict, more: Partial<PolicyRule>): PolicyRule => ({ id: "r", verdict, ...more });

/** Whether the rule means the call, by the verdict that only it gives. */
async function isMeant(rule: PolicyRule, name: string, args: Record<string, unknown> = {}): Promise<boolean> {
  return (await decide([rule], name, args)).rule_id === "r";
}

describe("the rules of a policy", () => {
  it("are read in order, and the first that means the call decides", async () => {
    const verdict = fc.constantFrom<Verdict>("allow", "ask", "deny");
    const glob = fc.constantFrom("*", "read_*", "read_mail", "send_*", "x", "*_mail");
    const rules = fc.array(fc.record({ glob, verdict }), { maxLength: 8 });
    const name = fc.constantFrom("read_mail", "send_mail", "x", "y");
    const otherwise = fc.option(verdict, { nil: undefined });
    await fc.assert(
      fc.asyncProperty(rules, name, otherwise, async (given, tool, fallback) => {
        const policy = definePolicy({
          rules: given.map(({ glob: tools, verdict: says }, index) => ({
            id: `r${index}`,
            for: tools,
            verdict: says,
          })),
          default: fallback,
        });
        const expression = (text: string): RegExp => new RegExp(`^${text.replace("*", ".*")}$`);
        const first = given.findIndex(({ glob: tools }) => expression(tools).test(tool));
        const decision = await policy.decide({ name: tool, args: {} });
        expect(decision.rule_id).toBe(first < 0 ? "default" : `r${first}`);
        expect(decision.verdict).toBe(first < 0 ? (fallback ?? "ask") : given[first]?.verdict);
      }),
      { numRuns: 500 },
    );
  });

  it("ask by default (P8)", async () => {
    const decision = await decide([], "anything");
    expect(decision).toMatchObject({ verdict: "ask", reason: "default", rule_id: "default" });
  });

  it("mean a call only if all that they name holds", async () => {
    const rule = ruleOf("deny", {
      for: "pay",
      args: { to: "*@evil" },
      schema: { type: "object", required: ["amount"] },
      when: ({ args }) => args["amount"] === 1,
    });
    const full = { to: "x@evil", amount: 1 };
    expect(await isMeant(rule, "pay", full)).toBe(true);
    expect(await isMeant(rule, "refund", full)).toBe(false);
    expect(await isMeant(rule, "pay", { ...full, to: "x@good" })).toBe(false);
    expect(await isMeant(rule, "pay", { to: "x@evil" })).toBe(false);
    expect(await isMeant(rule, "pay", { ...full, amount: 2 })).toBe(false);
  });
});

describe("patterns on arguments", () => {
  it.each<[string, unknown, Record<string, unknown>, boolean]>([
    ["to", "*@x", { to: "a@x" }, true],
    ["to", ["*@x", "*@y"], { to: "a@y" }, true],
    ["to", "*@x", {}, false],
    ["to", "*@x", { to: { toString: "a@x" } }, false],
    ["to", "null", { to: null }, false],
    ["n", "5", { n: 5 }, true],
    ["b", "true", { b: true }, true],
    ["to.email", "*@x", { to: { email: "a@x" } }, true],
    ["to.email", "*@x", { "to.email": "a@x" }, false],
    ["/to.email", "*@x", { "to.email": "a@x" }, true],
    ["/a~1b/0", "x", { "a/b": ["x"] }, true],
    ["files.0", "x", { files: ["x", "y"] }, true],
    ["files.2", "*", { files: ["x", "y"] }, false],
    ["toString", "*", {}, false],
    ["constructor.name", "*", {}, false],
    ["n", { equals: 5 }, { n: 5 }, true],
    ["n", { equals: 5 }, { n: "5" }, false],
    ["o", { equals: { a: 1, b: [2] } }, { o: { b: [2], a: 1 } }, true],
    ["", { equals: { a: 1 } }, { a: 1 }, true],
    ["", { equals: { a: 1 } }, { a: 1, b: 2 }, false],
  ])("%s %j on %j: %s", async (path, pattern, args, expected) => {
    for (const verdict of ["allow", "deny"] as const)
      expect(await isMeant(ruleOf(verdict, { args: { [path]: pattern as string } }), "t", args)).toBe(
        expected,
      );
  });

  it("of a list need all entries to allow, and one to ask or deny (P8)", async () => {
    const args = { to: "*@good" };
    const mixed = { to: ["a@good", "b@evil"] };
    expect(await isMeant(ruleOf("allow", { args }), "t", mixed)).toBe(false);
    expect(await isMeant(ruleOf("allow", { args }), "t", { to: ["a@good", ["b@good"]] })).toBe(true);
    expect(await isMeant(ruleOf("allow", { args }), "t", { to: [] })).toBe(false);
    for (const verdict of ["ask", "deny"] as const) {
      expect(await isMeant(ruleOf(verdict, { args: { to: "*@evil" } }), "t", mixed)).toBe(true);
      expect(await isMeant(ruleOf(verdict, { args: { to: "*@evil" } }), "t", { to: [] })).toBe(false);
    }
    const exactly = { to: { equals: "b@evil" } };
    expect(await isMeant(ruleOf("deny", { args: exactly }), "t", { to: ["a@good", ["b@evil"]] })).toBe(true);
    expect(await isMeant(ruleOf("allow", { args: exactly }), "t", { to: ["b@evil"] })).toBe(false);
    const nested = { files: [{ path: "/tmp/a" }, { path: "/etc/b" }] };
    expect(await isMeant(ruleOf("deny", { args: { "files.path": "/etc/*" } }), "t", nested)).toBe(true);
    expect(await isMeant(ruleOf("allow", { args: { "files.path": "/tmp/*" } }), "t", nested)).toBe(false);
    const partly = { files: [{ path: "/tmp/a" }, {}] };
    expect(await isMeant(ruleOf("allow", { args: { "files.path": "/tmp/*" } }), "t", partly)).toBe(false);
  });

  it("allow fewer calls than they would deny, whatever the arguments (P8)", async () => {
    const field = fc.oneof(
      fc.constantFrom("ok-1", "ok-2", "bad"),
      fc.constant(null),
      fc.constant({ x: "ok" }),
    );
    const value = fc.oneof(
      field,
      fc.array(fc.oneof(field, fc.array(field, { maxLength: 2 })), { maxLength: 3 }),
    );
    await fc.assert(
      fc.asyncProperty(value, async (given) => {
        const args = { v: "ok-*" };
        const allowed = await isMeant(ruleOf("allow", { args }), "t", { v: given });
        const texts = [given].flat(3);
        expect(allowed).toBe(texts.length > 0 && [given].every(allFit));
        if (allowed) expect(await isMeant(ruleOf("deny", { args }), "t", { v: given })).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

function allFit(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every(allFit);
  return typeof value === "string" && value.startsWith("ok-");
}

describe("type:pattern", () => {
  const permissions = {
    bash: "shell",
    "*_file": "file",
    python: "code",
    mail: { type: "mail", pattern_args: ["to", "subject"] },
    ping: { type: "net" },
  } as const;

  /** The example order of aury's rules. */
  const policy = definePolicy({
    permissions,
    rules: [
      { id: "rm", permission: "shell:rm -rf *", verdict: "deny" },
      { id: "sudo", permission: "shell:sudo *", verdict: "ask" },
      { id: "shell", permission: "shell:*", verdict: "allow" },
      { id: "etc", permission: "file:write:/etc/*", verdict: "deny" },
      { id: "files", permission: "file:*", verdict: "allow" },
      { id: "mail", permission: ["mail:*@x:*", "mail:*@y:*"], verdict: "allow" },
      { id: "net", permission: "net:[*]", verdict: "allow" },
      { id: "all", permission: "*:*", verdict: "ask" },
    ],
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["bash", { command: "rm -rf /" }, "rm"],
    ["bash", { command: "sudo ls" }, "sudo"],
    ["bash", { command: "ls" }, "shell"],
    ["bash", {}, "shell"],
    ["write_file", { operation: "write", path: "/etc/passwd" }, "etc"],
    ["write_file", { path: "/etc/passwd" }, "files"],
    ["python", { language: "python" }, "all"],
    ["mail", { to: "a@y", subject: "s" }, "mail"],
    ["mail", { to: "a@z", subject: "s" }, "all"],
    ["ping", { host: "h" }, "net"],
    ["other", {}, "all"],
  ])("%s %j is decided by %s", async (name, args, rule_id) => {
    expect((await policy.decide({ name, args })).rule_id).toBe(rule_id);
  });

  it("cannot be led astray by a colon in an argument: what allows is compared field by field (P8)", async () => {
    const of = (to: string, subject: string) => policy.decide({ name: "mail", args: { to, subject } });
    expect((await of("a@x", "re: you")).rule_id).toBe("mail");
    expect((await of("evil@z", "a@x:")).rule_id).toBe("all");
    expect((await of("evil@z:a@x", "s")).rule_id).toBe("mail");
    const strict = definePolicy({
      permissions,
      rules: [
        { id: "no", permission: "file:*:/etc/*", verdict: "deny" },
        { id: "read", permission: "file:read:/tmp/*", verdict: "allow" },
        { id: "star", permission: "*", verdict: "ask" },
      ],
    });
    const file = async (operation: string, path: string) =>
      (await strict.decide({ name: "x_file", args: { operation, path } })).rule_id;
    expect(await file("read", "/tmp/a")).toBe("read");
    expect(await file("read:/tmp/a", "/etc/passwd")).toBe("no");
    expect(await file("read:/tmp/a", "/home/b")).toBe("star");
    expect(await file("append", "x:/etc/b")).toBe("no");
  });

  it("allows no more than the glob of the whole text does, and denies no less (P8)", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", ":"), maxLength: 5 });
    const glob = fc.string({ unit: fc.constantFrom("a", "b", ":", "*", "?"), maxLength: 10 });
    fc.assert(
      fc.property(glob, fc.array(text, { minLength: 1, maxLength: 3 }), (source, args) => {
        const subject = ["t", ...args];
        const pattern = permissionPatternOf(source, "permission");
        const whole = globOf(source, "permission").matches(subject.join(":"));
        if (pattern.matches(subject, "every")) expect(whole).toBe(true);
        expect(pattern.matches(subject, "some")).toBe(whole);
      }),
      { numRuns: 5000 },
    );
  });

  it("denies where an argument is no text, and could be taken for another one (P8)", async () => {
    for (const to of [["a@x", "b@evil"], { "@x": 1 }])
      expect(await policy.decide({ name: "mail", args: { to, subject: "s" } })).toMatchObject({
        verdict: "deny",
        reason: "rule_failed",
      });
  });

  it("is refused at definition if it is none", () => {
    for (const bad of [
      "shells",
      {},
      { type: "a:b" },
      { type: "x", pattern_args: "to" },
      { type: "x", more: 1 },
    ])
      expect(() => definePolicy({ rules: [], permissions: { t: bad as never } })).toThrow(/permissions\.t/);
  });
});

describe("schemas", () => {
  it("mean the arguments that satisfy them: JSON Schema and Standard Schema", async () => {
    const json = { type: "object", properties: { n: { type: "number", maximum: 10 } }, required: ["n"] };
    const standard = z.object({ n: z.number().max(10) });
    for (const schema of [json, standard]) {
      expect(await isMeant(ruleOf("allow", { schema }), "t", { n: 5 })).toBe(true);
      expect(await isMeant(ruleOf("allow", { schema }), "t", { n: 11 })).toBe(false);
      expect(await isMeant(ruleOf("allow", { schema }), "t", {})).toBe(false);
    }
    const refined = z.object({ n: z.number() }).refine(async ({ n }) => n % 2 === 0);
    expect(await isMeant(ruleOf("allow", { schema: refined }), "t", { n: 4 })).toBe(true);
    expect(await isMeant(ruleOf("allow", { schema: refined }), "t", { n: 5 })).toBe(false);
  });

  it("that cannot be used are refused at definition", () => {
    expect(() => definePolicy({ rules: [ruleOf("deny", { schema: { $ref: "#/none" } })] })).toThrow(
      /JSON Schema/,
    );
  });
});

describe("predicates", () => {
  it("see tool, arguments, state and runtime", async () => {
    const seen: unknown[] = [];
    const when: NonNullable<PolicyRule["when"]> = (call) => {
      seen.push({ ...call });
      return true;
    };
    const policy = definePolicy({ rules: [ruleOf("allow", { when })] });
    await policy.decide({ name: "t", args: { a: 1 } }, { state: { s: 1 }, runtime: { r: 1 } });
    expect(seen).toEqual([{ tool: "t", args: { a: 1 }, state: { s: 1 }, runtime: { r: 1 } }]);
  });

  it("cannot change what the next rule, or the approval, sees: who tries has failed (P7, P8)", async () => {
    const when: NonNullable<PolicyRule["when"]> = ({ args }) => {
      (args["deep"] as { n: number }).n = 2;
      return false;
    };
    const args = { deep: { n: 1 } };
    const decision = await decide([ruleOf("ask", { when }), { id: "next", verdict: "allow" }], "t", args);
    expect(decision).toMatchObject({ verdict: "deny", reason: "rule_failed", rule_id: "r", args });
    expect(args).toEqual({ deep: { n: 1 } });
  });
});
