/** `run`: once, and the same answer for everybody. */
import { expect, it } from "vitest";
import {
  isEffectDeniedError,
  isEffectFailedError,
  isEffectLedgerValidationError,
} from "../../../src/ledger/index.ts";
import { EffectLog, errorOf, type Suite, typesOf } from "../kit.ts";

export function runs({ ledger, other, call, world }: Suite): void {
  it("P6 executes and commits once; a replay gets the recorded result", async () => {
    const one = call();
    const log = new EffectLog();
    const handler = (): { id: string } => ({ id: log.add("ch_1") });
    expect(await ledger().run(one, handler)).toEqual({ id: "ch_1" });
    expect(await ledger().run(one, handler)).toEqual({ id: "ch_1" });
    expect(await other().run(one, handler)).toEqual({ id: "ch_1" });
    expect(log.count).toBe(1);
    expect(await typesOf(ledger(), one)).toEqual(["created", "succeeded"]);
  });

  it("P6 the handler gets its effect, the fence, the attempt and a signal", async () => {
    const one = call({ call_id: "call_7" });
    const seen = await ledger().run(one, ({ effect, fence, attempt, signal }) => ({
      status: effect.status,
      key: effect.idem_key,
      call_id: effect.call_id,
      fence,
      attempt,
      aborted: signal.aborted,
    }));
    expect(seen).toEqual({
      status: "processing",
      key: ledger().computeIdemKey(one),
      call_id: "call_7",
      fence: 1,
      attempt: 1,
      aborted: false,
    });
  });

  it("P6 gives any JSON back exactly, to the first caller and to all others", async () => {
    const results: readonly unknown[] = [
      null,
      0,
      false,
      "",
      "héllo 🎈 \u0000 \u2028",
      [1, [2, [3]], []],
      { nested: { deep: { list: [{ a: null }] } }, unicode: "日本語" },
      { large: Number.MAX_SAFE_INTEGER, tiny: 5e-324, big: 1.7976931348623157e308, negative: -0.1 },
    ];
    for (const result of results) {
      const one = call();
      const log = new EffectLog<unknown>();
      const handler = (): unknown => log.add(result);
      const text = JSON.stringify(result);
      expect(JSON.stringify(await ledger().run(one, handler))).toBe(text);
      expect(JSON.stringify(await other().run(one, handler))).toBe(text);
      expect(log.count).toBe(1);
    }
    const nothing = call();
    expect(await ledger().run(nothing, () => undefined)).toBeNull();
    expect(await other().run(nothing, () => 1)).toBeNull();
  });

  it("P6 records a handler's error, throws the original, and never calls the handler again", async () => {
    const one = call();
    const log = new EffectLog();
    const original = Object.assign(new Error("card declined"), { code: "card_declined" });
    const handler = (): never => {
      log.add("tried");
      throw original;
    };
    expect(await errorOf(() => ledger().run(one, handler))).toBe(original);
    const replayed = await errorOf(() => other().run(one, handler));
    expect(isEffectFailedError(replayed)).toBe(true);
    expect(replayed).toMatchObject({
      message: "card declined",
      code: "ERR_HITL_EFFECT_FAILED",
      effect_code: "card_declined",
      effect_error: { message: "card declined", code: "card_declined" },
      idem_key: ledger().computeIdemKey(one),
    });
    expect(log.count).toBe(1);
  });

  it("P6 whatever is thrown becomes an error that can be read", async () => {
    const thrown: readonly (readonly [unknown, { message: string; code: string | null }])[] = [
      ["a text", { message: "a text", code: null }],
      [undefined, { message: "undefined", code: null }],
      [Object.assign(new Error("n"), { code: 402 }), { message: "n", code: "402" }],
      [{ message: "m".repeat(5000) }, { message: "m".repeat(4096), code: null }],
      [new Error("lone \ud800"), { message: "lone \ufffd", code: null }],
    ];
    for (const [value, error] of thrown) {
      const one = call();
      let caught: unknown = "nothing";
      await ledger()
        .run(one, () => Promise.reject(value))
        .catch((reason: unknown) => (caught = reason));
      expect(caught).toBe(value);
      expect((await other().begin(one)).effect).toMatchObject({ status: "failed", error });
    }
  });

  it("P6 a result that cannot be kept fails loudly, and the call does not run again", async () => {
    const results: readonly (readonly [unknown, string])[] = [
      [{ at: new Date(0) }, "ERR_HITL_NOT_JSON"],
      ["x".repeat(256 * 1024 + 1), "ERR_HITL_TOO_LARGE"],
    ];
    for (const [result, code] of results) {
      const one = call();
      const log = new EffectLog();
      const handler = (): unknown => {
        log.add("ran");
        return result;
      };
      const error = await errorOf(() => ledger().run(one, handler));
      expect(isEffectLedgerValidationError(error) && error.field).toBe("result");
      expect(error["code"]).toBe(code);
      const again = await errorOf(() => other().run(one, handler, { retry_failed: true }));
      expect(isEffectFailedError(again) && again.effect_code).toBe(code);
      expect(await ledger().retry(one)).toBe(false);
      expect(log.count).toBe(1);
    }
  });

  it("P9 a handler that lost its lease to a winner gives the winner's outcome, and its own is evidence", async () => {
    const decisions = [
      [{ decision: "happened", result: "by hand" }, "by hand"],
      [{ decision: "give_up" }, "in_doubt"],
    ] as const;
    for (const [decision, outcome] of decisions) {
      const one = call();
      const run = ledger().run(
        one,
        async () => {
          world().clock.advance(1000);
          expect((await other().begin(one)).effect.status).toBe("in_doubt");
          expect(await other().resolve(one, decision)).toBe(true);
          return "mine";
        },
        { leaseMs: 1000 },
      );
      if (decision.decision === "happened") expect(await run).toBe(outcome);
      else expect(await errorOf(() => run)).toMatchObject({ effect_code: outcome });
      const { items } = await ledger().history(one);
      expect(items.at(-1)).toMatchObject({
        type: "late_outcome",
        data: { late_outcome: { status: "succeeded", result: "mine", fence: 1 } },
      });
    }
  });

  it("P9 a handler that lost its lease says so, and its result is not the outcome", async () => {
    const one = call();
    const late = await errorOf(() =>
      ledger().run(
        one,
        () => {
          world().clock.advance(1000);
          return "late";
        },
        { leaseMs: 1000 },
      ),
    );
    expect(late["code"]).toBe("ERR_HITL_LEASE_LOST");
    const { effect } = await other().begin(one);
    expect(effect).toMatchObject({ status: "in_doubt", result: null });
  });

  it("P6 a nested effect's failure or denial passes unwrapped, and is not this effect's outcome", async () => {
    const [outer, denied, failed] = [call(), call(), call()];
    const own = ledger();
    await own.begin(denied, { requires_approval: true });
    await own.deny(denied, "not today");
    await errorOf(() => own.run(failed, () => Promise.reject(new Error("inner"))));
    for (const [inner, is] of [
      [denied, isEffectDeniedError],
      [failed, isEffectFailedError],
    ] as const) {
      const error = await errorOf(() => own.run(outer, () => own.run(inner, () => "never")));
      expect(is(error)).toBe(true);
      expect(error).toMatchObject({ idem_key: own.computeIdemKey(inner) });
      expect((await own.begin(outer)).effect).toMatchObject({ status: "ready", error: null });
    }
    expect(await own.run(outer, ({ attempt }) => attempt)).toBe(3);
  });

  it("P2 with a resource two calls are one effect, with other names they are others", async () => {
    const resource = { namespace: "github", type: "issue", id: { owner: "acme", repo: "app" } };
    const one = call({ resource, args: { title: "Bug" } });
    expect(await ledger().run(one, () => 1)).toBe(1);
    expect(await other().run({ ...one, args: { title: "Other" } }, () => 2)).toBe(1);
    const named = call({ args: { order: 7, note: "a" }, idempotency_keys: ["order"] });
    expect(await ledger().run(named, () => 1)).toBe(1);
    expect(await other().run({ ...named, args: { order: 7, note: "b" } }, () => 2)).toBe(1);
    expect(await other().run({ ...named, args: { order: 8, note: "b" } }, () => 2)).toBe(2);
    const pipes = call().workflow_id;
    const split = (workflow_id: string, tool: string) => ({ workflow_id, tool, args: {} });
    expect(await ledger().run(split(`${pipes}|b`, "c"), () => "ab c")).toBe("ab c");
    expect(await ledger().run(split(pipes, "b|c"), () => "a bc")).toBe("a bc");
  });

  it("P7 a handler that changes what it was given changes nothing that is stored", async () => {
    const one = call();
    const { effect } = await ledger().begin(one, { requires_approval: true });
    await ledger().approve(effect, { actor: { id: "alice", role: "user" } });
    await other().run(one, (context) => {
      const given = context.effect as unknown as { tool: string; approval: Record<string, unknown> };
      given.tool = "other";
      Object.assign(given.approval, { decision: "denied", decided_by: { id: "mallory", role: "user" } });
      return "done";
    });
    expect(await ledger().getEffect(effect.id)).toMatchObject({
      tool: one.tool,
      status: "succeeded",
      approval: { decision: "approved", decided_by: { id: "alice" } },
    });
  });

  it("P6 an aborted run begins nothing, and one that is stopped in its handler leaves its call in doubt", async () => {
    const [never, stopped] = [call(), call()];
    const log = new EffectLog();
    const signal = AbortSignal.abort();
    const error = await errorOf(() => ledger().run(never, () => log.add("ran"), { signal }));
    expect(error["code"]).toBe("ERR_HITL_ABORTED");
    expect(await ledger().findByIdemKey(ledger().computeIdemKey(never))).toBeNull();
    const user = new AbortController();
    const reason = await errorOf(() =>
      ledger().run(
        stopped,
        ({ signal: told }) => {
          user.abort();
          log.add("half");
          throw told.reason;
        },
        { signal: user.signal, leaseMs: 1000 },
      ),
    );
    expect(reason.name).toBe("AbortError");
    expect((await other().begin(stopped)).effect.status).toBe("processing");
    world().clock.advance(1000);
    expect((await other().begin(stopped)).effect.status).toBe("in_doubt");
    expect(log.entries).toEqual(["half"]);
  });
}
