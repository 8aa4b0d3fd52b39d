/** A graph over an audited backend: what the engine writes has a trail, and it runs as it does without. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { confirm, HITLToolNode, step, type StoreHITLBackend } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { audited, exportAudit, readAudit, verifyAudit, verifyAuditLines } from "../../src/audit/index.ts";
import { answer, Counter, input, openAsk, outputs, thread, toolOf, toolsGraph } from "../nodes/kit.ts";

let folder = "";
const path = (): string => join(folder, "h.db");
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdpoint-audit-graph-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const yes = { confirmed: true };

/** Two calls side by side; one asks twice, with a step in between. */
async function run(backend: StoreHITLBackend, counter: Counter): Promise<Record<string, unknown>> {
  const pay = toolOf("pay", async () => {
    await confirm({ message: "One?" });
    await step("charge", () => counter.hit("charge"));
    await confirm({ message: "Two?" });
    return "paid";
  });
  const look = toolOf("look", () => `looked ${counter.hit("look")}`);
  const graph = toolsGraph(new HITLToolNode([pay, look], { backend }));
  await graph.invoke(input({ name: "pay", id: "c1" }, { name: "look", id: "c2" }), thread("t"));
  await answer(graph, backend, "t", "One?", yes);
  await openAsk(backend, "t", "Two?");
  await answer(graph, backend, "t", "Two?", yes);
  return outputs((await graph.getState(thread("t"))).values);
}

/** Ids of all records in the file. */
function allIds(): string[] {
  const db = new Database(path(), { readonly: true });
  const rows = db.prepare("SELECT id FROM holdpoint_records").all() as { id: string }[];
  db.close();
  return rows.map(({ id }) => id);
}

function sql(statement: string): void {
  const db = new Database(path());
  const { changes } = db.prepare(statement).run();
  db.close();
  expect(changes).toBeGreaterThan(0);
}

describe("a graph", () => {
  it("runs each tool once (P6), and every record that it leaves verifies", async () => {
    const backend = audited(new SqliteHITLBackend({ path: path() }));
    const counter = new Counter();
    expect(await run(backend, counter)).toEqual({ c1: "paid", c2: "looked 1" });
    expect(counter.all()).toEqual({ charge: 1, look: 1 });
    const ids = allIds();
    expect(ids.length).toBeGreaterThanOrEqual(6);
    for (const id of ids) {
      const trail = await readAudit(backend, id);
      const { problems, record } = await verifyAudit(trail as never);
      expect([id, problems, record === "unchecked"]).toEqual([id, [], false]);
    }
    const lines: string[] = [];
    for await (const line of exportAudit(backend, { thread_id: "t" })) lines.push(line);
    const { ok, records } = await verifyAuditLines(lines);
    expect([ok, records]).toEqual([true, 4]);
    const types = lines.map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types.filter((type) => type === "answered")).toHaveLength(2);
    expect(types).toContain("finished");
    await backend.close();
  });

  it.each([
    [
      "an answer in the record",
      "UPDATE holdpoint_records SET value = replace(value, '\"confirmed\":true', '\"confirmed\":false') WHERE kind = 'hitl'",
    ],
    ["who answered", "UPDATE holdpoint_history SET actor = '{\"id\":\"mallory\"}' WHERE type = 'answered'"],
    ["the type of an event", "UPDATE holdpoint_history SET type = 'noted' WHERE type = 'answered'"],
    ["the last event", "DELETE FROM holdpoint_history WHERE type = 'taken_up'"],
    ["an event in the middle", "DELETE FROM holdpoint_history WHERE type = 'answered'"],
    ["a status", "UPDATE holdpoint_records SET status = 'cancelled' WHERE kind = 'hitl'"],
  ])("shows a change by SQL of %s", async (_, statement) => {
    const backend = audited(new SqliteHITLBackend({ path: path() }));
    await run(backend, new Counter());
    const { items } = await backend.getByThread("t");
    const ids = items.map(({ hitl_id }) => hitl_id);
    const verdicts = async (): Promise<boolean[]> =>
      Promise.all(ids.map(async (id) => (await verifyAudit((await readAudit(backend, id)) as never)).ok));
    expect(await verdicts()).toEqual([true, true]);
    sql(statement);
    expect(await verdicts()).toEqual([false, false]);
    await backend.close();
  });
});
