/** Finding effects again. */
import { expect, it } from "vitest";
import { type EffectStatus, isEffectLedgerValidationError } from "../../../src/ledger/index.ts";
import { errorOf, type Suite } from "../kit.ts";

export function lookups({ ledger, other, call, world }: Suite): void {
  it("P2 an effect is found by its id, its key, itself and its call", async () => {
    const one = call({ args: { ключ: "значение" }, tool: "支付.🎈" });
    const own = ledger();
    const { effect } = await own.begin(one);
    expect(effect).toMatchObject({
      workflow_id: one.workflow_id,
      session_id: one.workflow_id,
      tenant_id: "default",
      tool: one.tool,
      args_canonical: '{"ключ":"значение"}',
      resource_id_canonical: one.tool,
    });
    expect(await other().getEffect(effect.id)).toEqual(effect);
    expect(await other().findByIdemKey(effect.idem_key)).toEqual(effect);
    for (const ref of [effect, one, effect.idem_key, effect.id])
      expect((await other().history(ref)).items).toMatchObject([{ type: "created", status: "processing" }]);
  });

  it("P3 what is unknown is null or false, whatever it looks like", async () => {
    const own = ledger();
    for (const id of ["", "nobody", `effect_${"0".repeat(32)}`, `hitl_${"0".repeat(32)}`, "a\u0000b"])
      expect(await own.getEffect(id)).toBeNull();
    for (const key of ["", "0".repeat(64), "'; DROP TABLE records; --", "*"]) {
      expect(await own.findByIdemKey(key)).toBeNull();
      expect(await own.approve(key)).toBe(false);
      expect(await own.deny(key)).toBe(false);
      expect(await own.cancel(key)).toBe(false);
      expect(await own.retry(key)).toBe(false);
      expect(await own.requestApproval(key)).toBe(false);
      expect(await own.resolve(key, { decision: "give_up" })).toBe(false);
      expect(await own.claim(key)).toBeNull();
      expect((await own.history(key)).items).toEqual([]);
    }
    // A question is no effect.
    const { effect } = await own.begin(call(), { requires_approval: true });
    expect(await own.getEffect(effect.approval?.hitl_id ?? "")).toBeNull();
  });

  it("P2 a tenant sees nothing of another one's effects", async () => {
    const one = call();
    const [a, b] = [ledger({ tenant_id: "a" }), ledger({ tenant_id: "b" })];
    expect(await a.run(one, () => "of a")).toBe("of a");
    expect(await b.run(one, () => "of b")).toBe("of b");
    const found = await a.findByIdemKey(a.computeIdemKey(one));
    expect(found).toMatchObject({ tenant_id: "a", result: "of a" });
    expect(await b.getEffect(found?.id ?? "")).toBeNull();
    expect((await b.list({ workflow_id: one.workflow_id })).items).toMatchObject([{ result: "of b" }]);
  });

  it("lists effects of a workflow by status, page by page", async () => {
    const own = ledger();
    const { workflow_id } = call();
    const outcomes: readonly EffectStatus[] = [
      "succeeded",
      "failed",
      "requires_approval",
      "denied",
      "processing",
    ];
    for (const status of outcomes) {
      const one = call({ workflow_id, tool: status });
      const needs = { requires_approval: status === "requires_approval" || status === "denied" };
      const { effect } = await own.begin(one, needs);
      if (status === "denied") await own.deny(effect);
      if (status === "succeeded") await own.commit(effect, { status });
      if (status === "failed") await own.commit(effect, { status, error: { message: "m" } });
      world().clock.advance(1);
    }
    const all = await other().list({ workflow_id });
    expect(all.items.map(({ status }) => status)).toEqual(outcomes);
    expect((await own.list({ workflow_id, status: ["failed", "denied"] })).items).toHaveLength(2);
    expect((await own.list({ workflow_id, status: "in_doubt" })).items).toEqual([]);
    const first = await own.list({ workflow_id, limit: 2, order: "newest" });
    const second = await own.list({ workflow_id, limit: 3, order: "newest", cursor: first.next_cursor });
    expect([...first.items, ...second.items].map(({ tool }) => tool)).toEqual(outcomes.toReversed());
    expect(second.next_cursor).toBeUndefined();
    const own_session = call({ workflow_id, session_id: `${workflow_id}-desk` });
    await own.begin(own_session, { requires_approval: true });
    expect((await own.list({ session_id: `${workflow_id}-desk` })).items).toHaveLength(1);
    expect((await own.list({ workflow_id })).items).toHaveLength(outcomes.length);
  });

  it("P3 refuses a query and a call that are not usable, with their field", async () => {
    const own = ledger();
    const field = async (run: () => Promise<unknown>): Promise<unknown> => {
      const error = await errorOf(run);
      return isEffectLedgerValidationError(error) ? error.field : error["code"];
    };
    expect(await field(() => own.list({ status: "done" as never }))).toBe("status");
    expect(await field(() => own.list({ status: [] }))).toBe("status");
    expect(await field(() => own.list({ tool: "x" } as never))).toBe("tool");
    expect(await field(() => own.list({ workflow_id: "a", session_id: "b" }))).toBe("session_id");
    expect(await field(() => own.list({ cursor: "?" }))).toBe("ERR_HITL_CURSOR");
    expect(await field(() => own.list({ limit: 0 }))).toBe("ERR_HITL_INVALID_INPUT");
    const one = call();
    const bad: readonly (readonly [string, object])[] = [
      ["workflow_id", { workflow_id: "" }],
      ["workflow_id", { workflow_id: "x".repeat(256) }],
      ["workflow_id", { workflow_id: "a\u0000" }],
      ["tool", { tool: "" }],
      ["tool", { tool: 7 }],
      ["call_id", { call_id: "" }],
      ["session_id", { session_id: "" }],
      ["args", { args: [] }],
      ["args", { args: { n: 2 ** 53 } }],
      ["idempotency_keys", { idempotency_keys: [] }],
      ["idempotency_keys", { idempotency_keys: ["amount", "amount"] }],
      ["idempotency_keys", { idempotency_keys: ["amuont"] }],
      ["resource", { resource: "r" }],
      ["resource.id", { resource: { namespace: "n", type: "t", id: {} } }],
      ["resource.type", { resource: { namespace: "n", type: "", id: { a: 1 } } }],
      ["force", { force: true }],
    ];
    for (const [name, more] of bad) {
      expect(await field(() => own.begin({ ...one, ...more } as never)), JSON.stringify(more)).toBe(name);
      expect(await field(() => own.run({ ...one, ...more } as never, () => 1))).toBe(name);
    }
    expect((await own.list({ workflow_id: one.workflow_id })).items).toEqual([]);
  });
}
