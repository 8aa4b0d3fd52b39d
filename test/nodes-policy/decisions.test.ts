/** A policy around the tools of a graph: what runs, what waits, what the model reads (P7, P8), in every host. */
import { tool } from "@langchain/core/tools";
import { MemorySaver } from "@langchain/langgraph";
import {
  type HITLBackend,
  InMemoryHITLBackend,
  requestPermission,
  resumeThread,
  StoreHITLBackend,
  withPreview,
} from "holdpoint";
import { definePolicy, type Policy, PolicyGrants, type PolicyRule } from "holdpoint/policy";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  answer,
  type AnyGraph,
  at,
  call,
  graphOf,
  type Host,
  HOSTS,
  only,
  open,
  Outside,
  start,
  toolMessages,
} from "../nodes-ledger/kit.ts";

const T = "t1";
const ALL = ["approve_once", "approve_always", "edit", "reject", "respond", "skip"] as const;

/** What its schema refuses, JSON Schema cannot say. */
function closedForNine(outside: Outside) {
  return tool(({ order }) => `paid ${outside.log.push(`pay ${order}`)}`, {
    name: "pay",
    description: "pays",
    schema: z.object({ order: z.string().refine((text) => text !== "9", "9 is closed") }),
  });
}

describe.each(HOSTS)("%s", (host: Host) => {
  function world(rules: readonly PolicyRule[] | Policy, turns = [[call("pay", "c1")]]) {
    const outside = new Outside();
    const backend: HITLBackend = new InMemoryHITLBackend();
    const checkpointer = new MemorySaver();
    const policy = "decide" in rules ? rules : definePolicy({ rules });
    const tools = ["pay", "read", "del"].map((name) => outside.tool(name));
    const build = (own: Policy, more: Partial<Parameters<typeof graphOf>[1]> = {}): AnyGraph =>
      graphOf(host, { backend, checkpointer, tools, policy: own, turns, ...more });
    return { outside, backend, policy, tools, build, graph: build(policy) };
  }

  const texts = async (graph: AnyGraph): Promise<string[]> =>
    (await toolMessages(graph, T)).map(({ text }) => text);

  it("runs what is allowed, and writes nothing of a question", async () => {
    const { graph, outside, backend } = world([{ for: "pay", verdict: "allow" }]);
    await graph.invoke(start(), at(T));
    expect(outside.log).toEqual(["pay 7"]);
    expect((await backend.list({ thread_id: T })).items).toEqual([]);
  });

  it("does not run what is denied, and the model reads why (P8)", async () => {
    const { graph, outside } = world([{ for: "pay", verdict: "deny", message: "Not on Sundays." }]);
    await graph.invoke(start(), at(T));
    expect(outside.log).toEqual([]);
    const [message] = await toolMessages(graph, T);
    expect(message).toMatchObject({ text: "Not on Sundays.", status: "error" });
    expect(message?.response_metadata["holdpoint"]).toMatchObject({ policy: { because: "denied" } });
  });

  it("asks, and runs once when it was approved, with the rule and the arguments in the question (P7)", async () => {
    const { graph, outside, backend } = world([{ id: "pay", for: "pay", verdict: "ask" }]);
    await graph.invoke(start(), at(T));
    expect(outside.log).toEqual([]);
    const question = await only(backend, T);
    expect(question).toMatchObject({
      hitl_type: "permission",
      tool_call_id: "c1",
      data: { tool: "pay", args: { order: "7" }, allowed_decisions: ["approve_once", "reject"] },
      subject: { rule_id: "pay", args: { order: "7" } },
    });
    await answer(graph, backend, question, { decision: "approve_once" });
    expect(outside.log).toEqual(["pay 7"]);
    expect(await texts(graph)).toEqual(["pay done 1"]);
  });

  it.each([
    ["reject", { decision: "reject", message: "Too dear." }, "Too dear.", "error"],
    ["respond", { decision: "respond", message: "It was paid by hand." }, "It was paid by hand.", "success"],
    ["skip", { decision: "skip" }, "skipped", "success"],
  ])("%s: the call does not run, and the model reads what was said", async (_, response, text, status) => {
    const { graph, outside, backend } = world([{ for: "pay", verdict: "ask", allowed_decisions: ALL }]);
    await graph.invoke(start(), at(T));
    await answer(graph, backend, await only(backend, T), response);
    expect(outside.log).toEqual([]);
    const [message, ...more] = await toolMessages(graph, T);
    expect(more).toEqual([]);
    expect(message?.text).toContain(text);
    expect(message?.status).toBe(status);
  });

  it("edit: runs with what the human wrote, and the model is told", async () => {
    const { graph, outside, backend } = world([{ for: "pay", verdict: "ask", allowed_decisions: ALL }]);
    await graph.invoke(start(), at(T));
    await answer(graph, backend, await only(backend, T), { decision: "edit", edited_args: { order: "8" } });
    expect(outside.log).toEqual(["pay 8"]);
    const [message] = await toolMessages(graph, T);
    expect(message?.text).toContain("pay done 1");
    expect(message?.text).toContain(
      'A human changed the arguments of this call to pay. It ran with: {"order":"8"}',
    );
    expect(message?.response_metadata["holdpoint"]).toMatchObject({
      policy: { because: "answer", edited: true },
    });
  });

  it("edit: arguments against the tool's schema are refused when they are answered, and the question stays open (P3)", async () => {
    const { backend, build, outside, policy } = world([
      { for: "pay", verdict: "ask", allowed_decisions: ALL },
    ]);
    const pay = closedForNine(outside);
    const graph = build(policy, { tools: [pay as never] });
    await graph.invoke(start(), at(T));
    const question = await only(backend, T);
    const tried = await backend.respond(question.hitl_id, { decision: "edit", edited_args: { order: 8 } });
    expect(tried).toMatchObject({ status: "invalid" });
    const refined = await backend.respond(question.hitl_id, {
      decision: "edit",
      edited_args: { order: "9" },
    });
    expect(refined).toMatchObject({ status: "invalid", issues: [{ message: "9 is closed" }] });
    await answer(graph, backend, question, { decision: "edit", edited_args: { order: "8" } });
    expect(outside.log).toEqual(["pay 8"]);
  });

  it("edit: what only the asking process can check is asked about again, with what is wrong (P3)", async () => {
    const { backend, build, outside, policy } = world([
      { for: "pay", verdict: "ask", allowed_decisions: ALL },
    ]);
    const pay = closedForNine(outside);
    const graph = build(policy, { tools: [pay as never] });
    await graph.invoke(start(), at(T));
    const first = await only(backend, T);
    // As another process: it has the store, and not the tool's schema.
    const elsewhere = new StoreHITLBackend(backend.store);
    expect(
      await elsewhere.respond(first.hitl_id, { decision: "edit", edited_args: { order: "9" } }),
    ).toMatchObject({
      status: "accepted",
    });
    await resumeThread(graph, { thread_id: T, backend });
    expect(outside.log).toEqual([]);
    const second = await only(backend, T);
    expect(second.data).toMatchObject({
      args: { order: "9" },
      edited_from: { order: "7" },
      error: expect.stringContaining("9 is closed"),
    });
    await answer(graph, backend, second, { decision: "edit", edited_args: { order: "5" } });
    expect(outside.log).toEqual(["pay 5"]);
  });

  it("edit: another rule asks about what was written, and its approval lets that run (P7)", async () => {
    const { graph, outside, backend } = world([
      { id: "dear", for: "pay", args: { order: "9*" }, verdict: "ask", answerers: ["cfo"] },
      { id: "pay", for: "pay", verdict: "ask", allowed_decisions: ALL },
    ]);
    await graph.invoke(start(), at(T));
    await answer(graph, backend, await only(backend, T), { decision: "edit", edited_args: { order: "99" } });
    expect(outside.log).toEqual([]);
    const second = await only(backend, T);
    expect(second).toMatchObject({
      subject: { rule_id: "dear", args: { order: "99" } },
      data: { edited_from: { order: "7" } },
    });
    await backend.respond(second.hitl_id, { decision: "approve_once" }, { actor: { id: "cfo" } });
    await resumeThread(graph, { thread_id: T, backend });
    expect(outside.log).toEqual(["pay 99"]);
  });

  it("edit: what is denied does not run, whoever wrote it (P7)", async () => {
    const { graph, outside, backend } = world([
      { for: "pay", args: { order: "9*" }, verdict: "deny", message: "Never 9." },
      { for: "pay", verdict: "ask", allowed_decisions: ALL },
    ]);
    await graph.invoke(start(), at(T));
    await answer(graph, backend, await only(backend, T), { decision: "edit", edited_args: { order: "99" } });
    expect(outside.log).toEqual([]);
    expect(await texts(graph)).toEqual(["Never 9."]);
  });

  it("one rejection neither drops nor blocks its siblings: each call has one message", async () => {
    const { graph, outside, backend } = world(
      [
        { for: "read", verdict: "allow" },
        { for: "*", verdict: "ask" },
      ],
      [[call("pay", "c1"), call("del", "c2"), call("read", "c3")]],
    );
    await graph.invoke(start(), at(T));
    const questions = await open(backend, T);
    expect(questions.map(({ data }) => data["tool"]).toSorted()).toEqual(["del", "pay"]);
    const of = (name: string) => questions.find(({ data }) => data["tool"] === name);
    await answer(graph, backend, of("del") as never, { decision: "reject" });
    await answer(graph, backend, of("pay") as never, { decision: "approve_once" });
    expect(outside.log.toSorted()).toEqual(["pay 7", "read 7"]);
    const messages = await toolMessages(graph, T);
    expect(messages.map(({ tool_call_id }) => tool_call_id).toSorted()).toEqual(["c1", "c2", "c3"]);
  });

  it("approve always: later calls run by the grant, and a revocation stops the very next one", async () => {
    const turns = [[call("pay", "c1")], [call("pay", "c2")], [call("pay", "c3")]];
    const { graph, outside, backend } = world(
      [{ for: "pay", verdict: "ask", allowed_decisions: ALL }],
      turns,
    );
    await graph.invoke(start(), at(T));
    const grants = new PolicyGrants({ backend });
    await answer(graph, backend, await only(backend, T), { decision: "approve_always" });
    expect(outside.log).toEqual(["pay 7", "pay 7", "pay 7"]);
    expect((await toolMessages(graph, T))[1]?.response_metadata["holdpoint"]).toMatchObject({
      policy: { because: "grant" },
    });
    const [grant] = (await grants.list({ session_id: T })).items;
    await grants.revoke(grant?.grant_id ?? "");
    await graph.invoke(start(), at(T));
    expect(outside.log).toHaveLength(3);
  });

  it("an approval does not count once the rule has changed: the human is asked again (P7)", async () => {
    const { graph, outside, backend, build } = world([{ id: "pay", for: "pay", verdict: "ask" }]);
    await graph.invoke(start(), at(T));
    const question = await only(backend, T);
    const changed = build(
      definePolicy({ rules: [{ id: "pay", for: "pay", verdict: "ask", risk_level: "high" }] }),
    );
    await answer(changed, backend, question, { decision: "approve_once" });
    expect(outside.log).toEqual([]);
    const second = await only(backend, T);
    expect(second.data).toMatchObject({ risk_level: "high", previous_args: { order: "7" } });
    await answer(changed, backend, second, { decision: "approve_once" });
    expect(outside.log).toEqual(["pay 7"]);
  });

  it("what is denied by now does not run, whatever was approved (P7)", async () => {
    let isOpen = true;
    const { graph, outside, backend } = world([
      { for: "pay", when: () => !isOpen, verdict: "deny", message: "Closed." },
      { for: "pay", verdict: "ask" },
    ]);
    await graph.invoke(start(), at(T));
    isOpen = false;
    await answer(graph, backend, await only(backend, T), { decision: "approve_once" });
    expect(outside.log).toEqual([]);
    expect(await texts(graph)).toEqual(["Closed."]);
  });

  it("a dry run runs nothing, and records what would be asked as a question that is over", async () => {
    const policy = definePolicy({
      rules: [{ for: "pay", verdict: "ask" }],
      mode: "dry-run",
      onWarning: () => {},
    });
    const { graph, outside, backend } = world(policy, [[call("pay", "c1"), call("read", "c2")]]);
    await graph.invoke(start(), at(T));
    expect(outside.log).toEqual([]);
    expect(await open(backend, T)).toEqual([]);
    const { items } = await backend.list({ thread_id: T });
    expect(items.map(({ status, reason, data }) => [status, reason, data["tool"]]).toSorted()).toEqual([
      ["cancelled", "dry_run", "pay"],
      ["cancelled", "dry_run", "read"],
    ]);
    expect(await toolMessages(graph, T)).toHaveLength(2);
  });

  it("denies what would be one question too many, and says so; the others can be answered (P8)", async () => {
    const policy = definePolicy({ rules: [], caps: { session: 2 } });
    const { graph, outside, backend } = world(policy, [
      [call("pay", "c1"), call("del", "c2"), call("read", "c3")],
    ]);
    await graph.invoke(start(), at(T));
    expect(await open(backend, T)).toHaveLength(2);
    for (const question of await open(backend, T))
      await answer(graph, backend, question, { decision: "approve_once" });
    expect(outside.log).toHaveLength(2);
    const denied = (await toolMessages(graph, T)).filter(({ status }) => status === "error");
    expect(denied.map(({ text }) => text)).toEqual([
      expect.stringContaining("2 questions of this session wait for a human already"),
    ]);
  });

  it("shows the tool's preview with the question, and makes none where nobody is asked", async () => {
    const { backend, build, tools, policy } = world(
      [
        { for: "pay", args: { order: "7" }, verdict: "ask" },
        { for: "pay", verdict: "allow" },
      ],
      [[call("pay", "c1"), call("pay", "c2", { order: "8" })]],
    );
    const seen: unknown[] = [];
    withPreview(tools[0] as never, (args: unknown) => {
      seen.push(args);
      return { rows: [args] };
    });
    const graph = build(policy);
    await graph.invoke(start(), at(T));
    expect((await only(backend, T)).data["preview"]).toEqual({ rows: [{ order: "7" }] });
    await answer(graph, backend, await only(backend, T), { decision: "approve_once" });
    expect(seen).toEqual([{ order: "7" }]);
  });

  it("an edit that changes nothing is an approval: the model hears of no change", async () => {
    const { graph, outside, backend } = world([{ for: "pay", verdict: "ask", allowed_decisions: ALL }]);
    await graph.invoke(start(), at(T));
    await answer(graph, backend, await only(backend, T), { decision: "edit", edited_args: { order: "7" } });
    expect(outside.log).toEqual(["pay 7"]);
    expect(await texts(graph)).toEqual(["pay done 1"]);
  });

  it("requestPermission: an answer has to satisfy the request's own schema, too (P3)", async () => {
    const { backend, build } = world([]);
    const edited: unknown[] = [];
    const run = tool(
      async () => {
        const { decision, ...more } = await requestPermission({
          message: "Which?",
          tool: "rm",
          args: { paths: ["a", "b"] },
          allowed_decisions: ["approve_once", "edit", "reject"],
          response_schema: z.looseObject({
            edited_args: z
              .object({ paths: z.array(z.enum(["a", "b"])) })
              .refine(({ paths }) => paths.length < 2, "one at a time")
              .optional(),
          }),
        });
        edited.push(decision, more);
        return "done";
      },
      { name: "pay", description: "removes", schema: z.object({ order: z.string() }) },
    );
    const policy = definePolicy({
      rules: [
        { for: "pay", verdict: "allow" },
        { for: "rm", verdict: "ask", allowed_decisions: ["approve_once", "edit", "reject"] },
      ],
    });
    const graph = build(policy, { tools: [run as never] });
    await graph.invoke(start(), at(T));
    const question = await only(backend, T);
    for (const paths of [["/etc"], ["a", "b"]]) {
      const refused = await backend.respond(question.hitl_id, { decision: "edit", edited_args: { paths } });
      expect(refused.status).toBe("invalid");
    }
    await answer(graph, backend, question, { decision: "edit", edited_args: { paths: ["b"] } });
    expect(edited).toEqual(["edit", { edited_args: { paths: ["b"] } }]);
  });

  it("requestPermission in a tool asks the policy first (P7, P8)", async () => {
    const { backend, build, outside } = world([]);
    const asked: unknown[] = [];
    const run = tool(
      async ({ order }) => {
        for (const command of ["ls", "rm -rf /", `mv ${order}`]) {
          const { decision } = await requestPermission({
            message: `Run ${command}?`,
            tool: "bash",
            args: { command },
          });
          asked.push([command, decision]);
        }
        return "done";
      },
      { name: "pay", description: "runs commands", schema: z.object({ order: z.string() }) },
    );
    const policy = definePolicy({
      rules: [
        { for: "pay", verdict: "allow" },
        { permission: "shell:ls", verdict: "allow" },
        { permission: "shell:rm *", verdict: "deny" },
      ],
      permissions: { bash: "shell" },
    });
    const graph = build(policy, { tools: [run as never] });
    await graph.invoke(start(), at(T));
    const question = await only(backend, T);
    expect(question.data).toMatchObject({ message: "Run mv 7?", tool: "bash", args: { command: "mv 7" } });
    asked.length = 0;
    await answer(graph, backend, question, { decision: "approve_once" });
    expect(asked).toEqual([
      ["ls", "approve_once"],
      ["rm -rf /", "reject"],
      ["mv 7", "approve_once"],
    ]);
    expect(outside.log).toEqual([]);
  });
});
