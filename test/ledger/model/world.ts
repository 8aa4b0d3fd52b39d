/**
 * Calls, workers, humans and time, and a log of their own of what they did: the oracle. It never looks at the ledger's
 * records.
 */
import { type HITLBackend, StoreHITLBackend } from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import {
  EffectLedger,
  type InDoubtChoice,
  isEffectFailedError,
  type RunOptions,
  type ToolCall,
} from "../../../src/ledger/index.ts";
import { Actor, Turns } from "./turns.ts";

/** No beat comes in a test: a lease lasts exactly as long as the clock says. */
export const LEASE_MS = 3_600_000;

export interface Kind {
  readonly name: string;
  readonly needs: boolean;
  readonly inDoubt: Extract<InDoubtChoice, string>;
  /** It is called with other arguments, too, which are one effect: a resource names it. Then people look before they decide. */
  readonly varies?: true;
}

export const KINDS: readonly Kind[] = [
  { name: "varied, ask", needs: true, inDoubt: "ask", varies: true },
  { name: "approved, ask", needs: true, inDoubt: "ask" },
  { name: "free, ask", needs: false, inDoubt: "ask" },
  { name: "free, retry", needs: false, inDoubt: "retry" },
  { name: "approved, fail", needs: true, inDoubt: "fail" },
  { name: "approved, retry", needs: true, inDoubt: "retry" },
];

export type Op =
  | {
      readonly do: "run";
      readonly call: number;
      readonly variant: number;
      readonly dies: number;
      readonly fails: boolean;
    }
  | {
      readonly do: "by hand";
      readonly call: number;
      readonly variant: number;
      readonly dies: number;
      readonly slow: boolean;
    }
  | { readonly do: "answer"; readonly call: number; readonly yes: boolean }
  | { readonly do: "decide"; readonly call: number; readonly how: "approve" | "deny" | "cancel" }
  | {
      readonly do: "doubt";
      readonly call: number;
      readonly decision: "happened" | "run_again" | "give_up";
      readonly inbox: boolean;
    }
  | { readonly do: "retry"; readonly call: number }
  | { readonly do: "advance"; readonly leases: number }
  | { readonly do: "sweep" };

export interface Started {
  readonly call: number;
  readonly variant: number;
  readonly fence: number;
  readonly token: string;
  readonly at: number;
}

/** What happened, in the order in which it did. */
export class Oracle {
  readonly started: Started[] = [];
  /** Outcomes that anybody was given, by call. */
  readonly given: { readonly call: number; readonly value: unknown }[] = [];
  /** Who was told that the call had failed before. */
  readonly failed: { readonly call: number }[] = [];
  /** Tokens that were said to be no outcome. */
  readonly refused: { readonly call: number; readonly token: string }[] = [];
  /** Tokens that were brought a whole lease after their handler began, or later. */
  readonly late: { readonly call: number; readonly token: string }[] = [];
  /** Approvals that were sent, before anybody can have heard of them. */
  readonly approving: { readonly call: number; readonly variant: number; readonly at: number }[] = [];
  readonly approved: { readonly call: number; readonly variant: number }[] = [];
  readonly ended: { readonly call: number; readonly how: "deny" | "cancel"; readonly at: number }[] = [];
  /** Decisions that allow one more run: run_again, retry. */
  readonly again: { readonly call: number }[] = [];
  /** Doubts that a human has said to have happened, with his word. */
  readonly words: { readonly call: number; readonly word: string }[] = [];
  readonly unexpected: unknown[] = [];
  advancedMs = 0;
  #order = 0;

  next(): number {
    return (this.#order += 1);
  }
}

export class ModelWorld {
  readonly clock = new FakeClock();
  readonly turns = new Turns();
  readonly oracle = new Oracle();
  readonly #data = new MemoryRecordData();
  #names = 0;

  callOf(call: number, variant: number): ToolCall {
    return {
      workflow_id: `w${call}`,
      tool: "pay",
      args: { variant: KINDS[call]?.varies ? variant : 0 },
      resource: { namespace: "n", type: "t", id: { call } },
    };
  }

  #variantOf(call: number, variant: number): number {
    return KINDS[call]?.varies ? variant : 0;
  }

  /** How many questions of a call people see, of whatever kind. */
  async openQuestions(call: number): Promise<number> {
    const store = new MemoryRecordStore({ clock: this.clock }, this.#data);
    const inbox = new StoreHITLBackend(store, { clock: this.clock, retention: { sweepEveryMs: 0 } });
    return (await inbox.getPendingBySession(`w${call}`)).items.length;
  }

  backendOf(actor: Actor): HITLBackend {
    const store = this.turns.storeOf(actor, new MemoryRecordStore({ clock: this.clock }, this.#data));
    return new StoreHITLBackend(store, { clock: this.clock, retention: { sweepEveryMs: 0 } });
  }

  ledgerOf(actor: Actor): EffectLedger {
    return new EffectLedger({ backend: this.backendOf(actor), defaults: { leaseMs: LEASE_MS } });
  }

  optionsOf(call: number): RunOptions {
    const { needs, inDoubt } = KINDS[call] as Kind;
    // Who would have to wait goes away: others come after him.
    return { requires_approval: needs, inDoubt, concurrency: { waitTimeoutMs: 0, approvalTimeoutMs: 0 } };
  }

  start(op: Op): void {
    this.#names += 1;
    const name = `${this.#names} ${op.do}`;
    const actor = new Actor(name, "dies" in op && op.dies > 0 ? op.dies : undefined);
    this.#act(op, actor).catch((error: unknown) => this.oracle.unexpected.push(error));
  }

  async #act(op: Op, actor: Actor): Promise<void> {
    await this.turns.step(actor);
    switch (op.do) {
      case "run":
        return this.#run(op, actor);
      case "by hand":
        return this.#byHand(op, actor);
      case "answer":
        return this.#answer(op, actor);
      case "decide":
        return this.#decide(op, actor);
      case "doubt":
        return this.#doubt(op, actor);
      case "retry":
        if (await this.ledgerOf(actor).retry(this.callOf(op.call, 0))) this.oracle.again.push(op);
        return undefined;
      case "advance": {
        const ms = Math.round(op.leases * LEASE_MS);
        this.oracle.advancedMs += ms;
        this.clock.advance(ms);
        return undefined;
      }
      case "sweep":
        await this.backendOf(actor).sweep();
    }
  }

  async #run({ call, variant, fails }: Op & { do: "run" }, actor: Actor): Promise<void> {
    const { oracle, turns } = this;
    let own: string | undefined;
    try {
      const value = await this.ledgerOf(actor).run(
        this.callOf(call, variant),
        async ({ fence }) => {
          own = `${actor.name} ${fence}`;
          oracle.started.push({
            call,
            variant: this.#variantOf(call, variant),
            fence,
            token: own,
            at: oracle.next(),
          });
          const since = this.clock.now();
          await turns.step(actor);
          if (fails) throw new Error("declined");
          if (this.clock.now() >= since + LEASE_MS) oracle.late.push({ call, token: own });
          return own;
        },
        this.optionsOf(call),
      );
      oracle.given.push({ call, value });
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (own !== undefined && code === "ERR_HITL_LEASE_LOST") oracle.refused.push({ call, token: own });
      if (isEffectFailedError(error)) oracle.failed.push({ call });
      const isUsual =
        message === "declined" ||
        isEffectFailedError(error) ||
        ["ERR_HITL_LEASE_LOST", "ERR_HITL_TIMEOUT", "ERR_HITL_EFFECT_DENIED"].includes(code ?? "");
      if (!isUsual) throw error;
    }
  }

  async #byHand({ call, variant, slow }: Op & { do: "by hand" }, actor: Actor): Promise<void> {
    const { oracle, turns } = this;
    const ledger = this.ledgerOf(actor);
    const one = this.callOf(call, variant);
    const began = await ledger.begin(one, this.optionsOf(call));
    const isMine = began.idempotency_status === "fresh" && began.effect.status === "processing";
    const effect = isMine ? began.effect : await ledger.claim(one, this.optionsOf(call));
    if (!effect) return;
    const token = `${actor.name} ${effect.fence}`;
    oracle.started.push({
      call,
      variant: this.#variantOf(call, variant),
      fence: effect.fence,
      token,
      at: oracle.next(),
    });
    const since = this.clock.now();
    await turns.step(actor);
    if (slow) {
      oracle.advancedMs += LEASE_MS;
      this.clock.advance(LEASE_MS);
      await turns.step(actor);
    }
    if (this.clock.now() >= since + LEASE_MS) oracle.late.push({ call, token });
    const isDone = await ledger.commit(effect, { status: "succeeded", result: token });
    if (isDone) oracle.given.push({ call, value: token });
    else oracle.refused.push({ call, token });
  }

  /** A human in an inbox: decides on what he sees. */
  async #answer({ call, yes }: Op & { do: "answer" }, actor: Actor): Promise<void> {
    const { oracle } = this;
    const inbox = this.backendOf(actor);
    const { items } = await inbox.getPendingBySession(`w${call}`);
    const question = items.find(({ hitl_type }) => hitl_type === "permission");
    if (!question) return;
    const { variant } = question.data["args"] as { variant: number };
    if (yes) oracle.approving.push({ call, variant, at: oracle.next() });
    const answer = yes ? { decision: "approve_once" } : { decision: "reject", message: "no" };
    const { status } = await inbox.respond(question.hitl_id, answer);
    if (status !== "accepted") return;
    if (yes) oracle.approved.push({ call, variant });
    else oracle.ended.push({ call, how: "deny", at: oracle.next() });
  }

  async #decide({ call, how }: Op & { do: "decide" }, actor: Actor): Promise<void> {
    const { oracle } = this;
    const ledger = this.ledgerOf(actor);
    const one = this.callOf(call, 0);
    if (how === "approve") {
      if (KINDS[call]?.varies) return this.#answer({ do: "answer", call, yes: true }, actor);
      oracle.approving.push({ call, variant: 0, at: oracle.next() });
      if (await ledger.approve(one)) oracle.approved.push({ call, variant: 0 });
      return undefined;
    }
    const isDone = how === "deny" ? await ledger.deny(one, "no") : await ledger.cancel(one);
    if (isDone) oracle.ended.push({ call, how, at: oracle.next() });
    return undefined;
  }

  async #doubt({ call, decision, inbox }: Op & { do: "doubt" }, actor: Actor): Promise<void> {
    const { oracle } = this;
    const word = `word of ${actor.name}`;
    const answer = decision === "happened" ? { decision, result: word } : { decision };
    // Heard of or not, it allows what it says from when it was sent.
    if (decision === "run_again") oracle.again.push({ call });
    if (decision === "happened") oracle.words.push({ call, word });
    if (!inbox) {
      await this.ledgerOf(actor).resolve(this.callOf(call, 0), answer);
      return;
    }
    const backend = this.backendOf(actor);
    const { items } = await backend.getPendingBySession(`w${call}`);
    const question = items.find(({ hitl_type }) => hitl_type === "in_doubt");
    if (question) await backend.respond(question.hitl_id, answer);
  }
}
