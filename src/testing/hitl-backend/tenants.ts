import assert from "node:assert/strict";
import { slotOf, slotOfId } from "../../core/ids.ts";
import { rejectsWith } from "../assertions.ts";
import { ask, type BackendCase, eventsOf, listed, read, SESSION } from "./kit.ts";

const PLACE = { thread_id: "t", checkpoint_id: "cp", callback_id: "cb", assignee: "ann", invocation_id: "i" };

export const tenantCases: readonly BackendCase[] = [
  {
    name: "P1: a tenant's view sees nothing of another tenant, by any id, filter or list",
    run: async ({ backend }) => {
      const view = backend.forTenant("acme");
      const made = await ask(view, PLACE);
      const own = await ask(view, { ...PLACE, hitl_id: "hitl_123" });
      assert.deepEqual([view.tenant_id, made.tenant_id, own.tenant_id], ["acme", "acme", "acme"]);
      for (const other of [
        backend,
        backend.forTenant("globex"),
        backend.forTenant("acme2"),
        view.forTenant("a"),
      ]) {
        for (const { hitl_id } of [made, own]) {
          assert.equal(await other.get(hitl_id), null);
          assert.deepEqual(await other.respond(hitl_id, "stolen", { record: made }), { status: "not_found" });
          assert.deepEqual(await other.respond(hitl_id, "stolen"), { status: "not_found" });
          assert.deepEqual(await other.cancel(hitl_id), { status: "not_found" });
          assert.deepEqual(await other.history(hitl_id), { items: [] });
          await rejectsWith("ERR_HITL_NOT_FOUND", () => other.waitFor(hitl_id, { timeoutMs: 1 }));
        }
        assert.equal(await other.getByCheckpoint("cp"), null);
        assert.equal(await other.getByCallback("cb"), null);
        assert.deepEqual((await other.getPendingBySession(SESSION)).items, []);
        assert.deepEqual((await other.getPendingByInvocation("i")).items, []);
        assert.deepEqual((await other.getByThread("t")).items, []);
        assert.deepEqual(await listed(other), []);
        assert.deepEqual(await listed(other, { assignee: "ann" }), []);
      }
      assert.deepEqual((await listed(view)).toSorted(), [made.hitl_id, own.hitl_id].toSorted());
      assert.deepEqual(await read(view, made.hitl_id), made);
      assert.equal((await eventsOf(view, made.hitl_id)).length, 1);
    },
  },
  {
    name: "P2: an own id belongs to each tenant by itself",
    run: async ({ backend }) => {
      const views = ["default", "a", "b", "a:b", "A"].map((tenant) => backend.forTenant(tenant));
      for (const view of views) {
        const { status } = await view.create({
          hitl_id: "hitl_123",
          hitl_type: "ask_user",
          session_id: "s",
          response_schema: null,
        });
        assert.equal(status, "created", view.tenant_id);
        assert.equal((await view.respond("hitl_123", view.tenant_id)).status, "accepted");
      }
      for (const view of views) assert.equal((await read(view, "hitl_123")).user_response, view.tenant_id);
      assert.deepEqual(await read(backend, "hitl_123"), await read(backend.forTenant("default"), "hitl_123"));
    },
  },
  {
    name: "P2: creating under another tenant's record id shows nothing of that record",
    run: async ({ backend }) => {
      const secret = await ask(backend.forTenant("acme"), { data: { message: "secret" } });
      const other = backend.forTenant("globex");
      const slot = slotOfId(secret.hitl_id);
      let n = 0;
      while (slotOf("globex", `s${n}`) !== slot) n += 1;
      for (const session_id of [`s${n}`, "any"]) {
        const request = { hitl_id: secret.hitl_id, hitl_type: "ask_user", session_id };
        const made = await other.create(request).catch(() => null);
        assert.notEqual(made?.record.tenant_id, "acme");
        assert.notDeepEqual(made?.record.data, secret.data);
      }
      assert.deepEqual(await read(backend.forTenant("acme"), secret.hitl_id), secret);
    },
  },
  {
    name: "P1: the name of a tenant is 1 to 255 characters without control characters",
    run: async ({ backend }) => {
      for (const tenant of ["", "a\u0000", "x".repeat(256), "\ud800", null, 1]) {
        await rejectsWith("ERR_HITL_INVALID_INPUT", async () => backend.forTenant(tenant as string));
      }
    },
  },
  {
    name: "P1: closing a view closes nothing",
    run: async ({ backend }) => {
      const view = backend.forTenant("acme");
      await view.close();
      await ask(backend);
      await ask(view);
    },
  },
];
