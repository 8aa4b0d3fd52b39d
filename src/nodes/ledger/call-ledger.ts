/** The option `ledger` of a node, of wrapped tools, of the middleware: which calls it means, and running them behind it. */
import type { ToolCall } from "@langchain/core/messages/tool";
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import { EffectLedger } from "../../ledger/ledger.ts";
import { type CheckedRule, checkedRules, type LedgerRules, ruleCallOf } from "./ledger-rule.ts";
import { type LedgeredTool, runBehindLedger } from "./run-behind-ledger.ts";
import type { ToolOutput } from "../tool-outcome.ts";

/** A call that is behind the ledger. */
export interface Selected {
  /** As a tool would: gives its output, throws its error. @throws as `runBehindLedger` */
  run(tool: LedgeredTool): Promise<ToolOutput>;
}

export class CallLedger {
  readonly #rules: readonly CheckedRule[];
  readonly #backend: HITLBackend | undefined;
  /** A run may bring a backend of its own. */
  readonly #ledgers = new WeakMap<StoreHITLBackend, EffectLedger>();

  /** @param backend - of the node. @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
  constructor(rules: LedgerRules, backend: HITLBackend | undefined) {
    this.#rules = checkedRules(rules);
    this.#backend = backend;
  }

  static of(rules: LedgerRules | undefined, backend: HITLBackend | undefined): CallLedger | undefined {
    return rules === undefined ? undefined : new CallLedger(rules, backend);
  }

  /** The first rule that means the call; undefined if none does. */
  selectedBy(call: ToolCall): Selected | undefined {
    let rule: CheckedRule | undefined;
    try {
      const made = ruleCallOf(call);
      rule = this.#rules.find(({ matches }) => matches(made));
    } catch (error) {
      // P8: nobody knows whether the call is meant, so it does not run. The model reads why.
      return { run: () => Promise.reject(error) };
    }
    if (!rule) return undefined;
    const ledgerOver = (backend: StoreHITLBackend): EffectLedger => rule.ledger ?? this.#ledgerOver(backend);
    return { run: (tool) => runBehindLedger({ rule, ledgerOver, backend: this.#backend }, tool) };
  }

  #ledgerOver(backend: StoreHITLBackend): EffectLedger {
    const known = this.#ledgers.get(backend);
    if (known) return known;
    const made = new EffectLedger({ backend });
    this.#ledgers.set(backend, made);
    return made;
  }
}
