import type { HITLBackend, RespondResult } from "../backends/hitl-backend.ts";
import type { HITLRecord } from "../core/record.ts";

/** What the human does with a question: answer it, cancel it, or leave it alone. */
export type ScriptedReply = { readonly respond: unknown } | { readonly cancel: string } | "ignore";

/** A reply to the questions that fit. What is not named fits every question. */
export interface ScriptedRule {
  readonly hitl_type?: string;
  readonly tool_name?: string;
  readonly assignee?: string;
  /** Part of `data.message`, or a pattern for it. */
  readonly message?: string | RegExp;
  readonly reply: ScriptedReply;
  /** The rule fits this often; then the next one is asked. Default: always. */
  readonly times?: number;
}

export type ScriptedAnswerer = (record: HITLRecord) => ScriptedReply | Promise<ScriptedReply>;

export interface ScriptedHumanOptions {
  readonly backend: HITLBackend;
  /** Rules, of which the first that fits decides, or a function. Without a rule that fits: ignored. */
  readonly script: readonly ScriptedRule[] | ScriptedAnswerer;
  /** Name of the human in records and histories. Default `scripted-human`. */
  readonly actorId?: string;
}

/** What came of one question. */
export interface ScriptedOutcome {
  readonly hitl_id: string;
  readonly status: RespondResult["status"] | "ignored";
}

/**
 * Answers the pending questions of a backend by a script, for tests of graphs and agents.
 *
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 * import { ScriptedHuman } from "holdpoint/testing";
 *
 * const backend = new InMemoryHITLBackend();
 * const human = new ScriptedHuman({
 *   backend,
 *   script: [
 *     { hitl_type: "confirm", message: /delete/i, reply: { respond: { confirmed: false } } },
 *     { hitl_type: "confirm", reply: { respond: { confirmed: true } } },
 *   ],
 * });
 * await human.answerPending();
 * ```
 */
export class ScriptedHuman {
  readonly #backend: HITLBackend;
  readonly #answer: ScriptedAnswerer;
  readonly #actorId: string;

  constructor(options: ScriptedHumanOptions) {
    const { backend, script, actorId = "scripted-human" } = options;
    this.#backend = backend;
    this.#answer = typeof script === "function" ? script : byRules(script);
    this.#actorId = actorId;
  }

  /** Goes once through all pending questions, oldest first, and says what came of each. */
  async answerPending(): Promise<readonly ScriptedOutcome[]> {
    const outcomes: ScriptedOutcome[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#backend.list({ status: "pending", cursor });
      for (const record of page.items) outcomes.push(await this.#reply(record));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return outcomes;
  }

  /**
   * Answers round by round until a round finds nothing to answer: `proceed` lets the graph go on in between. What this human
   * may not answer (`forbidden`) is left to others, and reported once, at the end.
   *
   * @throws Error after `maxRounds` (default 50): the graph asks without end.
   */
  async answerAll(proceed: () => Promise<unknown>, maxRounds = 50): Promise<readonly ScriptedOutcome[]> {
    const all: ScriptedOutcome[] = [];
    for (let round = 0; round < maxRounds; round += 1) {
      const outcomes = await this.answerPending();
      const forbidden = outcomes.filter(({ status }) => status === "forbidden");
      const answered = outcomes.filter(({ status }) => status !== "ignored" && status !== "forbidden");
      if (answered.length === 0) return [...all, ...forbidden];
      all.push(...answered);
      await proceed();
    }
    throw new Error(`Questions were still asked after ${maxRounds} rounds of answers.`);
  }

  async #reply(record: HITLRecord): Promise<ScriptedOutcome> {
    const { hitl_id } = record;
    const reply = await this.#answer(record);
    if (reply === "ignore") return { hitl_id, status: "ignored" };
    const actor = { id: this.#actorId, role: "user" } as const;
    if ("cancel" in reply)
      return {
        hitl_id,
        status: (await this.#backend.cancel(hitl_id, { actor, reason: reply.cancel })).status,
      };
    return {
      hitl_id,
      status: (await this.#backend.respond(hitl_id, reply.respond, { actor, record })).status,
    };
  }
}

function byRules(rules: readonly ScriptedRule[]): ScriptedAnswerer {
  const used = new Map<ScriptedRule, number>();
  return (record) => {
    const rule = rules.find(
      (one) => fits(one, record) && (used.get(one) ?? 0) < (one.times ?? Number.POSITIVE_INFINITY),
    );
    if (!rule) return "ignore";
    used.set(rule, (used.get(rule) ?? 0) + 1);
    return rule.reply;
  };
}

function fits(rule: ScriptedRule, record: HITLRecord): boolean {
  const { message } = rule;
  const shown = record.data["message"];
  const text = typeof shown === "string" ? shown : "";
  return (
    (rule.hitl_type === undefined || rule.hitl_type === record.hitl_type) &&
    (rule.tool_name === undefined || rule.tool_name === record.tool_name) &&
    (rule.assignee === undefined || rule.assignee === record.assignee) &&
    (message === undefined ||
      (typeof message === "string" ? text.includes(message) : text.search(message) >= 0))
  );
}
