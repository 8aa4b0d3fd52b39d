/** Which tool calls are behind the effect ledger, and under which key: the option `ledger` of the node, the tools, the middleware. */
import type { ToolCall } from "@langchain/core/messages/tool";
import { HoldpointError } from "../../core/errors.ts";
import { assertKnown } from "../../ledger/hooks.ts";
import type { EffectLedger } from "../../ledger/ledger.ts";
import { DEFAULTS, type EffectDefaults, settingsOf } from "../../ledger/options.ts";
import type { ResourceDescriptor } from "../../ledger/types.ts";
import { matchesGlob } from "./glob.ts";

/** A tool call, as the model has made it. */
export interface LedgerRuleCall {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly id: string | undefined;
}

/**
 * Tools whose calls run at most once, across crashes too (P6). The rest are options of the ledger for these calls, as of
 * `EffectLedger.run`: `inDoubt`, `requires_approval`, `approval`, `retry`, `leaseMs` …
 *
 * @example
 * ```ts
 * import { HITLToolNode } from "holdpoint";
 * import type { StructuredToolInterface } from "@langchain/core/tools";
 *
 * export const node = (tools: StructuredToolInterface[]) =>
 *   new HITLToolNode(tools, {
 *     ledger: [
 *       { for: "charge", requires_approval: true },
 *       { for: "mail_*", key: ["to", "subject"], inDoubt: "fail" },
 *       { for: "close", key: ({ args }) => ({ namespace: "shop", type: "order", id: { order: args["order"] } }) },
 *     ],
 *   });
 * ```
 */
export interface LedgerRule extends EffectDefaults {
  /** Names of tools, in which `*` stands for any characters; or whether a call is meant, by what the model has called. */
  readonly for: string | readonly string[] | ((call: LedgerRuleCall) => boolean);
  /**
   * Which calls of a thread are one. `call` (default): the same call of the same message with the same arguments, so that
   * a replay finds its outcome. `args`: those with the same arguments; a list: with the same ones of these. A function:
   * those on the same resource, whatever their arguments.
   */
  readonly key?:
    | "call"
    | "args"
    | readonly string[]
    | ((call: LedgerRuleCall) => ResourceDescriptor)
    | undefined;
  /** With hooks of its own. It has to be over the backend of the node. Default: one without hooks. */
  readonly ledger?: EffectLedger | undefined;
}

const FIELDS: readonly (keyof LedgerRule)[] = ["for", "key", "ledger", ...DEFAULTS];

export type LedgerRules = LedgerRule | readonly LedgerRule[];

/** A rule that was checked. */
export interface CheckedRule {
  readonly matches: (call: LedgerRuleCall) => boolean;
  readonly key: NonNullable<LedgerRule["key"]>;
  readonly ledger: EffectLedger | undefined;
  readonly options: EffectDefaults;
}

export function ruleCallOf({ name, args, id }: ToolCall): LedgerRuleCall {
  return { name, args: args ?? {}, id };
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT`; `EffectLedgerValidationError` for options of the ledger */
export function checkedRules(given: LedgerRules): readonly CheckedRule[] {
  const rules = Array.isArray(given) ? (given as readonly LedgerRule[]) : [given as LedgerRule];
  if (rules.length === 0) throw invalid("is an empty list: no tool would be behind it");
  return rules.map((rule) => checkedRule(rule));
}

function checkedRule(rule: LedgerRule): CheckedRule {
  if (typeof rule !== "object" || rule === null) throw invalid("has to be { for: … }, or a list of such");
  // `requires_approval` that is misspelt would be no wish for an approval (P8).
  assertKnown("a rule of the option ledger", rule, FIELDS);
  const { for: selection, key = "call", ledger, ...options } = rule;
  settingsOf(options);
  if (ledger !== undefined && typeof (ledger as Partial<EffectLedger> | null)?.computeIdemKey !== "function")
    throw invalid("has a ledger that is no EffectLedger");
  return { matches: matcherOf(selection), key: checkedKey(key), ledger, options };
}

function matcherOf(selection: LedgerRule["for"]): CheckedRule["matches"] {
  if (typeof selection === "function") {
    return (call) => {
      const isMeant: unknown = selection(call);
      if (typeof isMeant !== "boolean")
        throw invalid("has a function `for` that gave neither true nor false");
      return isMeant;
    };
  }
  const names = typeof selection === "string" ? [selection] : selection;
  if (!Array.isArray(names) || names.length === 0 || !names.every((name) => isName(name)))
    throw invalid("needs `for`: names of tools, or a function");
  const patterns: readonly string[] = [...names];
  return ({ name }) => patterns.some((pattern) => matchesGlob(pattern, name));
}

function checkedKey(key: unknown): CheckedRule["key"] {
  if (key === "call" || key === "args" || typeof key === "function") return key as CheckedRule["key"];
  const isList = Array.isArray(key) && key.length > 0 && key.every((name) => isName(name));
  if (isList && new Set(key).size === key.length) return [...key] as readonly string[];
  throw invalid('has a key that is neither "call", "args", a list of different names, nor a function');
}

function isName(name: unknown): name is string {
  return typeof name === "string" && name.length > 0;
}

function invalid(what: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", `The option ledger ${what}.`, {
    details: { option: "ledger" },
  });
}
