/** The worked example of a datastore of one's own (docs/testing.md): it passes both suites, and what a crash leaves. */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StoreHITLBackend } from "holdpoint/backends";
import { type ConformanceContext, hitlBackendConformance, recordStoreConformance } from "holdpoint/testing";
import { afterAll, describe, expect, it } from "vitest";
import { JournalRecordStore } from "../../examples/own-store/journal-store.ts";

const folder = mkdtempSync(join(tmpdir(), "holdpoint-journal-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const store = async ({ id, clock }: ConformanceContext): Promise<JournalRecordStore> =>
  new JournalRecordStore({ path: join(folder, `${id}.jsonl`), clock });
const backend = async (context: ConformanceContext): Promise<StoreHITLBackend> =>
  new StoreHITLBackend(await store(context), context);
const suite = { name: "journal", capabilities: { durable: true, shared: false, fakeClock: true } };

recordStoreConformance({ ...suite, createStore: store }, { describe, it });
hitlBackendConformance({ ...suite, createBackend: backend }, { describe, it });

describe("JournalRecordStore", () => {
  it("after a crash has all that was acknowledged, and nothing of a line that was torn", async () => {
    const path = join(folder, "crash.jsonl");
    const first = new StoreHITLBackend(new JournalRecordStore({ path }));
    const { record } = await first.create({
      hitl_type: "confirm",
      session_id: "s",
      data: { message: "Go?" },
    });
    appendFileSync(path, '[["hitl_torn",{"envelope":{"id');
    const second = new StoreHITLBackend(new JournalRecordStore({ path }));
    expect(await second.get(record.hitl_id)).toEqual(record);
    expect((await second.respond(record.hitl_id, { confirmed: true })).status).toBe("accepted");
    await second.close();
    const third = new StoreHITLBackend(new JournalRecordStore({ path }));
    expect((await third.get(record.hitl_id))?.status).toBe("completed");
  });
});
