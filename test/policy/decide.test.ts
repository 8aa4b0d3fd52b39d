/** What a policy says of a call: failures deny, modes are loud, and the question is complete. */
import { describe, expect, it } from "vitest";
import { InMemoryHITLBackend } from "holdpoint";
import { z } from "zod";
import { hashJson } from "../../src/core/ids.ts";
import {
  definePolicy,
  type PolicyMode,
  type PolicyOptions,
  type PolicyRule,
} from "../../src/policy/index.ts";
import { asAsk, decide } from "./kit.ts";

const boom = (): never => {
  throw new Error("the secret is 42");
};

/** Alternatives that contain each other: a check goes through all of them at each depth of the arguments. */
const endless = {
  $ref: "#/$defs/any",
  $defs: {
    any: { anyOf: Array.from({ length: 6 }, () => ({ properties: { of: { $ref: "#/$defs/any" } } })) },
  },
};

function nested(depth: number): Record<string, unknown> {
  return depth === 0 ? {} : { of: nested(depth - 1) };
}

describe("a rule that fails", () => {
  it("denies where its schema cannot be checked in time (P8)", async () => {
    const rules: PolicyRule[] = [
      { id: "bad", verdict: "allow", schema: endless },
      { id: "next", verdict: "allow" },
    ];
    expect(await decide(rules, "t", nested(2))).toMatchObject({ verdict: "allow", rule_id: "bad" });
    const denied = { verdict: "deny", reason: "rule_failed", rule_id: "bad" };
    expect(await decide(rules, "t", nested(50))).toMatchObject(denied);
  });

  const failing: Record<string, Partial<PolicyRule>> = {
    throws: { when: boom },
    rejects: { when: () => Promise.reject(new Error("the secret is 42")) },
    "rejects with nothing": { when: () => Promise.reject(undefined as unknown as Error) },
    "gives no boolean": { when: (() => "yes") as never },
    "gives a promise of no boolean": { when: (async () => undefined) as never },
    "has a schema that throws": { schema: z.object({}).refine(boom) },
    "has a message that throws": { message: boom },
    "has a message that is no text": { message: (() => 5) as never },
  };

  it.each(Object.keys(failing))("denies and says so, when it %s (P8)", async (name) => {
    for (const verdict of ["allow", "ask", "deny"] as const) {
      // Nobody reads a message of a call that is allowed.
      if (verdict === "allow" && failing[name]?.message) continue;
      const rules: PolicyRule[] = [
        { id: "bad", verdict, ...failing[name] },
        { id: "next", verdict: "allow" },
      ];
      const decision = await decide(rules, "t", {});
      expect(decision).toMatchObject({ verdict: "deny", reason: "rule_failed", rule_id: "bad" });
      if (decision.verdict !== "deny") return;
      expect(decision.message).toContain('"bad"');
      expect(decision.message).not.toContain("secret");
      expect(decision.error).toBeDefined();
    }
  });

  it("that comes after the one that decides does no harm", async () => {
    const rules: PolicyRule[] = [
      { id: "first", verdict: "allow" },
      { id: "bad", verdict: "allow", when: boom },
    ];
    expect((await decide(rules, "t")).verdict).toBe("allow");
  });
});

describe("a call that cannot be shown", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  const deep = JSON.parse(`{"a":${"[".repeat(100)}${"]".repeat(100)}}`) as Record<string, unknown>;
  it.each<[string, unknown, unknown]>([
    ["cyclic arguments", "t", cyclic],
    ["arguments that are nested too deeply", "t", deep],
    ["arguments that are too large", "t", { a: "x".repeat(300_000) }],
    ["a prototype", "t", JSON.parse('{"__proto__":{"admin":true}}')],
    ["a lone surrogate", "t", { a: "\ud800" }],
    ["arguments that are a list", "t", [1]],
    ["arguments that are a text", "t", "rm"],
    ["a function", "t", { a: () => 1 }],
    [
      "a getter that throws",
      "t",
      {
        get a(): never {
          return boom();
        },
      },
    ],
    ["an empty name", "", {}],
    ["a name with control characters", "read\u0000_mail", {}],
    ["a name that is none", 5, {}],
    ["a name that throws", { toString: boom }, {}],
    ["a name that is too long", "x".repeat(300), {}],
  ])("is denied though everything is allowed: %s (P8)", async (_, name, args) => {
    const policy = definePolicy({ rules: [{ verdict: "allow" }], default: "allow" });
    const decision = await policy.decide({ name, args } as never);
    expect(decision).toMatchObject({ verdict: "deny", reason: "invalid_call", rule_id: "invalid_call" });
  });

  it("is denied whatever it is, and whatever is thrown (P8)", async () => {
    const policy = definePolicy({ rules: [{ verdict: "allow" }], default: "allow" });
    const throwing = {
      get name(): never {
        return boom();
      },
      args: {},
    };
    for (const call of [undefined, null, 5, throwing])
      expect(await policy.decide(call as never)).toMatchObject({ verdict: "deny", reason: "invalid_call" });
    expect(await policy.decide({ name: "t", args: {} }, null as never)).toMatchObject({ verdict: "deny" });
    const when = (): never => {
      throw Object.defineProperty(new Error("hidden"), "message", { get: boom });
    };
    expect(await decide([{ verdict: "allow", when }], "t")).toMatchObject({
      verdict: "deny",
      reason: "rule_failed",
    });
  });

  it("has no arguments, if none are given", async () => {
    expect(await definePolicy({ rules: [] }).decide({ name: "t", args: undefined as never })).toMatchObject({
      args: {},
    });
  });
});

describe("modes", () => {
  const rules: PolicyRule[] = [
    { id: "a", for: "a", verdict: "allow" },
    { id: "k", for: "k", verdict: "ask" },
    { id: "d", for: "d", verdict: "deny" },
    { id: "f", for: "f", verdict: "allow", when: boom },
  ];
  const table: Record<PolicyMode, Record<string, string>> = {
    enforce: { a: "allow", k: "ask", d: "deny", f: "deny" },
    "dry-run": { a: "deny", k: "deny", d: "deny", f: "deny" },
    "deny-all": { a: "deny", k: "deny", d: "deny", f: "deny" },
    bypass: { a: "allow", k: "allow", d: "deny", f: "deny" },
  };

  it.each(Object.keys(table) as PolicyMode[])(
    "%s does what it is called, and says what the rules say",
    async (mode) => {
      const warnings: string[] = [];
      const policy = definePolicy({ rules, mode, onWarning: (text) => warnings.push(text) });
      expect(warnings).toHaveLength(mode === "enforce" ? 0 : 1);
      for (const [name, verdict] of Object.entries(table[mode])) {
        const decision = await policy.decide({ name, args: {} });
        expect(decision, name).toMatchObject({ verdict, mode, would: table.enforce[name], rule_id: name });
        if (verdict !== table.enforce[name]) expect(decision.reason).toBe("mode");
      }
    },
  );

  it("dry-run has the question with it that would be asked, deny-all and bypass ask nothing", async () => {
    const of = async (mode: PolicyMode) =>
      definePolicy({ rules, mode, onWarning: () => undefined }).decide({ name: "k", args: { x: 1 } });
    const asked = asAsk(await definePolicy({ rules }).decide({ name: "k", args: { x: 1 } }));
    expect(await of("dry-run")).toMatchObject({ question: asked.question });
    expect(await of("deny-all")).not.toHaveProperty("question");
    expect(await of("bypass")).not.toHaveProperty("question");
  });

  it("warn by themselves, on standard error", async () => {
    const heard = new Promise<Error>((resolve) => process.once("warning", resolve));
    definePolicy({ rules: [], mode: "bypass" });
    expect(await heard).toMatchObject({ name: "HoldpointPolicyWarning", code: "HOLDPOINT_POLICY_MODE" });
  });
});

describe("the question of an ask", () => {
  const rule: PolicyRule = {
    id: "mail",
    for: "mail",
    verdict: "ask",
    message: async ({ args }) => `Mail to ${String(args["to"])}?`,
    risk_level: "medium",
    allowed_decisions: ["approve_once", "approve_always", "edit", "reject"],
    answerers: ["ann"],
    assignee: "ann",
    expiresInMs: 1000,
    on_expire: { escalate: "bob" },
    grant: { scopes: ["session", "user"], args: ["to"], uses: 3, expiresInMs: 5000 },
  };
  const args = { to: "x@y", text: "*" };

  it("holds all that the rule says, and is accepted by a backend as it is", async () => {
    const policy = definePolicy({ rules: [rule] });
    const context = { session_id: "s", user_id: "u", preview: () => ["a row"] };
    const decision = asAsk(await policy.decide({ name: "mail", args }, context));
    const version = policy.rules[0]?.version ?? "";
    const approved_hash = hashJson(["mail", args, "mail", version]);
    expect(decision).toMatchObject({ rule_version: version, approved_hash });
    const pattern = { to: { equals: "x@y" } };
    const suggestion = { args: pattern, uses: 3, expires_in_ms: 5000 };
    expect(decision.question).toMatchObject({
      expiresInMs: 1000,
      request: {
        hitl_type: "permission",
        data: {
          message: "Mail to x@y?",
          tool: "mail",
          args,
          risk_level: "medium",
          preview: ["a row"],
          allowed_decisions: ["approve_once", "approve_always", "edit", "reject"],
          suggestions: [
            { scope: "session", scope_id: "s", ...suggestion },
            { scope: "user", scope_id: "u", ...suggestion },
          ],
        },
        subject: { tool: "mail", args, approved_hash, rule_id: "mail", rule_version: version },
        metadata: { answerers: ["ann"] },
        assignee: "ann",
        on_expire: { escalate: "bob" },
      },
    });
    const backend = new InMemoryHITLBackend();
    const { record } = await backend.create({ ...decision.question.request, session_id: "s" });
    expect(record).toMatchObject({ subject: { approved_hash }, assignee: "ann" });
  });

  it("takes only answers that are allowed, and edits that the tool's own schema accepts (P3)", async () => {
    const json = {
      type: "object",
      properties: { to: { $ref: "#/$defs/mail" } },
      required: ["to"],
      additionalProperties: false,
      $defs: { mail: { type: "string", pattern: "@" } },
    };
    const standard = z.strictObject({ to: z.string().regex(/@/) });
    for (const argsSchema of [json, standard]) {
      const context = { session_id: "s", argsSchema };
      const { question } = asAsk(
        await definePolicy({ rules: [rule] }).decide({ name: "mail", args }, context),
      );
      const backend = new InMemoryHITLBackend();
      const { record } = await backend.create({ ...question.request, session_id: "s" });
      const status = async (answer: unknown): Promise<string> =>
        (await backend.respond(record.hitl_id, answer, { actor: { id: "ann" } })).status;
      expect(await status({ decision: "skip" })).toBe("invalid");
      expect(await status({ decision: "approve_always", scope: "tenant" })).toBe("invalid");
      expect(await status({ decision: "approve_always", scope: "user" })).toBe("invalid");
      expect(await status({ decision: "edit" })).toBe("invalid");
      expect(await status({ decision: "edit", edited_args: { to: "nobody" } })).toBe("invalid");
      expect(await status({ decision: "edit", edited_args: { to: "a@b", bcc: "c@d" } })).toBe("invalid");
      expect(await status({ decision: "edit", edited_args: { to: "a@b" } })).toBe("accepted");
    }
  });

  it("does not offer a grant that could be bound to nothing", async () => {
    const policy = definePolicy({ rules: [{ ...rule, grant: { scopes: ["user"], args: ["to"] } }] });
    const offered = async (call: Record<string, unknown>, user_id?: string) =>
      asAsk(await policy.decide({ name: "mail", args: call }, { session_id: "s", user_id })).question.request
        .data;
    for (const data of [await offered(args), await offered({ text: "no to" }, "u")]) {
      expect(data?.["allowed_decisions"]).toEqual(["approve_once", "edit", "reject"]);
      expect(data).not.toHaveProperty("suggestions");
    }
    expect((await offered(args, "u"))?.["suggestions"]).toHaveLength(1);
  });

  it("says that there is no preview, where it fails", async () => {
    for (const preview of [boom, async () => boom(), () => 10n, () => "x".repeat(70_000)]) {
      const { data } = asAsk(
        await definePolicy({ rules: [rule] }).decide({ name: "mail", args }, { preview }),
      ).question.request;
      expect(data?.["preview_error"]).toMatch(/Error/);
      expect(data).not.toHaveProperty("preview");
    }
  });

  it("calls the preview of no call that is not asked about", async () => {
    const policy = definePolicy({ rules: [{ verdict: "deny" }] });
    await expect(
      policy.decide({ name: "t", args: {} }, { preview: () => expect.unreachable() }),
    ).resolves.toMatchObject({
      verdict: "deny",
      reason: "rule",
    });
  });
});

describe("definePolicy", () => {
  const rules: Record<string, unknown> = {
    "is no object": 5,
    "has no verdict": { id: "x" },
    "has a wrong verdict": { verdict: "yes" },
    "has a misspelt field": { verdict: "ask", allowed_decision: ["approve_once"] },
    "has an id that is none": { verdict: "ask", id: "" },
    "takes the id of the default": { verdict: "ask", id: "default" },
    "has an empty list of tools": { verdict: "deny", for: [] },
    "has a tool that is no text": { verdict: "deny", for: [1] },
    "has args that are no object": { verdict: "deny", args: ["to"] },
    "has an empty list of globs": { verdict: "deny", args: { to: [] } },
    "has a wrong pattern": { verdict: "deny", args: { to: { glob: "x" } } },
    "has an empty step": { verdict: "deny", args: { "a..b": "x" } },
    "names a prototype": { verdict: "deny", args: JSON.parse('{"__proto__":"x"}') },
    "has a when that is no function": { verdict: "deny", when: true },
    "has a when without source": { verdict: "deny", when: boom.bind(null) },
    "has a wrong risk": { verdict: "ask", risk_level: "huge" },
    "has decisions that are none": { verdict: "ask", allowed_decisions: ["approve"] },
    "has no decisions": { verdict: "ask", allowed_decisions: [] },
    "has a decision twice": { verdict: "ask", allowed_decisions: ["reject", "reject"] },
    "approves always at high risk": {
      verdict: "ask",
      risk_level: "high",
      allowed_decisions: ["approve_always"],
    },
    "has no answerers": { verdict: "ask", answerers: [] },
    "expires at once": { verdict: "ask", expiresInMs: 0 },
    "has a wrong on_expire": { verdict: "ask", on_expire: "approve" },
    "has a grant that nobody can give": { verdict: "ask", grant: {} },
    "has a wrong grant": { verdict: "ask", allowed_decisions: ["approve_always"], grant: { uses: 0 } },
    "has a misspelt grant": { verdict: "ask", allowed_decisions: ["approve_always"], grant: { use: 1 } },
    "denies with a risk": { verdict: "deny", risk_level: "low" },
    "allows with answerers": { verdict: "allow", answerers: ["ann"] },
  };

  it.each(Object.keys(rules))("refuses a rule that %s (P8)", (name) => {
    expect(() => definePolicy({ rules: [rules[name] as PolicyRule] })).toThrow(
      expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
    );
  });

  it("refuses options that it does not know, and rules with one id", () => {
    const bad: unknown[] = [
      undefined,
      {},
      { rules: {} },
      { rules: [], defaults: "allow" },
      { rules: [], default: "yes" },
      { rules: [], mode: "off" },
      { rules: [], permissions: [] },
      {
        rules: [
          { id: "a", verdict: "ask" },
          { id: "a", verdict: "deny" },
        ],
      },
      {
        rules: [
          { verdict: "ask", for: "x" },
          { verdict: "ask", for: "x" },
        ],
      },
    ];
    for (const options of bad)
      expect(() => definePolicy(options as PolicyOptions)).toThrow(
        expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
      );
  });
});
