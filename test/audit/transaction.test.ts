import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { isHoldpointError, type StoreHITLBackend } from "holdpoint";
import { audited, readAudit, verifyAudit } from "holdpoint/audit";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { EffectLedger, isEffectLedgerValidationError } from "holdpoint/ledger";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const REDACT = { paths: ["value.data.pin"] };
const CALL = { workflow_id: "w1", tool: "book", args: { order: "o1" } };

let folder: string;
let bare: SqliteHITLBackend;
let backend: StoreHITLBackend;
const path = (): string => join(folder, "holdpoint.db");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdpoint-audit-tx-"));
  bare = new SqliteHITLBackend({ path: path() });
  backend = audited(bare, { redact: REDACT });
});
afterEach(async () => {
  await backend.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = (): InstanceType<typeof Database> => new Database(path());

async function problemsOf(id: string): Promise<readonly unknown[]> {
  const trail = await readAudit(backend, id);
  if (!trail) throw new Error(`There is no record ${id}.`);
  return (await verifyAudit(trail)).problems;
}

describe("the audit trail within a transaction", () => {
  it("links what is written there, before and after it too", async () => {
    const { record } = await backend.create({
      session_id: "s1",
      hitl_type: "confirm",
      data: { message: "Go?", pin: "1234" },
    });
    await bare.transaction(open, async (tx) => {
      const seen = audited(tx, { redact: REDACT });
      await seen.respond(record.hitl_id, { confirmed: true }, { actor: { id: "ann" } });
      const made = await seen.create({
        session_id: "s1",
        hitl_id: "second",
        hitl_type: "confirm",
        data: { message: "And?", pin: "5678" },
      });
      expect(made.status).toBe("created");
    });
    await backend.cancel("second");
    expect(await problemsOf(record.hitl_id)).toEqual([]);
    expect(await problemsOf("second")).toEqual([]);
    const trails = [await readAudit(backend, record.hitl_id), await readAudit(backend, "second")];
    expect(trails.map((trail) => trail?.events.map(({ type }) => type))).toEqual([
      ["created", "answered"],
      ["created", "cancelled"],
    ]);
  });

  it("takes the links back with a rollback", async () => {
    const { record } = await backend.create({
      session_id: "s1",
      hitl_type: "confirm",
      data: { message: "?" },
    });
    const work = bare.transaction(open, async (tx) => {
      await audited(tx, { redact: REDACT }).respond(record.hitl_id, { confirmed: true });
      throw new Error("no");
    });
    await expect(work).rejects.toThrow("no");
    await backend.respond(record.hitl_id, { confirmed: false });
    expect(await problemsOf(record.hitl_id)).toEqual([]);
  });

  it("has a call of the ledger, its outcome in the same commit as the rows", async () => {
    const ledger = new EffectLedger({ backend });
    const result = await bare.transaction(open, (tx, connection) => {
      connection.exec("CREATE TABLE bookings (id TEXT)");
      return ledger.run(
        CALL,
        () => {
          connection.exec("INSERT INTO bookings VALUES ('o1')");
          return "booked";
        },
        { tx: audited(tx, { redact: REDACT }) },
      );
    });
    expect(result).toBe("booked");
    const [effect] = (await ledger.list({ workflow_id: "w1" })).items;
    expect(effect?.status).toBe("succeeded");
    expect(await problemsOf(effect?.id ?? "")).toEqual([]);
  });

  it("is not passed by: a ledger with a trail refuses a view without one, and the other way round", async () => {
    const forgotten = bare.transaction(open, (tx) =>
      new EffectLedger({ backend }).run(CALL, () => 1, { tx }),
    );
    await expect(forgotten).rejects.toSatisfy(
      (error) => isEffectLedgerValidationError(error) && error.field === "tx",
    );
    const [plain, second] = [
      new SqliteHITLBackend({ path: path() }),
      new SqliteHITLBackend({ path: path() }),
    ];
    try {
      const tooMuch = second.transaction(open, (tx) =>
        new EffectLedger({ backend: plain }).run(CALL, () => 1, { tx: audited(tx) }),
      );
      await expect(tooMuch).rejects.toThrow(/trail/);
    } finally {
      await plain.close();
      await second.close();
    }
    expect((await new EffectLedger({ backend }).list({ workflow_id: "w1" })).items).toEqual([]);
  });

  it("tells those who wait, when the owner says that he has committed", async () => {
    const { record } = await backend.create({
      session_id: "s1",
      hitl_type: "confirm",
      data: { message: "?" },
    });
    const connection = open();
    try {
      connection.exec("BEGIN");
      const tx = audited(bare.withTransaction(connection), { redact: REDACT });
      await tx.respond(record.hitl_id, { confirmed: true });
      const waiting = backend.waitFor(record.hitl_id, { timeoutMs: 10_000 });
      connection.exec("COMMIT");
      tx.announce();
      expect((await waiting).status).toBe("completed");
    } finally {
      connection.close();
    }
    expect(() => audited(audited(bare.withTransaction(connection)))).toThrow(
      expect.toSatisfy((error: unknown) => isHoldpointError(error, "ERR_HITL_INVALID_INPUT")),
    );
  });
});
