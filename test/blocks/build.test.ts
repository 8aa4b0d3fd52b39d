/** The builders: ids and seqs are functions of the record, the call, the piece (B6, B14, B15). */
import fc from "fast-check";
import { HITLToolNode, InMemoryHITLBackend } from "holdpoint";
import {
  BLOCK_DATA_SCHEMAS,
  BlockEventSchema,
  blockIdOf,
  getBlock,
  hitlBlock,
  interruptBlocks,
  nodeBlock,
  textDelta,
  thinkingDelta,
  TOOL_USE_STATUSES,
  toolProgress,
  toolUseBlock,
  type ToolUseStatus,
} from "holdpoint/blocks";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../src/testing/index.ts";
import { blocksOf, fold, runs } from "./kit.ts";

const call = { id: `call_${"0123456789abcdef".repeat(2)}`, name: "pay", call_id: "c1", arguments: { n: 1 } };
const coded = (code: string) => expect.objectContaining({ code });

describe("hitlBlock", () => {
  it("B14: the block of a question is the digits of its record; its event says the version", async () => {
    const clock = new FakeClock();
    const backend = new InMemoryHITLBackend({ clock });
    const request = {
      hitl_type: "confirm",
      session_id: "s",
      tool_name: "pay",
      data: { message: "Pay?", status: "mine" },
    };
    const { record } = await backend.create(request);
    const asked = hitlBlock(record, { parent_id: blockIdOf(call.id) });
    const digits = record.hitl_id.slice("hitl_".length);
    expect(asked).toMatchObject({
      block_id: `blk_${digits}`,
      event_id: `evt_${digits}_1`,
      parent_id: `blk_${call.id.slice(5)}`,
      session_id: "s",
      timestamp: record.updated_at,
    });
    // Ours win over the author's.
    expect(asked.data).toMatchObject({ message: "Pay?", status: "pending", version: 1, tool_name: "pay" });
    expect(hitlBlock(record)).toEqual(hitlBlock({ ...record }));
    expect(BlockEventSchema.parse(asked)).toEqual(asked);
    expect(BLOCK_DATA_SCHEMAS.hitl.safeParse(asked.data).success).toBe(true);

    clock.advance(5);
    const { record: answered } = await backend.respond(
      record.hitl_id,
      { confirmed: true },
      { actor: { id: "ann" } },
    );
    if (!answered) throw new Error("not answered");
    const done = hitlBlock(answered);
    expect(done.data).toMatchObject({
      status: "completed",
      user_response: { confirmed: true },
      responded_by: { id: "ann" },
    });
    expect(done.actor).toEqual({ id: "ann", role: null, name: null, meta: null });
    expect(blocksOf(fold([done, asked]))).toEqual(blocksOf(fold([asked, done, asked])));
  });

  it("B14: an own id and an own block are used; a block id that cannot be sent is not", async () => {
    const backend = new InMemoryHITLBackend();
    const made = async (block_id: string | null) =>
      (
        await backend.create({
          hitl_id: `my id ${String(block_id)}`.slice(0, 20).replace("\n", ""),
          hitl_type: "x",
          session_id: "s",
          block_id,
        })
      ).record;
    const own = await made(null);
    expect(hitlBlock(own).block_id).toBe(`blk_${own.interrupt_id}`);
    expect(hitlBlock(await made("panel-7")).block_id).toBe("panel-7");
    const hostile = await made("a\nb");
    expect(hitlBlock(hostile).block_id).toBe(`blk_${hostile.interrupt_id}`);
    expect(hitlBlock(await made("x".repeat(1024))).event_id.length).toBeGreaterThan(1024);
  });

  it("a record as large as a record may be is an event", async () => {
    const backend = new InMemoryHITLBackend();
    const data = { message: "x".repeat(250 * 1024) };
    const { record } = await backend.create({ hitl_type: "any", session_id: "s", data });
    expect(hitlBlock(record).data?.["message"]).toBe(data.message);
  });

  it("B14: what an interrupt says is less than what the record says, in whichever order they come", async () => {
    const backend = new InMemoryHITLBackend();
    const { record } = await backend.create({
      hitl_type: "confirm",
      session_id: "s",
      data: { message: "Go?", details: "d" },
    });
    const { hitl_id, hitl_type, interrupt_id, data, response_schema, expires_at } = record;
    const ask = { hitl_id, hitl_type, interrupt_id, tool_name: null, tool_call_id: null, message: "Go?" };
    const payload = interruptBlocks({ schema_version: 1, ...ask, data, response_schema, expires_at });
    const named = interruptBlocks({ message: "others", asks: [ask] });
    const all = [...payload, ...named, hitlBlock(record)];
    expect(all).toHaveLength(3);
    for (const order of [all, all.toReversed(), [all[1], all[0], all[2]] as typeof all]) {
      expect(getBlock(fold(order), hitlBlock(record).block_id)?.data).toEqual(hitlBlock(record).data);
    }
    expect(getBlock(fold(named), hitlBlock(record).block_id)?.data).toMatchObject({
      message: "Go?",
      status: "pending",
      version: 0,
    });
  });

  it.each([
    null,
    "x",
    1,
    [],
    {},
    { hitl_id: 1 },
    { hitl_id: "a", hitl_type: "b", recorded: false },
    { asks: [1, null, {}] },
  ])("an interrupt with %j is none of ours", (value) => expect(interruptBlocks(value)).toEqual([]));
});

describe("toolUseBlock", () => {
  it("B15: what a later round says is after what an earlier one said, progress stays within its stage", () => {
    const stage = fc.record({
      round: fc.nat(3),
      status: fc.constantFrom<ToolUseStatus>(...TOOL_USE_STATUSES),
      progress: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(stage, { minLength: 1, maxLength: 8 }), (stages) => {
        const events = stages.flatMap(({ round, status, progress }) => [
          toolUseBlock({ ...call, round, status }),
          ...(status === "running"
            ? Array.from({ length: progress }, (_, n) =>
                toolProgress({ id: call.id, round, n: n + 1, progress: n }),
              )
            : []),
        ]);
        const rank = ({ round, status }: (typeof stages)[number]): number =>
          round * 10 + TOOL_USE_STATUSES.indexOf(status);
        const last = stages.reduce((a, b) => (rank(b) > rank(a) ? b : a));
        const found = getBlock(fold(events), blockIdOf(call.id));
        expect(found?.data["status"]).toBe(last.status);
        expect(blocksOf(fold(events.toReversed()))).toEqual(blocksOf(fold(events)));
      }),
      { numRuns: runs(300) },
    );
  });

  it("what is emitted again is equal, and is one of the documented shapes", () => {
    const failed = toolUseBlock({ ...call, status: "failed", error: "no" }, { branch: "a", timestamp: 5 });
    expect(toolUseBlock({ ...call, status: "failed", error: "no" }, { branch: "a", timestamp: 5 })).toEqual(
      failed,
    );
    expect(BLOCK_DATA_SCHEMAS.tool_use.parse(failed.data)).toEqual({
      name: "pay",
      call_id: "c1",
      arguments: { n: 1 },
      status: "failed",
      error: "no",
    });
    const node = nodeBlock({ id: "task_1", node_id: "tools", status: "suspended" });
    expect(BLOCK_DATA_SCHEMAS.node.parse(node.data)).toEqual({
      node_id: "tools",
      agent: null,
      status: "suspended",
    });
  });

  it.each([
    () => toolUseBlock({ ...call, status: "done" as ToolUseStatus }),
    () => toolUseBlock({ ...call, status: "running", round: -1 }),
    () => toolUseBlock({ ...call, status: "running", round: 1.5 }),
    () => toolProgress({ id: call.id, n: 2 ** 20, progress: 1 }),
    () => textDelta({ block_id: "b", index: -1, content: "" }),
    () => textDelta({ block_id: "b\u0000", index: 0, content: "" }),
  ])("what is no stage, round or place is refused", (build) => {
    expect(build).toThrow(coded("ERR_HITL_INVALID_INPUT"));
  });

  it("an error of a tool is shown, whatever it holds", () => {
    const event = toolUseBlock({ ...call, status: "failed", error: `\ud800${"x".repeat(1_000_000)}` });
    expect(event.data?.["error"]).toBe(`\ufffd${"x".repeat(4095)}`);
  });

  it("what is not JSON is refused with the field that has it", () => {
    expect(() =>
      toolUseBlock({
        ...call,
        status: "success",
        output: new HITLToolNode([], { backend: new InMemoryHITLBackend() }),
      }),
    ).toThrow(coded("ERR_HITL_NOT_JSON"));
  });
});

it("B16: text and thinking are built from their pieces", () => {
  const said = ["a", "b", "c"].map((content, index) => textDelta({ block_id: "t", index, content }));
  const thought = thinkingDelta({ block_id: "h", index: 0, content: "hm" });
  const state = fold([...said.toReversed(), thought, ...said]);
  expect(getBlock(state, "t")).toMatchObject({ kind: "text", data: { content: "abc" } });
  expect(getBlock(state, "h")).toMatchObject({ kind: "thinking", data: { content: "hm" } });
});
