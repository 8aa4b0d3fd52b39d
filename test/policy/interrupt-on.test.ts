/** The options of langchain's middleware, and where ours says no to what theirs lets through (F9 to F13). */
import { humanInTheLoopMiddleware } from "langchain";
import { describe, expect, it } from "vitest";
import { InMemoryHITLBackend } from "holdpoint";
import {
  definePolicy,
  type InterruptOn,
  interruptOnRules,
  type PolicyContext,
} from "../../src/policy/index.ts";
import { asAsk } from "./kit.ts";

const policyOf = (interruptOn: InterruptOn, descriptionPrefix?: string) =>
  definePolicy({ rules: interruptOnRules(interruptOn, { descriptionPrefix }), default: "allow" });

async function dataOf(
  interruptOn: InterruptOn,
  { context, prefix }: { context?: PolicyContext; prefix?: string } = {},
): Promise<Readonly<Record<string, unknown>>> {
  const decision = await policyOf(interruptOn, prefix).decide(
    { name: "t", args: { a: 1 }, id: "call_1" },
    context,
  );
  return asAsk(decision).question.request.data ?? {};
}

describe("interruptOn", () => {
  it("asks for true, and for a config; runs for false, and what is not named", async () => {
    const policy = policyOf({ yes: true, no: false, config: { allowedDecisions: ["approve"] } });
    const verdicts = { yes: "ask", config: "ask", no: "allow", other: "allow" };
    for (const [name, verdict] of Object.entries(verdicts))
      expect((await policy.decide({ name, args: {} })).verdict, name).toBe(verdict);
  });

  it("takes names as they are, not as globs", async () => {
    const policy = policyOf({ "*": true, "a[b]?": true });
    for (const name of ["*", "a[b]?"]) expect((await policy.decide({ name, args: {} })).verdict).toBe("ask");
    for (const name of ["x", "abc", "ab?"])
      expect((await policy.decide({ name, args: {} })).verdict).toBe("allow");
  });

  it("allows the decisions of the config; true allows approve, edit and reject", async () => {
    expect(await dataOf({ t: true })).toMatchObject({
      allowed_decisions: ["approve_once", "edit", "reject"],
    });
    const some = await dataOf({ t: { allowedDecisions: ["reject", "respond"] } });
    expect(some).toMatchObject({ allowed_decisions: ["reject", "respond"] });
  });

  it("describes by a text, by a function, or by the prefix with tool and arguments", async () => {
    const allowedDecisions = ["approve"] as const;
    expect(await dataOf({ t: { allowedDecisions, description: "Look!" } })).toMatchObject({
      message: "Look!",
    });
    const seen: unknown[] = [];
    const description = async (...given: unknown[]): Promise<string> => {
      seen.push(...given);
      return "made";
    };
    const context = { state: { messages: [] }, runtime: { context: {} } };
    expect(await dataOf({ t: { allowedDecisions, description } }, { context })).toMatchObject({
      message: "made",
    });
    const toolCall = { name: "t", args: { a: 1 }, id: "call_1", type: "tool_call" };
    expect(seen).toEqual([toolCall, context.state, context.runtime]);
    const { message } = await dataOf({ t: true }, { prefix: "Please review" });
    expect(message).toBe('Please review\n\nTool: t\nArgs: {\n  "a": 1\n}');
    expect((await dataOf({ t: true }))["message"]).toMatch(/^Tool execution requires approval\n/);
  });

  it("asks by `when`, which sees call, state and runtime", async () => {
    const seen: unknown[] = [];
    const interruptOn: InterruptOn = {
      t: {
        allowedDecisions: ["approve"],
        when: async (request) => {
          seen.push(request);
          return request.toolCall.args["ask"] === true;
        },
      },
    };
    // Named tools are asked about or run by their `when` alone.
    const policy = definePolicy({ rules: interruptOnRules(interruptOn), default: "deny" });
    const context = { state: { s: 1 }, runtime: { r: 1 } };
    expect((await policy.decide({ name: "t", args: { ask: true } }, context)).verdict).toBe("ask");
    expect((await policy.decide({ name: "t", args: {} }, context)).verdict).toBe("allow");
    expect(seen[0]).toEqual({
      toolCall: { name: "t", args: { ask: true }, id: undefined, type: "tool_call" },
      tool: undefined,
      ...context,
    });
  });

  it("denies where `when` or the description throws (P8)", async () => {
    const boom = (): never => {
      throw new Error("boom");
    };
    const allowedDecisions = ["approve"] as const;
    const configs: InterruptOn[] = [
      { t: { allowedDecisions, when: boom } },
      { t: { allowedDecisions, when: (() => "no") as never } },
      { t: { allowedDecisions, description: boom } },
    ];
    for (const config of configs)
      expect(await policyOf(config).decide({ name: "t", args: {} })).toMatchObject({
        verdict: "deny",
        reason: "rule_failed",
      });
  });

  it("checks edited arguments against argsSchema and the tool's own schema when they are answered (F12, P3)", async () => {
    const argsSchema = {
      type: "object",
      properties: { n: { $ref: "#/$defs/n" } },
      $defs: { n: { maximum: 10 } },
    };
    const own = { type: "object", properties: { n: { $ref: "#/$defs/n" } }, $defs: { n: { minimum: 1 } } };
    const policy = policyOf({ t: { allowedDecisions: ["edit"], argsSchema } });
    const { question } = asAsk(await policy.decide({ name: "t", args: {} }, { argsSchema: own }));
    const backend = new InMemoryHITLBackend();
    const { record } = await backend.create({ ...question.request, session_id: "s" });
    const status = async (edited_args: unknown): Promise<string> =>
      (await backend.respond(record.hitl_id, { decision: "edit", edited_args })).status;
    expect(await status({ n: 11 })).toBe("invalid");
    expect(await status({ n: 0 })).toBe("invalid");
    // F9: a wrong answer bricks nothing.
    expect(await status({ n: 5 })).toBe("accepted");
  });

  it("changes its version with the author's `when`, and not from deploy to deploy (P7)", () => {
    const version = (when: InterruptOnConfigWhen): string =>
      policyOf({ t: { allowedDecisions: ["approve"], when } }).rules[0]?.version ?? "";
    const make = (): InterruptOnConfigWhen => (request) => request.toolCall.args["a"] === 1;
    expect(version(make())).toBe(version(make()));
    expect(version((request) => request.toolCall.args["a"] === 2)).not.toBe(version(make()));
  });

  it("refuses what langchain passes over: no decisions, and fields that are not known (P8)", () => {
    const bad: unknown[] = [
      null,
      [],
      { t: "yes" },
      { t: {} },
      { t: { allowedDecisions: [] } },
      { t: { allowedDecisions: ["accept"] } },
      { t: { allowedDecisions: ["toString"] } },
      { t: { allowedDecisions: ["approve"], description: 5 } },
      { t: { allowedDecisions: ["approve"], when: true } },
      { t: { allowedDecisions: ["approve"], descriptions: "x" } },
      { t: { allowedDecisions: ["approve"], argsSchema: { $ref: "#/none" } } },
    ];
    for (const options of bad)
      expect(() => policyOf(options as InterruptOn), JSON.stringify(options)).toThrow(
        expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
      );
  });

  it("takes what langchain takes, functions with their types and all", () => {
    const options: NonNullable<Parameters<typeof humanInTheLoopMiddleware>[0]> = {
      interruptOn: {
        write: true,
        read: false,
        mail: {
          allowedDecisions: ["approve", "edit", "reject"],
          description: (toolCall) => `Mail to ${String(toolCall.args["to"])}`,
          argsSchema: { type: "object" },
          when: ({ toolCall }) => toolCall.args["to"] !== "me",
        },
      },
      descriptionPrefix: "Review",
    };
    expect(humanInTheLoopMiddleware(options)).toBeDefined();
    const rules = interruptOnRules(options.interruptOn ?? {}, options);
    expect(definePolicy({ rules, default: "allow" }).rules).toHaveLength(4);
  });
});

type InterruptOnConfigWhen = NonNullable<Extract<InterruptOn[string], object>["when"]>;
