/** What each of the five nodes asks, takes for an answer, and makes of it. */
import { Annotation, END, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { InMemoryHITLBackend, resumeThread, StoreHITLBackend } from "../../src/index.ts";
import { approvalNode } from "../../src/nodes/interrupt-nodes/approval-node.ts";
import { askUserNode } from "../../src/nodes/interrupt-nodes/ask-user-node.ts";
import { confirmNode } from "../../src/nodes/interrupt-nodes/confirm-node.ts";
import { formNode } from "../../src/nodes/interrupt-nodes/form-node.ts";
import type { InterruptNode } from "../../src/nodes/interrupt-nodes/state-types.ts";
import { permissionNode } from "../../src/nodes/interrupt-nodes/permission-node.ts";
import { answer, interruptsIn, openAsk, pending, thread } from "../nodes/kit.ts";

const State = Annotation.Root({
  draft: Annotation<string>,
  tags: Annotation<string[]>,
  note: Annotation<unknown>,
  trace: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});

/** START → ask → one of the nodes that are named here, each of which leaves a trace. */
function graphOf<N extends InterruptNode<typeof State.State, typeof State.Update, string>>(
  node: N,
  ...names: string[]
) {
  const builder: StateGraph<(typeof State)["spec"], typeof State.State, typeof State.Update, string> =
    new StateGraph(State);
  builder.addNode("ask", node, { ends: node.ends });
  for (const name of names) builder.addNode(name, () => ({ trace: [name] }));
  return builder.addEdge(START, "ask").compile({ checkpointer: new MemorySaver() });
}

const ann = { id: "ann", role: "user" } as const;

describe("approvalNode", () => {
  const backend = new InMemoryHITLBackend();
  const review = approvalNode(
    State,
    {
      message: (state) => `Publish "${state.draft}"?`,
      details: async ({ tags }) => tags.join(", "),
      data: { channel: "blog" },
      editable: { draft: z.string().min(3), tags: z.array(z.string()).max(2) },
      assignee: () => "editors",
      metadata: { ticket: 7 },
      backend,
    },
    {
      approved: "publish",
      rejected: { goto: "write", update: (outcome) => ({ note: outcome }) },
      edited: { goto: ["publish", "log"], update: ({ values, outcome }) => ({ note: { outcome, values } }) },
    },
  );
  const graph = graphOf(review, "publish", "write", "log");
  const start = (id: string) => graph.invoke({ draft: "Hi all", tags: ["a"] }, thread(id));

  it("asks with all that is shown, and says what may be answered (P10)", async () => {
    const paused = await start("shown");
    const record = await openAsk(backend, "shown");
    expect(record).toMatchObject({
      hitl_type: "workflow_human",
      node_id: "ask",
      tool_name: null,
      assignee: "editors",
      metadata: { ticket: 7 },
      data: {
        message: 'Publish "Hi all"?',
        details: "a",
        channel: "blog",
        allowed_decisions: ["approve", "reject", "edit"],
        values: { draft: "Hi all", tags: ["a"] },
      },
    });
    expect(interruptsIn(paused)).toMatchObject([
      { id: record.interrupt_id, value: { hitl_id: record.hitl_id } },
    ]);
  });

  it("P3 where nothing can be edited, an approval with values is refused as well", async () => {
    const node = approvalNode(
      State,
      { message: "Publish?", backend },
      { approved: "publish", rejected: END },
    );
    const plain = graphOf(node, "publish");
    await plain.invoke({ draft: "Hi" }, thread("plain"));
    const { hitl_id } = await openAsk(backend, "plain");
    const withValues = { decision: "approve", values: { draft: "Bye" } };
    expect(await backend.respond(hitl_id, withValues)).toMatchObject({ status: "invalid" });
    await answer(plain, backend, "plain", undefined, { decision: "approve" });
    expect((await plain.getState(thread("plain"))).values).toMatchObject({ draft: "Hi", trace: ["publish"] });
  });

  it("approve and reject lead where their routes say; the outcome says by whom and why", async () => {
    await start("yes");
    await answer(graph, backend, "yes", undefined, { decision: "approve" });
    expect((await graph.getState(thread("yes"))).values).toMatchObject({
      draft: "Hi all",
      trace: ["publish"],
    });

    await start("no");
    const { hitl_id } = await openAsk(backend, "no");
    await backend.respond(hitl_id, { decision: "reject", comment: "too short" }, { actor: ann });
    await resumeThread(graph, { thread_id: "no", backend });
    const { values } = await graph.getState(thread("no"));
    expect(values.trace).toEqual(["write"]);
    expect(values.note).toEqual({
      outcome: "rejected",
      hitl_id,
      response: { decision: "reject", comment: "too short" },
      comment: "too short",
      responded_by: ann,
      responded_at: expect.any(Number),
    });
  });

  it.each([
    ["a value that its schema refuses", { decision: "edit", values: { draft: "x" } }],
    ["a part that cannot be edited", { decision: "edit", values: { trace: ["forged"] } }],
    ["no values", { decision: "edit" }],
    ["empty values", { decision: "edit", values: {} }],
    ["values with an approval", { decision: "approve", values: { draft: "Hello" } }],
    ["a decision that was not offered", { decision: "approve_always" }],
    ["a bare text", "approve"],
    ["nothing", null],
    ["a polluted prototype", JSON.parse('{"decision":"edit","values":{"__proto__":{"x":1}}}')],
  ])("P3 %s is refused, changes nothing, and the next answer counts", async (name, bad) => {
    await start(name);
    const { hitl_id } = await openAsk(backend, name);
    const outcome = await backend.respond(hitl_id, bad).then(
      ({ status }) => status,
      (error: { code: string }) => error.code,
    );
    expect(["invalid", "ERR_HITL_NOT_JSON"]).toContain(outcome);
    expect(await pending(backend, name)).toHaveLength(1);
    await answer(graph, backend, name, undefined, { decision: "edit", values: { draft: "Hello" } });
    const { values } = await graph.getState(thread(name));
    expect(values).toMatchObject({ draft: "Hello", tags: ["a"] });
    expect(values.trace.toSorted()).toEqual(["log", "publish"]);
    expect(values.note).toEqual({ outcome: "edited", values: { draft: "Hello" } });
  });

  it("P3 what only the asking process can check is asked again, with the reason", async () => {
    const local = new InMemoryHITLBackend();
    const other = new StoreHITLBackend(local.store);
    const even = z.string().refine((text) => text.length % 2 === 0, "has to be even");
    const node = approvalNode(
      State,
      {
        message: "Publish?",
        editable: { draft: even.transform((text) => text.toUpperCase()) },
        backend: local,
      },
      { approved: END, rejected: END, edited: END },
    );
    const checked = graphOf(node);
    await checked.invoke({ draft: "abcd" }, thread("t"));
    const first = await openAsk(local, "t");
    const accepted = await other.respond(first.hitl_id, { decision: "edit", values: { draft: "abc" } });
    expect(accepted.status).toBe("accepted");
    await resumeThread(checked, { thread_id: "t", backend: local });
    const second = await openAsk(local, "t");
    expect(second.hitl_id).not.toBe(first.hitl_id);
    expect(second.data["error"]).toBe("values.draft: has to be even");
    // This process knows the schema, and refuses at once.
    const edit = (draft: string) => local.respond(second.hitl_id, { decision: "edit", values: { draft } });
    expect(await edit("abc")).toMatchObject({ status: "invalid", issues: [{ path: ["values", "draft"] }] });
    expect(await edit("abcdef")).toMatchObject({ status: "accepted" });
    await resumeThread(checked, { thread_id: "t", backend: local });
    expect((await checked.getState(thread("t"))).values.draft).toBe("ABCDEF");
  });

  it("P3 schemas with references within them are kept apart", async () => {
    const Tree = z.object({
      name: z.string().min(1),
      get children() {
        return z.array(Tree);
      },
    });
    const Nested = Annotation.Root({ a: Annotation<unknown>, b: Annotation<unknown> });
    const node = approvalNode(
      Nested,
      { message: "Ok?", editable: { a: Tree, b: z.union([Tree, z.number()]) }, backend },
      { approved: END, rejected: END, edited: END },
    );
    const nested = new StateGraph(Nested)
      .addNode("ask", node, { ends: [END] })
      .addEdge(START, "ask")
      .compile({ checkpointer: new MemorySaver() });
    await nested.invoke({ a: 1, b: 2 }, thread("nested"));
    const other = new StoreHITLBackend(backend.store);
    const { hitl_id } = await openAsk(backend, "nested");
    const leaf = { name: "leaf", children: [] };
    const bad = { name: "root", children: [{ name: "", children: [] }] };
    expect(await other.respond(hitl_id, { decision: "edit", values: { a: bad } })).toMatchObject({
      status: "invalid",
    });
    expect(await other.respond(hitl_id, { decision: "edit", values: { b: bad } })).toMatchObject({
      status: "invalid",
    });
    const good = { name: "root", children: [leaf] };
    const edited = { decision: "edit", values: { a: good, b: 4 } };
    expect(await answer(nested, backend, "nested", undefined, edited)).toMatchObject({ status: "accepted" });
    expect((await nested.getState(thread("nested"))).values).toEqual({ a: good, b: 4 });
  });
});

describe("confirmNode", () => {
  const backend = new InMemoryHITLBackend();
  const node = confirmNode(
    State,
    { message: "Pay?", details: ({ draft }) => draft, risk_level: "high", backend },
    {
      confirmed: { update: ({ responded_by }) => ({ note: responded_by?.id ?? "nobody" }) },
      declined: { goto: "back", update: { note: "no" } },
    },
  );
  const graph = graphOf(node, "back");

  it.each([
    [true, "ann", []],
    [false, "no", ["back"]],
  ] as const)("%s goes its way", async (confirmed, note, trace) => {
    const id = `confirm ${confirmed}`;
    await graph.invoke({ draft: "40 EUR" }, thread(id));
    const record = await openAsk(backend, id);
    expect(record).toMatchObject({
      hitl_type: "confirm",
      data: { message: "Pay?", details: "40 EUR", risk_level: "high" },
    });
    await backend.respond(record.hitl_id, { confirmed }, { actor: ann });
    await resumeThread(graph, { thread_id: id, backend });
    expect((await graph.getState(thread(id))).values).toMatchObject({ note, trace });
  });
});

describe("askUserNode", () => {
  const backend = new InMemoryHITLBackend();

  it("puts an answer into the state", async () => {
    const node = askUserNode(
      State,
      { message: "A title?", backend },
      { answered: { update: ({ answer: text }) => ({ draft: text }) } },
    );
    const graph = graphOf(node);
    await graph.invoke({}, thread("title"));
    await answer(graph, backend, "title", "A title?", { answer: "Hold points" });
    expect((await graph.getState(thread("title"))).values.draft).toBe("Hold points");
  });

  const byOption = askUserNode(
    State,
    {
      message: "Which?",
      options: ["constructor", { value: "goto", label: "Go" }],
      allow_free_text: true,
      backend,
    },
    {
      options: { constructor: "a", goto: { goto: "b", update: ({ answer: value }) => ({ note: value }) } },
      free_text: { goto: "c", update: ({ answer: text }) => ({ note: text }) },
    },
  );
  it.each([
    ["constructor", "a", undefined],
    ["goto", "b", "goto"],
    ["toString", "c", "toString"],
    ["option:goto", "c", "option:goto"],
    ["free_text", "c", "free_text"],
  ])("the answer %s goes to %s, whatever options are called", async (text, target, note) => {
    const id = `the answer ${text}`;
    const graph = graphOf(byOption, "a", "b", "c");
    await graph.invoke({}, thread(id));
    await answer(graph, backend, id, "Which?", { answer: text });
    const { values } = await graph.getState(thread(id));
    expect(values.trace).toEqual([target]);
    expect(values.note).toEqual(note);
    expect(byOption.ends.toSorted()).toEqual(["a", "b", "c"]);
  });

  it("an option that is not offered is refused (P3)", async () => {
    const node = askUserNode(
      State,
      { message: "Which?", options: ["a", "b"], backend },
      { options: { a: "a", b: "b" } },
    );
    const graph = graphOf(node, "a", "b");
    await graph.invoke({}, thread("closed"));
    const refused = await answer(graph, backend, "closed", undefined, { answer: "c" });
    expect(refused).toMatchObject({ status: "invalid", resume: null });
    await answer(graph, backend, "closed", undefined, { answer: "b" });
    expect((await graph.getState(thread("closed"))).values.trace).toEqual(["b"]);
  });

  it("several options, options of the state, and several questions", async () => {
    const many = askUserNode(
      State,
      { message: "Tags?", options: ({ tags }) => tags, multiple: true, backend },
      { answered: { update: ({ answer: tags }) => ({ tags: [...tags] }) } },
    );
    const graph = graphOf(many);
    await graph.invoke({ tags: ["x", "y", "z"] }, thread("many"));
    expect(await answer(graph, backend, "many", undefined, { answer: ["q"] })).toMatchObject({
      status: "invalid",
    });
    await answer(graph, backend, "many", undefined, { answer: ["z", "x"] });
    expect((await graph.getState(thread("many"))).values.tags).toEqual(["z", "x"]);

    const questions = askUserNode(
      State,
      {
        message: "Who and when?",
        questions: [
          { id: "who", message: "Who?" },
          { id: "when", message: "When?", options: ["now", "later"] },
        ],
        backend,
      },
      { answered: { update: ({ answers }) => ({ note: [answers.who, answers.when] }) } },
    );
    const asked = graphOf(questions);
    await asked.invoke({}, thread("questions"));
    await answer(asked, backend, "questions", undefined, { answers: { who: "Ann", when: "now" } });
    expect((await asked.getState(thread("questions"))).values.note).toEqual(["Ann", "now"]);
  });
});

describe("permissionNode", () => {
  const backend = new InMemoryHITLBackend();
  const node = permissionNode(
    State,
    {
      message: "Refund?",
      tool: "refund",
      args: ({ draft }) => ({ order: draft, amount: 40 }),
      allowed_decisions: ["approve_once", "edit", "reject", "respond"],
      args_schema: z.object({ order: z.string(), amount: z.number().max(50) }),
      backend,
    },
    {
      approve_once: { goto: "refund", update: ({ args }) => ({ note: args }) },
      edit: {
        goto: "refund",
        update: ({ args, response }) => ({ note: [args, response.edited_args === args] }),
      },
      reject: { update: ({ comment }) => ({ note: comment }) },
      respond: { update: ({ response }) => ({ note: response.message }) },
    },
  );
  const graph = graphOf(node, "refund");

  it.each([
    [{ decision: "approve_once" }, { order: "A-1", amount: 40 }, ["refund"]],
    [{ decision: "reject", message: "why?" }, "why?", []],
    [{ decision: "respond", message: "ask her" }, "ask her", []],
    [
      { decision: "edit", edited_args: { order: "A-1", amount: 20 } },
      [{ order: "A-1", amount: 20 }, true],
      ["refund"],
    ],
  ])("%j", async (response, note, trace) => {
    const id = JSON.stringify(response);
    await graph.invoke({ draft: "A-1" }, thread(id));
    const record = await openAsk(backend, id);
    expect(record.subject).toMatchObject({ tool: "refund", args: { order: "A-1", amount: 40 } });
    await answer(graph, backend, id, undefined, response);
    expect((await graph.getState(thread(id))).values).toMatchObject({ note, trace });
  });

  it("P3 edited arguments that break their schema, and decisions that are not allowed, are refused", async () => {
    await graph.invoke({ draft: "A-1" }, thread("bad"));
    const { hitl_id } = await openAsk(backend, "bad");
    for (const bad of [
      { decision: "edit", edited_args: { order: "A-1", amount: 60 } },
      { decision: "edit", edited_args: { order: "A-1" } },
      { decision: "edit" },
      { decision: "respond" },
      { decision: "approve_always" },
    ])
      expect(await backend.respond(hitl_id, bad)).toMatchObject({ status: "invalid" });
    await answer(graph, backend, "bad", undefined, { decision: "reject" });
    expect((await graph.getState(thread("bad"))).values.trace).toEqual([]);
  });
});

describe("formNode", () => {
  it.each(["given", "of the state"])("what was submitted is the update; the schema is %s", async (how) => {
    const backend = new InMemoryHITLBackend();
    const schema = z.object({ draft: z.string().min(2), tags: z.array(z.string()).default([]) });
    const node = formNode(
      State,
      { message: "Fill in", schema: how === "given" ? schema : () => schema, backend },
      { submitted: { update: ({ response }) => response as { draft: string; tags: string[] } } },
    );
    const graph = graphOf(node);
    await graph.invoke({}, thread("form"));
    const { hitl_id } = await openAsk(backend, "form");
    expect(await backend.respond(hitl_id, { draft: "x" })).toMatchObject({ status: "invalid" });
    await answer(graph, backend, "form", undefined, { draft: "xyz" });
    expect((await graph.getState(thread("form"))).values).toMatchObject({ draft: "xyz", tags: [] });
  });
});
