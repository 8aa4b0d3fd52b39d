/** What nobody answered was not approved (P8), and what cannot be asked is refused before anything is written. */
import { Annotation, END, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { isHITLCancelledError, isHITLExpiredError, resumeThread, StoreHITLBackend } from "../../src/index.ts";
import { approvalNode } from "../../src/nodes/interrupt-nodes/approval-node.ts";
import { askUserNode } from "../../src/nodes/interrupt-nodes/ask-user-node.ts";
import { confirmNode } from "../../src/nodes/interrupt-nodes/confirm-node.ts";
import type { InterruptNode } from "../../src/nodes/interrupt-nodes/state-types.ts";
import { FakeClock, MemoryRecordStore } from "../../src/testing/index.ts";
import { answer, Counter, openAsk, pending, thread } from "../nodes/kit.ts";

const State = Annotation.Root({ draft: Annotation<string>, note: Annotation<unknown> });

function world() {
  const clock = new FakeClock();
  const backend = new StoreHITLBackend(new MemoryRecordStore({ clock }), { clock });
  return { clock, backend, counter: new Counter() };
}

function graphOf(node: InterruptNode<typeof State.State, typeof State.Update, string>, counter: Counter) {
  return new StateGraph(State)
    .addNode("ask", node, { ends: ["ship", "late"] })
    .addNode("ship", () => (counter.hit("ship"), {}))
    .addNode("late", () => (counter.hit("late"), {}))
    .addEdge(START, "ask")
    .compile({ checkpointer: new MemorySaver() });
}

const HOUR = 3_600_000;

describe("expired", () => {
  it("P8 goes where its route says, once, and never to the approved one; a late answer changes nothing", async () => {
    const { clock, backend, counter } = world();
    const node = approvalNode(
      State,
      { message: "Ship?", expiresInMs: HOUR, backend },
      {
        approved: "ship",
        rejected: END,
        expired: { goto: "late", update: (outcome) => ({ note: outcome }) },
      },
    );
    const graph = graphOf(node, counter);
    await graph.invoke({}, thread("t"));
    const { hitl_id, expires_at } = await openAsk(backend, "t");
    expect(expires_at).toBe(clock.now() + HOUR);
    clock.advance(HOUR + 1);
    expect(await backend.respond(hitl_id, { decision: "approve" })).toMatchObject({ status: "expired" });
    await resumeThread(graph, { thread_id: "t", backend });
    await resumeThread(graph, { thread_id: "t", backend });
    expect(counter.all()).toEqual({ late: 1 });
    const { note } = (await graph.getState(thread("t"))).values;
    expect(note).toEqual({ outcome: "expired", hitl_id, response: null, reason: "expired" });
  });

  it("P8 with { throw: true } the run fails with HITLExpiredError, also when it is tried again", async () => {
    const { clock, backend, counter } = world();
    const node = approvalNode(
      State,
      { message: "Ship?", expires_at: clock.now() + HOUR, backend },
      { approved: "ship", rejected: END, expired: { throw: true } },
    );
    const graph = graphOf(node, counter);
    await graph.invoke({}, thread("t"));
    clock.advance(HOUR + 1);
    for (let i = 0; i < 2; i += 1) {
      const error = await resumeThread(graph, { thread_id: "t", backend }).catch((thrown: unknown) => thrown);
      expect(isHITLExpiredError(error)).toBe(true);
    }
    expect(counter.all()).toEqual({});
  });

  it("only the author's own default answers by time passing, and an escalated question stays open", async () => {
    const { clock, backend, counter } = world();
    const declined = confirmNode(
      State,
      { message: "Ship?", expiresInMs: HOUR, on_expire: { respond: { confirmed: false } }, backend },
      {
        confirmed: "ship",
        declined: { goto: "late", update: ({ responded_by }) => ({ note: responded_by?.role }) },
      },
    );
    const graph = graphOf(declined, counter);
    await graph.invoke({}, thread("t"));
    clock.advance(HOUR + 1);
    await resumeThread(graph, { thread_id: "t", backend });
    expect(counter.all()).toEqual({ late: 1 });
    expect((await graph.getState(thread("t"))).values.note).toBe("system");

    const escalated = confirmNode(
      State,
      { message: "Ship?", expiresInMs: HOUR, on_expire: { escalate: "boss" }, assignee: "ann", backend },
      { confirmed: "ship", declined: END },
    );
    const other = graphOf(escalated, counter);
    await other.invoke({}, thread("u"));
    clock.advance(HOUR + 1);
    expect(await resumeThread(other, { thread_id: "u", backend })).toMatchObject({
      status: "nothing_to_resume",
    });
    expect(await openAsk(backend, "u")).toMatchObject({ assignee: "boss", expires_at: null });
    await answer(other, backend, "u", "Ship?", { confirmed: true });
    expect(counter.of("ship")).toBe(1);
  });
});

describe("cancelled", () => {
  it.each([true, false])("P8 is never approved; with a route: %s", async (routed) => {
    const { backend, counter } = world();
    const node = confirmNode(
      State,
      { message: "Ship?", backend },
      {
        confirmed: "ship",
        declined: END,
        ...(routed ? { cancelled: { update: ({ reason }: { reason: string }) => ({ note: reason }) } } : {}),
      },
    );
    const graph = graphOf(node, counter);
    await graph.invoke({}, thread("t"));
    const { hitl_id } = await openAsk(backend, "t");
    await backend.cancel(hitl_id, { reason: "sold out" });
    const result = await resumeThread(graph, { thread_id: "t", backend }).catch((thrown: unknown) => thrown);
    expect(isHITLCancelledError(result) && result.reason).toBe(routed ? false : "sold out");
    expect((await graph.getState(thread("t"))).values.note).toBe(routed ? "sold out" : undefined);
    expect(counter.all()).toEqual({});
  });
});

describe("what cannot be asked", () => {
  const routes = { approved: END, rejected: END };
  const make =
    (question: unknown, given: unknown = routes) =>
    () =>
      approvalNode(State, question as { message: string }, given as never);

  it.each([
    ["no question", make(undefined)],
    ["no message", make({})],
    ["a misspelled option", make({ message: "?", expiresInMS: 5 })],
    ["an empty editable", make({ message: "?", editable: {} }, { ...routes, edited: END })],
    [
      "a JSON Schema that cannot be used",
      make({ message: "?", editable: { draft: { type: "nonsense" } } }, { ...routes, edited: END }),
    ],
    ["no routes", make({ message: "?" }, null)],
    ["a missing route", make({ message: "?" }, { approved: END })],
    ["a missing route for what was edited", make({ message: "?", editable: { draft: {} } })],
    ["a missing route for a deadline", make({ message: "?", expires_at: () => 5 })],
    ["an outcome that cannot occur", make({ message: "?" }, { ...routes, expired: END })],
    ["an empty name of a node", make({ message: "?" }, { ...routes, approved: "" })],
    ["an empty list of nodes", make({ message: "?" }, { ...routes, approved: { goto: [] } })],
    ["a node that is no name", make({ message: "?" }, { ...routes, approved: { goto: [1] } })],
    ["a route that does nothing", make({ message: "?" }, { ...routes, approved: {} })],
    ["a route with other fields", make({ message: "?" }, { ...routes, approved: { goto: END, graph: "x" } })],
    ["an approval that throws", make({ message: "?" }, { ...routes, approved: { throw: true } })],
    [
      "routes by option for options of the state",
      () => askUserNode(State, { message: "?", options: () => ["a"] }, { options: { a: END } } as never),
    ],
    [
      "a missing option",
      () => askUserNode(State, { message: "?", options: ["a", "b"] }, { options: { a: END } } as never),
    ],
  ])("%s is ERR_HITL_INVALID_INPUT when the node is made", (_name, attempt) => {
    expect(attempt).toThrow(expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }));
  });

  it.each<[string, string, Record<string, unknown>]>([
    ["a message that is no text", "ERR_HITL_INVALID_INPUT", { message: () => 5 }],
    ["an empty message", "ERR_HITL_INVALID_INPUT", { message: () => "" }],
    ["data that would be an option", "ERR_HITL_INVALID_INPUT", { data: { response_schema: true } }],
    ["data that is no JSON", "ERR_HITL_NOT_JSON", { data: { at: new Date(0) } }],
    ["a state that is no JSON", "ERR_HITL_NOT_JSON", { editable: { note: {} } }],
    ["a question that is too large", "ERR_HITL_TOO_LARGE", { details: "x".repeat(300_000) }],
    ["a deadline that is no number", "ERR_HITL_INVALID_INPUT", { expiresInMs: Number.NaN }],
  ])("%s is %s when the node runs, and nothing is written", async (_name, code, more) => {
    const { backend, counter } = world();
    const node = approvalNode(
      State,
      { message: "?", ...more, backend } as { message: string },
      {
        ...routes,
        ...("editable" in more ? { edited: END } : {}),
        ...("expiresInMs" in more ? { expired: END } : {}),
      } as never,
    );
    const graph = graphOf(node, counter);
    await expect(graph.invoke({ note: { at: new Date(0) } }, thread("t"))).rejects.toMatchObject({ code });
    expect(await pending(backend, "t")).toEqual([]);
    expect((await backend.list({})).items).toEqual([]);
  });
});
