/** In doubt: the author has declared what happens, and it is never a silent second run. */
import { expect, it } from "vitest";
import type { HITLRecord } from "holdpoint";
import {
  type EffectLedger,
  isEffectFailedError,
  isEffectTimeoutError,
  type RunOptions,
  type ToolCall,
} from "../../../src/ledger/index.ts";
import { until } from "../../support/poll.ts";
import { EffectLog, errorOf, type Suite, times, typesOf } from "../kit.ts";

const short: RunOptions = { concurrency: { approvalTimeoutMs: 20 } };

export function doubts({ ledger, other, call, world }: Suite): void {
  /** A worker begins the call and dies. */
  const died = async (more: Partial<ToolCall> = {}, own: EffectLedger = ledger()): Promise<ToolCall> => {
    const one = call(more);
    await own.begin(one, { leaseMs: 1000 });
    world().clock.advance(1000);
    return one;
  };
  const question = async (one: ToolCall): Promise<HITLRecord> => {
    const { items } = await world().backends[1].getPendingBySession(one.workflow_id);
    expect(items).toHaveLength(1);
    return items[0] as HITLRecord;
  };

  it("P6 asks a human by default, and does not run meanwhile", async () => {
    const one = await died();
    const log = new EffectLog();
    const error = await errorOf(() => ledger().run(one, () => log.add("ran"), short));
    const asked = await question(one);
    expect(isEffectTimeoutError(error)).toBe(true);
    expect(error["hitl_id"]).toBe(asked.hitl_id);
    expect(asked).toMatchObject({
      hitl_type: "in_doubt",
      tool_name: one.tool,
      data: { tool: one.tool, args: one.args, attempt: 1 },
    });
    // Whoever comes next waits for the same answer.
    await errorOf(() => other().run(one, () => log.add("ran"), { ...short, inDoubt: "retry" }));
    await question(one);
    expect((await ledger().begin(one)).effect).toMatchObject({
      status: "in_doubt",
      doubt_hitl_id: asked.hitl_id,
    });
    expect(log.count).toBe(0);
  });

  it("P6 does what the human has decided, in an inbox or through the ledger", async () => {
    const decisions = [
      [{ decision: "happened", result: { id: "ch_9" } }, { id: "ch_9" }, []],
      [{ decision: "happened" }, null, []],
      [{ decision: "run_again" }, "ran", ["ran"]],
    ] as const;
    for (const [decision, outcome, ran] of decisions) {
      for (const how of ["inbox", "ledger", "ledger, before anybody asked"] as const) {
        const one = await died();
        const log = new EffectLog();
        if (how !== "ledger, before anybody asked")
          await errorOf(() => ledger().run(one, () => log.add("ran"), short));
        if (how === "inbox") {
          const { hitl_id } = await question(one);
          const inbox = world().backends[1];
          expect((await inbox.respond(hitl_id, { decision: "perhaps" })).status).toBe("invalid");
          expect((await inbox.respond(hitl_id, decision, { actor: { id: "ops" } })).status).toBe("accepted");
          expect(await ledger().resolve(one, { decision: "give_up" })).toBe(false);
        } else {
          expect(await other().resolve(one, decision, { actor: { id: "ops" } })).toBe(true);
          expect(await other().resolve(one, decision)).toBe(false);
          expect((await world().backends[1].getPendingBySession(one.workflow_id)).items).toEqual([]);
        }
        expect(await ledger().run(one, () => log.add("ran"))).toEqual(outcome);
        expect(log.entries).toEqual(ran);
        const { items } = await ledger().history(one);
        expect(items.find(({ type }) => type === decision.decision)?.actor).toEqual({ id: "ops" });
      }
    }
  });

  it("P8 whatever is no clear decision gives it up: it has failed, and does not run", async () => {
    const log = new EffectLog();
    const [given, cancelled] = [await died(), await died()];
    await errorOf(() => ledger().run(given, () => log.add("ran"), short));
    await world().backends[1].respond((await question(given)).hitl_id, { decision: "give_up" });
    await errorOf(() => ledger().run(cancelled, () => log.add("ran"), short));
    await world().backends[1].cancel((await question(cancelled)).hitl_id);
    for (const one of [given, cancelled]) {
      const error = await errorOf(() => other().run(one, () => log.add("ran")));
      expect(isEffectFailedError(error) && error.effect_code).toBe("in_doubt");
    }
    expect(log.count).toBe(0);
  });

  it("P6 a runner that waits for the decision goes on with it", async () => {
    const one = await died();
    const log = new EffectLog();
    const runners = times(4, (n) => (n % 2 === 0 ? ledger() : other()).run(one, () => log.add(`by ${n}`)));
    await until(
      "the question",
      async () => (await world().backends[0].getPendingBySession(one.workflow_id)).items.length === 1,
    );
    const { hitl_id } = await question(one);
    await world().backends[1].respond(hitl_id, { decision: "run_again" });
    expect(new Set(await runners)).toEqual(new Set(log.entries));
    expect(log.count).toBe(1);
  });

  it("P6 each death is a question of its own", async () => {
    const one = await died();
    await errorOf(() => ledger().run(one, () => "ran", short));
    const first = await question(one);
    await ledger().resolve(one, { decision: "run_again" });
    const claimed = await other().claim(one, { leaseMs: 1000 });
    expect(claimed).toMatchObject({ attempt: 2, fence: 2 });
    world().clock.advance(1000);
    await errorOf(() => ledger().run(one, () => "ran", short));
    expect((await question(one)).hitl_id).not.toBe(first.hitl_id);
    expect(await typesOf(ledger(), one)).toEqual([
      "created",
      "in_doubt",
      "asked",
      "run_again",
      "claimed",
      "in_doubt",
      "asked",
    ]);
  });

  it("P6 fails, or runs again, where the author has declared that", async () => {
    const log = new EffectLog();
    const [failing, retried] = [await died(), await died()];
    const error = await errorOf(() => ledger().run(failing, () => log.add("ran"), { inDoubt: "fail" }));
    expect(isEffectFailedError(error) && error.effect_code).toBe("in_doubt");
    expect(
      await ledger().run(retried, ({ attempt }) => log.add(`attempt ${attempt}`), { inDoubt: "retry" }),
    ).toBe("attempt 2");
    const byTool = ledger({ defaults: { inDoubt: (tool) => (tool === "safe" ? "retry" : "fail") } });
    const [safe, unsafe] = [await died({ tool: "safe" }), await died({ tool: "unsafe" })];
    expect(await byTool.run(safe, () => log.add("safe"))).toBe("safe");
    expect(isEffectFailedError(await errorOf(() => byTool.run(unsafe, () => log.add("unsafe"))))).toBe(true);
    expect(log.entries).toEqual(["attempt 2", "safe"]);
  });

  it("P6 verify looks, and what it found is the outcome", async () => {
    const log = new EffectLog();
    const run = (one: ToolCall, verify: () => unknown): Promise<unknown> =>
      ledger().run(one, () => log.add("ran"), { ...short, inDoubt: { verify: verify as never } });
    expect(await run(await died(), () => ({ status: "succeeded", result: "found" }))).toBe("found");
    expect(await run(await died(), () => ({ status: "not_run" }))).toBe("ran");
    const declined = { message: "declined", code: "card_declined" };
    const failed = await errorOf(async () =>
      run(await died(), () => ({ status: "failed", error: declined })),
    );
    expect(failed).toMatchObject({ effect_error: declined });
    for (const verify of [() => ({ status: "unknown" }), () => undefined, () => ({ status: "maybe" })]) {
      const one = await died();
      await errorOf(() => run(one, verify));
      await question(one);
    }
    // One that cannot look decides nothing.
    const one = await died();
    const broken = new Error("the service is away");
    expect(await errorOf(() => run(one, () => Promise.reject(broken)))).toBe(broken);
    expect((await ledger().begin(one)).effect).toMatchObject({ status: "in_doubt", doubt_hitl_id: null });
    expect(log.entries).toEqual(["ran"]);
  });

  it("P6 verify is asked by one of many, or by each, and the call runs once", async () => {
    const one = await died();
    const log = new EffectLog();
    const inDoubt = { verify: () => ({ status: "not_run" }) as const };
    const results = await times(8, (n) =>
      (n % 2 === 0 ? ledger() : other()).run(one, () => log.add(`by ${n}`), { inDoubt }),
    );
    expect(log.count).toBe(1);
    expect(new Set(results)).toEqual(new Set(log.entries));
  });

  it("P8 run again means with its approval, not without one", async () => {
    const one = call();
    const own = ledger();
    await own.begin(one, { requires_approval: true });
    await own.approve(one);
    await own.claim(one, { leaseMs: 1000 });
    world().clock.advance(1000);
    const log = new EffectLog();
    expect(await other().run(one, () => log.add("ran"), { inDoubt: "retry" })).toBe("ran");
    expect((await own.begin(one)).effect).toMatchObject({ attempt: 2, approval: { decision: "approved" } });
  });

  it("P6 the sweep says what is in doubt, though nobody repeats the call", async () => {
    const one = await died();
    await world().backends[0].sweep();
    expect(await typesOf(ledger(), one)).toEqual(["created", "in_doubt"]);
    expect((await ledger().list({ workflow_id: one.workflow_id, status: "in_doubt" })).items).toHaveLength(1);
  });
}
