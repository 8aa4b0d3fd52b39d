/** What a run tells user interfaces, on LangGraph's `custom` stream: questions and tool calls as blocks. */
import { tool } from "@langchain/core/tools";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { MemorySaver, MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import { AIMessage } from "@langchain/core/messages";
import {
  askUser,
  confirm,
  HITLSuspend,
  holdpointTools,
  InMemoryHITLBackend,
  respondAndResume,
} from "holdpoint";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  applyBlockEvent,
  blockEvents,
  type BlockEvent,
  createBlockState,
  listBlocks,
} from "holdpoint/blocks";
import { type Agent, agentOf, callOf, configOf, openQuestion, start } from "../support/agent.ts";

const schema = z.object({ n: z.string() });
const pay = tool(
  async ({ n }) => ((await confirm({ message: `pay ${n}?` })).confirmed ? `paid ${n}` : "not paid"),
  { name: "pay", description: "Pays.", schema },
);
const note = tool(() => "noted", { name: "note", description: "Notes.", schema });
const fail = tool(
  () => {
    throw new Error("no ink");
  },
  { name: "print", description: "Prints.", schema },
);

async function streamed(agent: Agent, input: typeof start | null, thread_id: string): Promise<BlockEvent[]> {
  const stream = await agent.stream(input, { ...configOf(thread_id), streamMode: "custom" });
  const events: BlockEvent[] = [];
  for await (const event of stream) events.push(event as BlockEvent);
  return events;
}

const blocksAfter = (events: readonly BlockEvent[]) =>
  listBlocks(events.reduce(applyBlockEvent, createBlockState()));

const toldOf = (events: readonly BlockEvent[]): string[] =>
  events.map(
    ({ kind, data }) => `${kind} ${String(data?.["name"] ?? data?.["message"])} ${String(data?.["status"])}`,
  );

const shown = (events: readonly BlockEvent[]): string[] =>
  blocksAfter(events).map(
    ({ kind, data }) => `${kind} ${String(data["name"] ?? data["message"])} ${String(data["status"])}`,
  );

describe("the custom stream of a run", () => {
  it("tells the life of each call, and each question below its call", async () => {
    const backend = new InMemoryHITLBackend();
    const turns = [[callOf("pay", "c1"), callOf("note", "c2"), callOf("print", "c3")]];
    const agent = agentOf({ backend, tools: [pay, note, fail], turns });
    const first = await streamed(agent, start, "t");
    expect(
      toldOf(first.filter(({ data }) => data?.["call_id"] !== "c2" && data?.["call_id"] !== "c3")),
    ).toEqual([
      "tool_use pay pending",
      "tool_use pay running",
      "hitl pay c1? pending",
      "tool_use pay waiting",
    ]);
    expect(shown(first)).toEqual([
      "tool_use pay waiting",
      "tool_use note success",
      "tool_use print failed",
      "hitl pay c1? pending",
    ]);
    const [call, , printed, question] = blocksAfter(first);
    expect(question?.parent_id).toBe(call?.block_id);
    expect(call?.data["arguments"]).toEqual({ n: "c1" });
    expect(printed?.data["error"]).toContain("no ink");

    const { hitl_id } = await openQuestion(backend, "t", "pay c1?");
    const rest: BlockEvent[] = [];
    const actor = { id: "ann", role: "user" } as const;
    await respondAndResume(agent, {
      backend,
      hitl_id,
      response: { confirmed: true },
      actor,
      onBlock: (event) => void rest.push(event),
    });
    expect(shown([...first, ...rest])).toEqual([
      "tool_use pay success",
      "tool_use note success",
      "tool_use print failed",
      "hitl pay c1? completed",
    ]);
    const answered = blocksAfter([...first, ...rest])[3];
    expect(answered).toMatchObject({
      parent_id: call?.block_id,
      actor: { id: "ann" },
      data: { user_response: { confirmed: true }, responded_by: { id: "ann" } },
    });
  });

  it("says nothing new when the run is woken and nothing has happened (P1)", async () => {
    const backend = new InMemoryHITLBackend();
    const agent = agentOf({
      backend,
      tools: [pay, note],
      turns: [[callOf("pay", "c1"), callOf("note", "c2")]],
    });
    const first = await streamed(agent, start, "t");
    const before = first.reduce(applyBlockEvent, createBlockState());
    for (let turn = 0; turn < 2; turn += 1) {
      const again = await streamed(agent, null, "t");
      expect(listBlocks(again.reduce(applyBlockEvent, before))).toEqual(listBlocks(before));
    }
    // A user interface that comes late is told all the same.
    expect(shown(await streamed(agent, null, "t")).toSorted()).toEqual(shown(first).toSorted());
  });

  it("comes to the same blocks whichever process goes on, and in whichever order they arrive", async () => {
    const backend = new InMemoryHITLBackend();
    const checkpointer = new MemorySaver();
    const two = tool(
      async ({ n }) => {
        const { answer } = await askUser({ message: `who ${n}?` });
        const { confirmed } = await confirm({ message: `really ${n}?` });
        return `${answer} ${confirmed}`;
      },
      { name: "two", description: "Asks twice.", schema },
    );
    const turns = [[callOf("two", "c1")]];
    const process = () => agentOf({ backend, tools: [two], turns, checkpointer });
    const events = await streamed(process(), start, "t");
    const answers = [
      ["who c1?", { answer: "Bob" }],
      ["really c1?", { confirmed: false }],
    ] as const;
    for (const [message, response] of answers) {
      const { hitl_id } = await openQuestion(backend, "t", message);
      const onBlock = (event: BlockEvent) => void events.push(event);
      await respondAndResume(process(), { backend, hitl_id, response, onBlock });
    }
    const told = ["tool_use two success", "hitl who c1? completed", "hitl really c1? completed"];
    expect(shown(events)).toEqual(told);
    expect(shown(events.toReversed()).toSorted()).toEqual(told.toSorted());
    expect(shown([...events, ...events])).toEqual(told);
  });

  it("tells of wrapped tools in a stock ToolNode too", async () => {
    const backend = new InMemoryHITLBackend();
    const call = callOf("pay", "c1");
    const agent = new StateGraph(MessagesAnnotation)
      .addNode("model", () => ({ messages: [new AIMessage({ content: "", tool_calls: [call] })] }))
      .addNode("tools", new ToolNode(holdpointTools([pay], { backend })))
      .addEdge("__start__", "model")
      .addEdge("model", "tools")
      .compile({ checkpointer: new MemorySaver() });
    const events: BlockEvent[] = [];
    for await (const event of await agent.stream(start, { ...configOf("t"), streamMode: "custom" }))
      events.push(event as BlockEvent);
    expect(shown(events)).toEqual(["tool_use pay waiting", "hitl pay c1? pending"]);
  });

  it("does not let a stream that fails stop a tool", async () => {
    const backend = new InMemoryHITLBackend();
    const agent = agentOf({ backend, tools: [pay], turns: [[callOf("pay", "c1")]] });
    await agent.invoke(start, configOf("t"));
    const { hitl_id } = await openQuestion(backend, "t", "pay c1?");
    const { resume } = await respondAndResume(agent, {
      backend,
      hitl_id,
      response: { confirmed: true },
      onBlock: () => {
        throw new Error("the browser is gone");
      },
    });
    expect(resume?.status).toBe("resumed");
  });

  it("P6 keeps the outcome of a call whose arguments no block can hold, also while somebody listens", async () => {
    const backend = new InMemoryHITLBackend();
    let effects = 0;
    const act = tool(() => `done ${(effects += 1)}`, {
      name: "act",
      description: "Acts.",
      schema: z.looseObject({}),
    });
    const call = { ...callOf("act", "c1"), args: { text: "x".repeat(400_000), lone: "\ud800" } };
    const agent = agentOf({ backend, tools: [act, pay], turns: [[call, callOf("pay", "c2")]] });
    expect(shown(await streamed(agent, start, "t"))).toEqual([
      "tool_use pay waiting",
      "hitl pay c2? pending",
    ]);
    const { hitl_id } = await openQuestion(backend, "t", "pay c2?");
    await respondAndResume(agent, { backend, hitl_id, response: { confirmed: true } });
    expect(effects).toBe(1);
    const { values } = await agent.getState(configOf("t"));
    expect((values.messages as { text: string }[]).map(({ text }) => text)).toContain("done 1");
  });

  it("names one block for a question whose author chose it, in the stream and in the interrupt", async () => {
    const backend = new InMemoryHITLBackend();
    const own = tool(
      () => {
        throw new HITLSuspend({ hitl_type: "confirm", data: { message: "go?" }, block_id: "blk_mine" });
      },
      { name: "own", description: "Asks.", schema },
    );
    const agent = agentOf({ backend, tools: [own], turns: [[callOf("own", "c1")]] });
    const stream = await agent.stream(start, { ...configOf("t"), streamMode: ["custom", "updates"] });
    const questions = new Set<string>();
    for await (const { kind, block_id } of blockEvents(stream)) if (kind === "hitl") questions.add(block_id);
    expect([...questions]).toEqual(["blk_mine"]);
  });
});
