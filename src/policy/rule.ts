/** A rule, checked: whether it means a call, and the version that says what it is (docs/policy.md, "A rule's version"). */
import { HoldpointError } from "../core/errors.ts";
import { DECISIONS, type Decision, defaultResponseSchema } from "../core/hitl-types.ts";
import { hashJson, isValidForeignId } from "../core/ids.ts";
import { cloneJson, type JsonObject, type JsonValue, toJson, toJsonObject } from "../core/json.ts";
import { OnExpireSchema } from "../core/record.ts";
import {
  assertUsableSchema,
  checkJsonSchema,
  checkStandard,
  compile,
  isStandardSchema,
  toJsonSchema,
} from "../core/response-schema.ts";
import { argsPatternOf, type CheckedArgs } from "./args-pattern.ts";
import { type Glob, globOf } from "./glob.ts";
import { type CheckedTerms, termsOf } from "./grant-terms.ts";
import { type CheckedTypes, type PermissionPattern, permissionPatternOf } from "./permission-type.ts";
import type { PolicyCallView, PolicyRule, Verdict } from "./types.ts";

export const VERDICTS: readonly Verdict[] = ["allow", "ask", "deny"];
const RISK_LEVELS: readonly unknown[] = ["low", "medium", "high"];
const DEFAULT_DECISIONS: readonly Decision[] = ["approve_once", "reject"];

/** Only a question has these. */
const OF_QUESTIONS = [
  "risk_level",
  "allowed_decisions",
  "argsSchema",
  "answerers",
  "assignee",
  "expiresInMs",
  "on_expire",
  "grant",
] as const satisfies readonly (keyof PolicyRule)[];

/** What else is wrong with a rule would be no restriction (P8), so whatever is not here is refused. */
const FIELDS: ReadonlySet<string> = new Set([
  "verdict",
  "id",
  "version",
  "for",
  "permission",
  "args",
  "schema",
  "when",
  "message",
  ...OF_QUESTIONS,
] satisfies (keyof PolicyRule)[]);

export interface CheckedRule {
  readonly id: string;
  readonly version: string;
  readonly verdict: Verdict;
  readonly message: PolicyRule["message"];
  readonly risk_level: PolicyRule["risk_level"];
  readonly allowed_decisions: readonly Decision[];
  readonly argsSchema: JsonObject | undefined;
  readonly answerers: readonly string[] | undefined;
  readonly assignee: string | undefined;
  readonly expiresInMs: number | undefined;
  readonly on_expire: PolicyRule["on_expire"];
  readonly terms: CheckedTerms;
  /** @throws whatever the author's functions throw; HoldpointError for a `when` that gives no boolean */
  matches(call: PolicyCallView): boolean | Promise<boolean>;
}

function invalid(where: string, message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", `${where} ${message}`, { details: { where } });
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function checkedRule(rule: PolicyRule, index: number, types: CheckedTypes): CheckedRule {
  if (typeof rule !== "object" || rule === null) return invalid(`rules[${index}]`, "has to be an object.");
  const { id: given, verdict, version, when, message, risk_level, assignee, expiresInMs, on_expire } = rule;
  const where = `The rule ${given === undefined ? index : JSON.stringify(given)}`;
  assertFields(rule, where);
  if (!VERDICTS.includes(verdict)) invalid(where, 'needs a verdict: "allow", "ask" or "deny".');
  if (given !== undefined && !isValidForeignId(given)) invalid(where, "has an id that is none.");
  if (version !== undefined && !isValidForeignId(version)) invalid(where, "has a version that is no text.");
  if (when !== undefined && typeof when !== "function") invalid(where, "has a `when` that is no function.");
  if (message !== undefined && typeof message !== "string" && typeof message !== "function")
    invalid(where, "has a message that is neither text nor a function.");
  if (risk_level !== undefined && !RISK_LEVELS.includes(risk_level))
    invalid(where, "has a risk_level that is not low, medium or high.");
  if (assignee !== undefined && !isValidForeignId(assignee)) invalid(where, "has an assignee that is no id.");
  if (expiresInMs !== undefined && !(Number.isSafeInteger(expiresInMs) && expiresInMs > 0))
    invalid(where, "has an expiresInMs that is no positive whole number.");
  if (on_expire !== undefined && !OnExpireSchema.safeParse(on_expire).success)
    invalid(where, 'has an on_expire that is not "expire", { respond } or { escalate }.');
  const allowed_decisions = decisionsOf(rule, where);
  assertOnExpire(on_expire, allowed_decisions, where);
  const answerers = idsOf(rule.answerers, where);
  const terms = termsOf(rule.grant, where);
  if (rule.grant !== undefined && !allowed_decisions.includes("approve_always"))
    invalid(where, "has a grant, but approve_always is not among its allowed_decisions.");

  const tools = listOf(rule.for, `${where}: for`)?.map((glob) => globOf(glob, `${where}: for`));
  const permission = listOf(rule.permission, `${where}: permission`)?.map((pattern) =>
    permissionPatternOf(pattern, `${where}: permission`),
  );
  const args = rule.args === undefined ? undefined : argsPatternOf(rule.args, `${where}: args`);
  const schema = rule.schema === undefined ? undefined : schemaOf(rule.schema, where);
  const argsSchema =
    rule.argsSchema === undefined ? undefined : toJsonObject(rule.argsSchema, `${where}: argsSchema`);
  if (argsSchema) assertUsableSchema(argsSchema);
  const content: JsonObject = { verdict, allowed_decisions: [...allowed_decisions] };
  if (tools) content["for"] = tools.map(({ source }) => source);
  if (permission) content["permission"] = [permission.map(({ source }) => source), types.data];
  if (args) content["args"] = args.data;
  if (schema) content["schema"] = schema.data;
  if (when) content["when"] = version === undefined ? sourceOf(when, where) : "by version";
  if (version !== undefined) content["version"] = version;
  if (risk_level !== undefined) content["risk_level"] = risk_level;
  if (argsSchema) content["argsSchema"] = argsSchema;
  if (answerers) content["answerers"] = [...answerers];
  if (on_expire !== undefined) content["on_expire"] = toJson(on_expire, `${where}: on_expire`);
  if (allowed_decisions.includes("approve_always")) content["grant"] = terms.data;
  const hashed = hashJson(content);
  return {
    id: given ?? `rule_${hashed.slice(0, 12)}`,
    version: hashed,
    verdict,
    message,
    risk_level,
    allowed_decisions,
    argsSchema,
    answerers,
    assignee,
    expiresInMs,
    on_expire: on_expire === undefined ? undefined : (cloneJson(on_expire as JsonValue) as typeof on_expire),
    terms,
    matches: matcherOf({ tools, permission, types, args, schema, when, verdict, id: given ?? String(index) }),
  };
}

function assertFields(rule: PolicyRule, where: string): void {
  const unknown = Object.keys(rule).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) invalid(where, `has a field ${JSON.stringify(unknown)} that is not known.`);
  if (rule.verdict === "ask") return;
  const ofQuestion = OF_QUESTIONS.find((name) => rule[name] !== undefined);
  if (ofQuestion !== undefined) invalid(where, `has ${ofQuestion}, but asks nobody.`);
}

function decisionsOf({ allowed_decisions, risk_level }: PolicyRule, where: string): readonly Decision[] {
  if (allowed_decisions === undefined) return DEFAULT_DECISIONS;
  const isList = Array.isArray(allowed_decisions) && allowed_decisions.length > 0;
  if (!isList || !allowed_decisions.every((decision) => DECISIONS.includes(decision)))
    return invalid(where, `has allowed_decisions that are not some of ${DECISIONS.join(", ")}.`);
  if (new Set(allowed_decisions).size < allowed_decisions.length)
    return invalid(where, "names a decision twice.");
  if (risk_level === "high" && allowed_decisions.includes("approve_always"))
    return invalid(where, "allows approve_always at high risk. Approve each call by itself.");
  return [...allowed_decisions];
}

/** No human could give that answer, so time must not. */
function assertOnExpire(
  on_expire: PolicyRule["on_expire"],
  allowed_decisions: readonly Decision[],
  where: string,
): void {
  if (typeof on_expire !== "object" || !("respond" in on_expire)) return;
  const schema = defaultResponseSchema("permission", { allowed_decisions: [...allowed_decisions] });
  if (checkJsonSchema(schema as JsonObject, on_expire.respond).length > 0)
    invalid(where, "has an on_expire with an answer that its allowed_decisions do not allow.");
}

function idsOf(given: unknown, where: string): readonly string[] | undefined {
  if (given === undefined) return undefined;
  // Nobody could answer: a question that is asked for nothing.
  if (!Array.isArray(given) || given.length === 0 || !given.every((id) => isValidForeignId(id)))
    return invalid(where, "has answerers that are no list of ids.");
  return [...given];
}

function listOf(given: unknown, what: string): readonly unknown[] | undefined {
  if (given === undefined) return undefined;
  const list: unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) invalid(what, "is an empty list: the rule would mean no call.");
  return list;
}

interface CheckedSchema {
  readonly data: JsonValue;
  matches(args: JsonObject): boolean | Promise<boolean>;
}

function schemaOf(given: NonNullable<PolicyRule["schema"]>, where: string): CheckedSchema {
  if (isStandardSchema(given)) {
    const matches = async (args: JsonObject): Promise<boolean> =>
      "value" in (await checkStandard(given, cloneJson(args)));
    return { data: toJsonSchema(given), matches };
  }
  const data = toJsonObject(given, `${where}: schema`);
  assertUsableSchema(data);
  // What cannot be checked has to throw, not to count as arguments that are not meant.
  const check = compile(data);
  return { data, matches: (args) => check(args).valid };
}

/** A function has no content but its text. */
export function sourceOf(when: (...args: never[]) => unknown, where: string): string {
  const source = Function.prototype.toString.call(when);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source))
    invalid(where, "has a `when` without source text (bound, or native). Give the rule a version.");
  return source;
}

interface Conditions {
  readonly id: string;
  readonly verdict: Verdict;
  readonly tools: readonly Glob[] | undefined;
  readonly permission: readonly PermissionPattern[] | undefined;
  readonly types: CheckedTypes;
  readonly args: CheckedArgs | undefined;
  readonly schema: CheckedSchema | undefined;
  readonly when: PolicyRule["when"];
}

function matcherOf({
  id,
  verdict,
  tools,
  permission,
  types,
  args,
  schema,
  when,
}: Conditions): CheckedRule["matches"] {
  const quantifier = verdict === "allow" ? "every" : "some";
  return (call) => {
    if (tools && !tools.some((glob) => glob.matches(call.tool))) return false;
    const given: JsonObject = call.args;
    if (permission) {
      const subject = types.subjectOf(call.tool, given);
      if (!permission.some((pattern) => pattern.matches(subject, quantifier))) return false;
    }
    if (args && !args.matches(given, quantifier)) return false;
    return schema || when ? asked(id, schema, when, call) : true;
  };
}

async function asked(
  id: string,
  schema: CheckedSchema | undefined,
  when: PolicyRule["when"],
  call: PolicyCallView,
): Promise<boolean> {
  if (schema && !(await schema.matches(call.args))) return false;
  if (!when) return true;
  const isMeant: unknown = await when(call);
  if (typeof isMeant !== "boolean") invalid(`The rule ${JSON.stringify(id)}`, "gave neither true nor false.");
  return isMeant;
}
