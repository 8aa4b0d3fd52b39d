/** Standing approvals over an audited store: each transition is in the chain, and one that is taken out of it shows. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HITLBackend, StoreHITLBackend } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import {
  audited,
  type AuditTrail,
  exportAudit,
  readAudit,
  verifyAudit,
  verifyAuditLines,
} from "../../src/audit/index.ts";
import { definePolicy, PolicyGrants } from "../../src/policy/index.ts";
import { modelOfGrants } from "../policy/grants.model.ts";
import { asAsk } from "../policy/kit.ts";

const policy = definePolicy({
  rules: [
    {
      id: "mail",
      for: "mail",
      verdict: "ask",
      answerers: ["ann"],
      allowed_decisions: ["approve_once", "approve_always", "reject"],
      grant: { args: "any", uses: 3 },
    },
  ],
});
const ann = { id: "ann", role: "user" } as const;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdpoint-audit-grants-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = (): string => join(folder, "h.db");

function sql(statement: string): void {
  const db = new Database(path());
  const { changes } = db.prepare(statement).run();
  db.close();
  expect(changes).toBeGreaterThan(0);
}

function open(clock: FakeClock): HITLBackend {
  return audited(new SqliteHITLBackend({ path: path(), clock, retention: { sweepEveryMs: 0 } }));
}

async function trailOf(backend: HITLBackend, id: string): Promise<AuditTrail> {
  const trail = await readAudit(backend, id);
  if (!trail) throw new Error(`There is no trail of ${id}.`);
  return trail;
}

/** Given by an answer, used by two calls at once, and revoked; its id. */
async function revoked(backend: HITLBackend): Promise<string> {
  const grants = new PolicyGrants({ backend });
  const decision = asAsk(await policy.decide({ name: "mail", args: {} }, { session_id: "s" }));
  const { record } = await backend.create({ ...decision.question.request, session_id: "s" });
  await backend.respond(record.hitl_id, { decision: "approve_always" }, { actor: ann });
  const { grant_id } = (await grants.fromAnswer(record.hitl_id)) as { grant_id: string };
  const used = await Promise.all(
    ["a", "b"].map((call_id) => grants.consume(decision, { session_id: "s", call_id })),
  );
  expect(used.map((one) => one?.repeated)).toEqual([false, false]);
  const { status } = await grants.revoke(grant_id, { actor: ann, reason: "too wide" });
  expect(status).toBe("revoked");
  return grant_id;
}

describe("the trail of a grant", () => {
  it("has who gave it, each use, who revoked it, and when it expired; and all of it verifies", async () => {
    const clock = new FakeClock();
    const backend = open(clock);
    const grant_id = await revoked(backend);
    const grants = new PolicyGrants({ backend });
    const request = { scope: "tenant", tool: "mail", rule_id: "mail", rule_version: "1" } as const;
    const late = await grants.create({ ...request, expiresInMs: 10, actor: ann });
    clock.advance(10);
    await backend.sweep();
    const trails = [await trailOf(backend, grant_id), await trailOf(backend, late.grant_id)];
    expect(trails.map(({ events }) => events.map(({ type, status }) => `${type}: ${status}`))).toEqual([
      ["granted: active", "used: active", "used: active", "revoked: revoked"],
      ["granted: active", "expired: expired"],
    ]);
    expect(trails[0]?.events.at(-1)).toMatchObject({ actor: ann, reason: "too wide" });
    for (const trail of trails) expect((await verifyAudit(trail)).problems).toEqual([]);
    const lines: string[] = [];
    for await (const line of exportAudit(backend, { kinds: ["grant"] })) lines.push(line);
    expect(await verifyAuditLines(lines)).toMatchObject({ ok: true, records: 2, lines: 6 });
    const all: string[] = [];
    for await (const line of exportAudit(backend, { session_id: "s" })) all.push(line);
    const types = all.map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types).toEqual(["created", "answered", "granted", "used", "used", "revoked"]);
    await backend.close();
  });

  it.each([
    ["a revocation is removed", "DELETE FROM holdpoint_history WHERE type = 'revoked'"],
    ["a grant is made to hold again", "UPDATE holdpoint_records SET status = 'active' WHERE kind = 'grant'"],
    ["a use is removed", "DELETE FROM holdpoint_history WHERE type = 'used' AND seq = 2"],
    [
      "uses are given back",
      "UPDATE holdpoint_records SET value = replace(value, '\"used\":2', '\"used\":0') WHERE kind = 'grant'",
    ],
    [
      "somebody else has given it",
      "UPDATE holdpoint_history SET actor = '{\"id\":\"eve\"}' WHERE type = 'granted'",
    ],
  ])("shows by SQL that %s", async (_, statement) => {
    const backend = open(new FakeClock());
    const grant_id = await revoked(backend);
    expect((await verifyAudit(await trailOf(backend, grant_id))).ok).toBe(true);
    sql(statement);
    const { ok, problems } = await verifyAudit(await trailOf(backend, grant_id));
    expect([ok, problems.length > 0]).toEqual([false, true]);
    await backend.close();
  });

  it("shows in an export that a revocation is missing", async () => {
    const backend = open(new FakeClock());
    await revoked(backend);
    const lines: string[] = [];
    for await (const line of exportAudit(backend, { kinds: ["grant"] })) lines.push(line);
    const without = lines.filter((line) => !line.includes('"type":"revoked"'));
    expect(without).toHaveLength(lines.length - 1);
    expect(await verifyAuditLines(without)).toMatchObject({ ok: false, problems: [{ kind: "cut_off" }] });
    await backend.close();
  });

  it("changes nothing of what grants hold, whatever happens side by side (P4, P8, P9)", async () => {
    const clock = new FakeClock();
    const data = new MemoryRecordData();
    const backendOn = (): HITLBackend => {
      const store = new MemoryRecordStore({ clock }, data);
      return audited(new StoreHITLBackend(store, { clock, retention: { sweepEveryMs: 0 } }));
    };
    const backends = [backendOn(), backendOn()] as const;
    await modelOfGrants({ name: "audited", clock, backends, close: async () => undefined }, 40);
  });
});
