/** What is stored, as blocks: for a screen that comes late (P10). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HITLBackend, InMemoryHITLBackend } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import {
  blocksOf as storedBlocks,
  createBlockStore,
  getBlock,
  hitlBlock,
  listBlocks,
  openQuestions,
  persistedBlocks,
  recordedEvents,
  restoredEvent,
  textDelta,
  toolProgress,
  toolUseBlock,
} from "holdpoint/blocks";
import { afterAll, describe, expect, it } from "vitest";
import { FakeClock } from "../../src/testing/index.ts";
import { blocksOf, event, fold } from "./kit.ts";

const folder = mkdtempSync(join(tmpdir(), "holdpoint-blocks-"));
const clock = new FakeClock();
const ends: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const end of ends) await end();
  rmSync(folder, { recursive: true, force: true });
});

function opened(backend: HITLBackend): HITLBackend {
  ends.push(() => backend.close());
  return backend;
}

describe.each([
  ["memory", () => opened(new InMemoryHITLBackend({ clock }))],
  ["SQLite", () => opened(new SqliteHITLBackend({ path: join(folder, "records.db"), clock }))],
])("blocksOf in %s", (_name, open) => {
  const backend = open();

  it("B18, P10: shows what is open and what was answered, over pages, oldest first, of this session only", async () => {
    const asked = [];
    for (let n = 0; n < 450; n += 1) {
      clock.advance(1);
      asked.push(
        (await backend.create({ hitl_type: "confirm", session_id: "s1", data: { message: `Q${n}` } })).record,
      );
    }
    await backend.create({ hitl_type: "confirm", session_id: "s2" });
    const [first, second] = asked;
    await backend.respond(first?.hitl_id ?? "", { confirmed: true }, { actor: { id: "ann" } });
    await backend.cancel(second?.hitl_id ?? "", { reason: "no longer needed" });

    const blocks = await storedBlocks(backend, { session_id: "s1" });
    expect(blocks.map((block) => block.data["message"])).toEqual(
      asked.map((record) => record.data["message"]),
    );
    expect(blocks[0]?.data).toMatchObject({
      status: "completed",
      user_response: { confirmed: true },
      responded_by: { id: "ann" },
    });
    expect(blocks[1]?.data).toMatchObject({ status: "cancelled", reason: "no longer needed" });
    expect(await storedBlocks(backend, { session_id: "s1", status: "pending" })).toHaveLength(448);
    expect(await storedBlocks([...asked], { session_id: "s1" })).toHaveLength(450);
  });

  it("B18: merges with live events without doubles, whichever is first", async () => {
    const { record } = await backend.create({
      hitl_type: "confirm",
      session_id: "s3",
      data: { message: "Go?" },
    });
    const live = hitlBlock(record);
    await backend.respond(record.hitl_id, { confirmed: false });
    const stored = [];
    for await (const one of recordedEvents(backend, { session_id: "s3" })) stored.push(one);
    const late = fold([...stored, live]);
    expect(blocksOf(late)).toEqual(blocksOf(fold([live, ...stored])));
    expect(listBlocks(late)).toHaveLength(1);
    expect(openQuestions(fold([live]))).toHaveLength(1);
    expect(openQuestions(late)).toHaveLength(0);
  });
});

describe("persisted blocks", () => {
  it("have aury's shape, without what is only for the screen", () => {
    const state = fold([
      event({ op: "apply", kind: "spinner", persistence: "transient", block_id: "spin" }),
      event({ op: "apply", kind: "plan", data: { steps: ["a"] }, timestamp: 1000, session_id: "s", seq: 3 }),
    ]);
    expect(persistedBlocks(state)).toEqual([
      {
        block_id: "b",
        parent_id: null,
        kind: "plan",
        data: { steps: ["a"] },
        session_id: "s",
        invocation_id: "",
        actor: null,
        branch: null,
        created_at: "1970-01-01T00:00:01.000Z",
        updated_at: "1970-01-01T00:00:01.000Z",
        metadata: { seq: 3, schema_version: null },
      },
    ]);
  });

  it("a reloaded screen goes on where the stored text ends: old pieces change nothing, new ones are added", () => {
    const pieces = ["Hold", "point", "!"].map((content, index) =>
      textDelta({ block_id: "t", index, content }),
    );
    const stored = JSON.parse(JSON.stringify(persistedBlocks(fold(pieces.slice(0, 2))))) as ReturnType<
      typeof persistedBlocks
    >;
    const store = createBlockStore();
    for (const one of [...stored.map((block) => restoredEvent(block)), ...pieces]) store.dispatch(one);
    expect(store.getBlock("t")?.data).toEqual({ content: "Holdpoint!" });
  });

  it("what was stored is not trusted", () => {
    const [block] = persistedBlocks(fold([event({ op: "apply" })]));
    if (!block) throw new Error("no block");
    expect(() => restoredEvent({ ...block, data: JSON.parse('{"__proto__":{}}') as {} })).toThrow(
      expect.objectContaining({ code: "ERR_HITL_NOT_JSON" }),
    );
    expect(restoredEvent({ ...block, updated_at: "yesterday" }).timestamp).toBe(0);
  });

  it("progress is gone with the next stage", () => {
    const call = { id: "c", name: "n" };
    const running = fold([
      toolUseBlock({ ...call, status: "running" }),
      toolProgress({ id: "c", n: 1, progress: 0.5 }),
    ]);
    expect(getBlock(running, "blk_c")?.data["progress"]).toBe(0.5);
    const done = fold([toolUseBlock({ ...call, status: "success" })], running);
    expect(getBlock(done, "blk_c")?.data).not.toHaveProperty("progress");
  });
});
