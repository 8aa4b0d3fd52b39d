/** One random play: agents on two threads of one user, humans, deploys, deaths and time, on two handles of one store. */
import { Command } from "@langchain/langgraph";
import type { ToolMessage } from "@langchain/core/messages";
import { type HITLRecord, respondAndResume, resumeThread } from "holdpoint";
import { PolicyGrants } from "holdpoint/policy";
import { expect } from "vitest";
import { at, type Host, open, start } from "../nodes-ledger/kit.ts";
import { turns as turnsOfTheLoop } from "../nodes/kit.ts";
import type { Act, Agent, AnswerAct, WakeAct } from "./acts.ts";
import { AgentWorld } from "./agent-world.ts";
import { type Answered, type Asked, Facts, ruleOf } from "./facts.ts";
import { isAgent } from "./kit.ts";
import { completed, isAcceptable, type Response, responseOf } from "./responses.ts";
import { type Args, changed, type Decision, offeredBy, same } from "./rules.model.ts";

export const THREADS = ["t1", "t2"] as const;
const USER = { configurable: { holdpoint: { user_id: "ann" } } };
const MAX_TURNS = 120;

type Config = ReturnType<typeof configOf>;
const configOf = (thread: string) => ({
  ...at(thread),
  configurable: { thread_id: thread, ...USER.configurable },
});

export class Play {
  readonly facts = new Facts();
  readonly counts = new Map<string, number>();
  readonly threads = new Set<string>();
  readonly #world: AgentWorld;
  readonly #host: Host;
  readonly #agent: Agent;
  readonly #grants: PolicyGrants;
  #changes = 0;
  #replays = 0;
  deaths = 0;

  constructor(host: Host, agent: Agent) {
    this.#host = host;
    this.#agent = agent;
    this.#world = new AgentWorld(host, agent, this.facts);
    this.#grants = new PolicyGrants({ backend: this.#world.backends[1] });
  }

  get ledger(): boolean {
    return this.#agent.ledger;
  }

  get replays(): number {
    return this.#replays;
  }

  async run(acts: readonly Act[]): Promise<void> {
    await this.#start(THREADS[0]);
    for (const [index, act] of acts.entries()) {
      if (index === this.#agent.secondAt) await this.#start(THREADS[1]);
      await this.#act(act);
    }
    if (this.#agent.secondAt !== undefined) await this.#start(THREADS[1]);
    for (const thread of this.threads) await this.#finish(thread);
  }

  async close(): Promise<void> {
    await this.#world.close();
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  // ── what happens ─────────────────────────────────────────────────────────────────────────────────────────

  async #start(thread: string): Promise<void> {
    if (this.threads.has(thread)) return;
    this.threads.add(thread);
    await this.#mortally(false, () => this.#world.graph(0).invoke(start(), configOf(thread)));
  }

  async #act(act: Act): Promise<void> {
    switch (act.kind) {
      case "answer":
        return this.#answer(act);
      case "wake":
        return this.#mortally(act.dies, () => this.#wake(act));
      case "wait":
        this.#world.clock.advance(act.ms);
        return this.count("time passed");
      case "cancel":
        return this.#cancel(act.which);
      case "revoke":
        return this.#revoke(act.which);
      case "deploy":
        if ((this.#changes += 1) > 3) return;
        this.#world.deploy(changed(this.facts.plan, act.change));
        return this.count("deploys");
      case "drift":
        if (!isAgent(this.#host) || (this.#changes += 1) > 3) return;
        this.#world.drift = act.to;
        return this.count("drifts");
      case "replay":
        return this.#replay(act);
    }
  }

  /** @param dies - the process does, once a tool has had its effect, and nothing is saved any more */
  async #mortally(dies: boolean, act: () => Promise<unknown>): Promise<void> {
    if (dies) this.#world.saver.arm();
    try {
      await act();
      this.#world.saver.revive();
    } catch (error) {
      // What ran beside it comes to its end; its results are lost, too.
      await turnsOfTheLoop(5);
      if (!this.#world.saver.revive()) throw error;
      this.deaths += 1;
      this.count("deaths");
    }
    await this.#note();
  }

  /** The questions that are new, and whether the policy had to ask them. */
  async #note(): Promise<void> {
    for (const thread of this.threads) {
      for (const record of (await this.#world.backends[0].list({ thread_id: thread, limit: 1000 })).items) {
        if (this.facts.asked.has(record.hitl_id) || record.hitl_type !== "permission") continue;
        this.facts.asked.set(record.hitl_id, this.#askedOf(record));
      }
    }
  }

  #askedOf({
    hitl_id,
    thread_id,
    checkpoint_ns,
    tool_call_id,
    data,
    metadata,
    created_at,
    subject,
    ...rest
  }: HITLRecord): Asked {
    const [tool, args, call_id] = [String(data["tool"]), data["args"] as Args, String(tool_call_id)];
    const rule = ruleOf(this.facts.plan, tool, args);
    const offered = offeredBy(rule, args);
    expect(data["allowed_decisions"]).toEqual(offered);
    expect(metadata["answerers"]).toEqual(rule.answerers);
    expect(subject).toMatchObject({ tool, args, rule_id: rule.id });
    const until = rule.expiresInMs === undefined ? null : created_at + rule.expiresInMs;
    expect(rest.expires_at).toBe(until);
    const isGiven = same(args, this.#world.drifted({ ...this.#world.scripted(call_id) }));
    const isEdited = this.facts.answers.some(
      ({ question, edited }) => question.call === call_id && same(edited, args),
    );
    expect(isGiven || isEdited, `nobody gave ${JSON.stringify(args)} to ${call_id}`).toBe(true);
    this.count("questions");
    if (this.facts.hasStanding(tool, rule)) this.count("asked in spite of a standing approval");
    if (data["previous_args"] !== undefined) this.count("asked again: changed");
    if (data["edited_from"] !== undefined) this.count("asked again: edited");
    const key = { thread: String(thread_id), ns: String(checkpoint_ns), call: call_id };
    return { hitl_id, ...key, seq: this.facts.next(), tool, args, rule, offered, until };
  }

  async #answer(act: AnswerAct): Promise<void> {
    const thread = THREADS[act.thread];
    const questions = (await open(this.#world.backends[0], thread)).filter(
      ({ hitl_type }) => hitl_type === "permission",
    );
    // Sometimes one that nobody waits for any more.
    const old = [...this.facts.asked.values()].filter((one) => one.thread === thread);
    const chosen = act.stale
      ? old[act.which % Math.max(old.length, 1)]?.hitl_id
      : questions[act.which % Math.max(questions.length, 1)]?.hitl_id;
    const question = chosen === undefined ? undefined : this.facts.asked.get(chosen);
    if (!question) return;
    const response = responseOf(question, act);
    const actor = act.good ? question.rule.answerers?.[0] : [undefined, "ann", "cfo", "eve"][act.actor % 4];
    const { status } = (await this.#world.backends[0].get(question.hitl_id)) as HITLRecord;
    const isMeant = status === "pending" && isAcceptable(question, response, actor, this.#world.clock.now());
    await this.#respond(act, question, response, actor, isMeant);
  }

  async #respond(
    { how, handle, dies }: Pick<AnswerAct, "how" | "handle" | "dies">,
    question: Asked,
    response: Response,
    actor: string | undefined,
    isMeant: boolean,
  ): Promise<void> {
    const { hitl_id } = question;
    const given: Answered = {
      question,
      seq: this.facts.next(),
      at: this.#world.clock.now(),
      decision: response.decision,
      edited: response.edited_args as Args | undefined,
      scope: response.scope,
      accepted: isMeant,
    };
    this.facts.answers.push(given);
    const by = actor === undefined ? {} : { actor: { id: actor } };
    const said: string[] = [];
    const resume = async (index: 0 | 1): Promise<void> => {
      const backend = this.#world.backends[index];
      const options = { backend, hitl_id, response, config: USER, ...by };
      said.push((await respondAndResume(this.#world.graph(index), options)).status);
    };
    const { deaths } = this;
    await this.#mortally(dies, async () => {
      if (how === "respond")
        said.push((await this.#world.backends[handle].respond(hitl_id, response, by)).status);
      else if (how === "resume") await resume(handle);
      else await Promise.all([resume(0), resume(1)]);
    });
    for (const status of said) if (status !== "accepted") this.count(`answer: ${status}`);
    if (isMeant) this.count(`answer: ${response.decision}`);
    // A process that dies says nothing of what it has stored.
    if (this.deaths === deaths)
      expect(
        said.filter((status) => status === "accepted"),
        JSON.stringify([question, response, actor, said]),
      ).toHaveLength(isMeant ? 1 : 0);
  }

  async #wake({ thread: index, how, handle }: WakeAct): Promise<unknown> {
    const thread = THREADS[index];
    if (!this.threads.has(thread)) return undefined;
    const resume = (own: 0 | 1): Promise<unknown> =>
      resumeThread(this.#world.graph(own), {
        thread_id: thread,
        backend: this.#world.backends[own],
        config: USER,
      });
    this.count(`wake: ${how}`);
    switch (how) {
      case "resume":
        return resume(handle);
      case "twice":
        return Promise.all([resume(0), resume(1)]);
      case "null":
        return this.#world.graph(handle).invoke(null, configOf(thread));
      case "forged":
        return this.#world
          .graph(handle)
          .invoke(new Command({ resume: { decision: "approve_once" } }), configOf(thread));
    }
  }

  async #cancel(which: number): Promise<void> {
    const questions = [...this.facts.asked.values()];
    const hitl_id = questions[which % Math.max(questions.length, 1)]?.hitl_id;
    if (hitl_id === undefined) return;
    const seq = this.facts.next();
    const { status } = await this.#world.backends[1].cancel(hitl_id, { reason: "not now" });
    if (status !== "cancelled") return;
    this.facts.cancelled.set(hitl_id, seq);
    this.count("cancelled");
  }

  async #revoke(which: number): Promise<void> {
    const { items } = await this.#grants.list();
    const grant = items[which % Math.max(items.length, 1)];
    if (!grant || grant.hitl_id === null) return;
    const seq = this.facts.next();
    const { status } = await this.#grants.revoke(grant.grant_id);
    if (status !== "revoked") return;
    this.facts.revoked.set(grant.hitl_id, seq);
    this.count("revoked");
  }

  /** The same checkpoint once more: what is recorded of its calls says what becomes of them (P2). */
  async #replay({ thread: index, which }: { thread: 0 | 1; which: number }): Promise<void> {
    const thread = THREADS[index];
    if (!this.threads.has(thread) || this.#replays >= 2) return;
    const configs: Config[] = [];
    for await (const { config, next } of this.#world.graph(0).getStateHistory({
      configurable: { thread_id: thread },
    }))
      if (next.includes("tools")) configs.push(config as Config);
    const chosen = configs[which % Math.max(configs.length, 1)];
    if (!chosen) return;
    this.#replays += 1;
    this.count("replays");
    const { configurable } = chosen;
    await this.#mortally(false, () =>
      this.#world.graph(1).invoke(null, {
        durability: "sync",
        configurable: { ...configurable, ...USER.configurable },
      }),
    );
  }

  // ── to the end ───────────────────────────────────────────────────────────────────────────────────────────

  async #finish(thread: string): Promise<void> {
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const questions = await open(this.#world.backends[0], thread);
      for (const question of questions) await this.#settle(question);
      const { tasks } = await this.#world.graph(0).getState({ configurable: { thread_id: thread } });
      if (tasks.length === 0) return;
      const options = { thread_id: thread, backend: this.#world.backends[0], config: USER };
      let resumed = "";
      await this.#mortally(false, async () => {
        resumed = (await resumeThread(this.#world.graph(0), options)).status;
      });
      if (resumed === "nothing_to_resume")
        await this.#mortally(false, () => this.#world.graph(0).invoke(null, configOf(thread)));
      else if (resumed === "busy") this.#world.clock.advance(61_000);
    }
    throw new Error(`${thread} does not come to its end`);
  }

  /** A human who says yes where he may. */
  async #settle({ hitl_id, hitl_type, tool_call_id, checkpoint_ns }: HITLRecord): Promise<void> {
    if (hitl_type === "in_doubt") {
      const happened = this.facts.ran.some(({ call: id, ns }) => id === tool_call_id && ns === checkpoint_ns);
      this.count("in doubt");
      await this.#world.backends[0].respond(
        hitl_id,
        happened ? { decision: "happened", result: "it did" } : { decision: "run_again" },
      );
      return;
    }
    const question = this.facts.asked.get(hitl_id);
    if (!question) return this.#note();
    const { offered, rule } = question;
    const wanted: Decision = this.#agent.standing ? "approve_always" : "approve_once";
    const order: readonly Decision[] = [wanted, "approve_once", ...offered];
    const decision = order.find((one) => offered.includes(one)) as Decision;
    const response = completed({ decision }, question, 0);
    await this.#respond(
      { how: "respond", handle: 0, dies: false },
      question,
      response,
      rule.answerers?.[0],
      true,
    );
  }

  async messages(
    thread: string,
  ): Promise<{ readonly asked: readonly string[]; readonly tools: readonly ToolMessage[] }> {
    const { values } = (await this.#world.graph(0).getState({
      configurable: { thread_id: thread },
    })) as unknown as {
      values: { messages: { getType(): string; tool_calls?: { id: string }[] }[] };
    };
    const asked = values.messages.flatMap(({ tool_calls = [] }) => tool_calls.map(({ id }) => id));
    const tools = values.messages.filter((message) => message.getType() === "tool");
    return { asked, tools: tools as unknown as ToolMessage[] };
  }

  async openQuestions(): Promise<number> {
    const found = await Promise.all(THREADS.map((thread) => open(this.#world.backends[0], thread)));
    return found.flat().length;
  }
}
