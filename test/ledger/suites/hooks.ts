/** Hooks, redaction, and which option wins. */
import { expect, it } from "vitest";
import {
  type Effect,
  type EffectEvent,
  isEffectLedgerValidationError,
  isEffectTimeoutError,
  type Redact,
  type RunOptions,
  type ToolCall,
} from "../../../src/ledger/index.ts";
import { EffectLog, errorOf, type Suite } from "../kit.ts";

const short = { concurrency: { approvalTimeoutMs: 20 } };

export function hooks({ ledger, other, call, world }: Suite): void {
  it("P8 a policy decides by tool or arguments, before anything is written, and never on a replay", async () => {
    const asked = new EffectLog<unknown>();
    const requiresApproval = ({ args }: ToolCall): boolean => {
      asked.add(args["amount"]);
      return (args["amount"] as number) > 100;
    };
    const own = ledger({ hooks: { requiresApproval } });
    const [small, large] = [call({ args: { amount: 5 } }), call({ args: { amount: 500 } })];
    expect(await own.run(small, () => "paid")).toBe("paid");
    expect(await own.run(small, () => "again")).toBe("paid");
    expect((await own.begin(large)).effect.status).toBe("requires_approval");
    expect((await own.begin(large)).effect.status).toBe("requires_approval");
    expect(asked.entries).toEqual([5, 500]);
    class Policy {
      readonly limit = 100;
      requiresApproval({ args }: ToolCall): boolean {
        return (args["amount"] as number) > this.limit;
      }
    }
    const byClass = ledger({ hooks: new Policy() });
    const huge = call({ args: { amount: 1000 } });
    expect((await byClass.begin(huge)).effect.status).toBe("requires_approval");
    const broken = new Error("policy");
    const failing = ledger({ hooks: { requiresApproval: () => Promise.reject(broken) } });
    const one = call();
    expect(await errorOf(() => failing.run(one, () => "ran"))).toBe(broken);
    expect(await own.findByIdemKey(own.computeIdemKey(one))).toBeNull();
    // Either is enough.
    const lax = ledger({ hooks: { requiresApproval: () => false } });
    expect((await lax.begin(call(), { requires_approval: true })).effect.status).toBe("requires_approval");
  });

  it("P6 of many begins under a policy one is fresh", async () => {
    const one = call();
    const requiresApproval = (): boolean => true;
    const began = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        (n % 2 === 0 ? ledger : other)({ hooks: { requiresApproval } }).begin(one),
      ),
    );
    expect(began.filter(({ idempotency_status }) => idempotency_status === "fresh")).toHaveLength(1);
    expect((await ledger().begin(one)).effect.dedup_count).toBe(10);
    expect((await world().backends[0].getPendingBySession(one.workflow_id)).items).toHaveLength(1);
  });

  it("the notice of an approval comes once, and one that fails breaks nothing", async () => {
    const told = new EffectLog<Effect>();
    const events = new EffectLog<EffectEvent>();
    const failure = new Error("mail server");
    const onApprovalRequired = (effect: Effect): Promise<never> => {
      told.add(effect);
      return Promise.reject(failure);
    };
    const own = ledger({ hooks: { onApprovalRequired, onEvent: (event) => void events.add(event) } });
    const one = call();
    await own.begin(one, { requires_approval: true });
    await own.begin(one, { requires_approval: true });
    await errorOf(() => own.run(one, () => "never", { ...short, requires_approval: true }));
    expect(told.entries).toMatchObject([{ status: "requires_approval", workflow_id: one.workflow_id }]);
    expect(events.entries.filter(({ type }) => type === "effect.hook_error")).toMatchObject([
      { hook: "onApprovalRequired", error: failure },
    ]);
  });

  it("tells what happens, with the names of the effect, and survives a listener that throws", async () => {
    const events = new EffectLog<EffectEvent>();
    const onEvent = (event: EffectEvent): void => {
      events.add(event);
      throw new Error("listener");
    };
    const own = ledger({ hooks: { onEvent } });
    const [good, bad, slow] = [call(), call(), call()];
    await own.run(good, () => 1);
    await own.run(good, () => 1);
    const original = new Error("m");
    await errorOf(() => own.run(bad, () => Promise.reject(original)));
    await ledger().begin(slow);
    await errorOf(() => own.run(slow, () => 1, { concurrency: { waitTimeoutMs: 5 } }));
    const named = { workflow_id: good.workflow_id, tool: good.tool, idem_key: own.computeIdemKey(good) };
    expect(events.entries[0]).toMatchObject({ ...named, type: "effect.created", level: "info" });
    expect(events.entries.map(({ type, level }) => `${type} ${level}`)).toEqual([
      "effect.created info",
      "effect.transition info",
      "effect.replayed debug",
      "effect.created info",
      "effect.handler_error error",
      "effect.transition info",
      "effect.replayed debug",
      "effect.wait_timeout warning",
    ]);
    expect(events.entries[4]).toMatchObject({ error: original, attempt: 1 });
  });

  it("redacts before anything is written, and the key is that of the whole call", async () => {
    const secret = "sk_live_4242";
    const redact: Redact = (value) =>
      JSON.parse(JSON.stringify(value).replaceAll(secret, "•••")) as typeof value;
    const own = ledger({ hooks: { redact } });
    const resource = { namespace: "n", type: "t", id: { token: secret } };
    const one = call({ args: { token: secret, amount: 1 } });
    const two = call({ args: { token: secret }, resource });
    const { effect } = await own.begin(one, { requires_approval: true });
    await errorOf(() => own.run(two, () => Promise.reject(new Error(`bad token ${secret}`))));
    expect(effect.idem_key).toBe(ledger().computeIdemKey(one));
    expect(effect.args_canonical).toBe('{"amount":1,"token":"•••"}');
    await own.approve(one);
    // P7: bound to the arguments as they are, not as they are shown.
    expect(await own.claim({ ...one, args: { token: "other", amount: 1 } })).toBeNull();
    let given: unknown;
    await own.run(one, () => (given = one.args["token"]));
    expect(given).toBe(secret);
    const { store } = world().backends[0];
    for (const workflow_id of [one.workflow_id, two.workflow_id]) {
      for (const { id } of (await own.list({ workflow_id })).items) {
        const [stored] = await store.get([id]);
        const shown = { ...stored?.value, result: null };
        expect(JSON.stringify([shown, (await store.history(id)).items])).not.toContain(secret);
      }
      const questions = await world().backends[0].list({ session_id: workflow_id });
      expect(JSON.stringify(questions)).not.toContain(secret);
    }
    expect((await own.begin(two)).effect).toMatchObject({
      resource_id_canonical: 'n/t/{"token":"•••"}',
      error: { message: "bad token •••" },
    });
  });

  it("P8 writes nothing that could not be redacted", async () => {
    const broken: Redact = (value, { what }) => {
      if (what !== "args") throw new Error("redact");
      return value;
    };
    const one = call({ args: { password: "hunter2" } });
    const refusing = ledger({
      hooks: {
        redact: () => {
          throw new Error("redact");
        },
      },
    });
    const error = await errorOf(() => refusing.run(one, () => "ran"));
    expect(isEffectLedgerValidationError(error) && error.field).toBe("redact");
    expect(await ledger().findByIdemKey(ledger().computeIdemKey(one))).toBeNull();
    const own = ledger({ hooks: { redact: broken } });
    await errorOf(() => own.run(one, () => Promise.reject(new Error("hunter2"))));
    expect((await own.begin(one)).effect.error?.message).toContain("could not be redacted");
  });

  it("the call's options win over the ledger's, field by field, and null is no limit", async () => {
    const own = ledger({
      defaults: {
        leaseMs: 5000,
        concurrency: { waitTimeoutMs: 15, maxIntervalMs: 5 },
        requires_approval: false,
      },
    });
    const lasts = async (options: RunOptions): Promise<number> => {
      const { effect } = await own.begin(call(), options);
      return (effect.lease?.expires_at ?? 0) - world().clock.now();
    };
    expect(await lasts({})).toBe(5000);
    expect(await lasts({ leaseMs: 7000 })).toBe(7000);
    expect(await lasts({ leaseMs: undefined })).toBe(5000);
    const one = call();
    await own.begin(one);
    const waits = async (options: RunOptions): Promise<unknown> => {
      const error = await errorOf(() => own.run(one, () => 1, options));
      return isEffectTimeoutError(error) ? error.timeout_ms : error["code"];
    };
    expect(await waits({})).toBe(15);
    expect(await waits({ concurrency: { initialIntervalMs: 1 } })).toBe(15);
    expect(await waits({ concurrency: { waitTimeoutMs: 0 } })).toBe(0);
    const user = new AbortController();
    const unlimited = waits({ concurrency: { waitTimeoutMs: null }, signal: user.signal });
    expect(await waits({ concurrency: { waitTimeoutMs: 60 } })).toBe(60);
    user.abort();
    expect(await unlimited).toBe("ERR_HITL_ABORTED");
    const bad: readonly RunOptions[] = [
      { leaseMs: 1 },
      { concurrency: { waitTimeoutMs: -1 } },
      { concurrency: { jitterFactor: 2 } },
      { concurrency: { backoffMultiplier: 0 } },
      { inDoubt: "maybe" as never },
      { retry: { attempts: 0 } },
      { policy_version: "" },
      // A wish for approval that is not understood must not be passed over (P8).
      { requiresApproval: true } as never,
      { hooks: { requires_approval: () => true } as never },
      { hooks: { requiresApproval: true as never } },
    ];
    for (const options of bad) {
      const error = await errorOf(() => own.run(call(), () => 1, options));
      expect(isEffectLedgerValidationError(error), JSON.stringify(options)).toBe(true);
      expect(() => ledger({ defaults: options })).toThrow();
    }
  });
}
