/** Answers at the edges: what may be meant for another question, says two things at once, or cannot be stored. */
import type { AIMessage } from "@langchain/core/messages";
import { interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { type HITLRecord, HITLToolNode, InMemoryHITLBackend, requestPermission } from "../../src/index.ts";
import { readAnswers, respondFrom, supersetOf, toAgentInbox1 } from "../../src/interop/index.ts";
import { input, interruptsIn, pending, thread, toolOf, wake } from "../nodes/kit.ts";
import { asks, idOf, once, other } from "./fixtures.ts";
import { payArgs, recorded } from "./kit.ts";

const approve = { type: "approve" };

async function create(request: object): Promise<HITLRecord> {
  const { record } = await new InMemoryHITLBackend().create({ session_id: "s", ...request } as never);
  return record;
}

const codes = (value: unknown, open: readonly HITLRecord[]): readonly string[] =>
  readAnswers(value, open).problems.map(({ code }) => code);

describe("P7 who approves and says other arguments has not approved the shown ones", () => {
  const editing = { decision: "edit", edited_args: other };
  it.each([
    { type: "approve", updatedInput: other },
    { type: "approve", editedArgs: other },
    { type: "approve", edited_args: other },
    { type: "approve", editedAction: { name: "pay", args: other } },
    { type: "approve", edited_action: { name: "pay", args: other } },
    { approved: true, updatedInput: other },
    { approved: true, editedArgs: other },
    { behavior: "allow", editedArgs: other },
    { type: "edit", editedArgs: other },
  ])("%j is an edit, where edits are allowed", (value) => {
    expect(readAnswers(value, [asks.pay]).answers).toMatchObject([{ response: editing }]);
    expect(readAnswers({ [idOf("pay")]: value }, [asks.pay, asks.go]).answers).toMatchObject([
      { response: editing },
    ]);
    const mail = JSON.parse(
      JSON.stringify(value).replaceAll(JSON.stringify(other), '{"to":"eve"}').replaceAll('"pay"', '"mail"'),
    ) as object;
    expect(readAnswers(mail, [asks.mail]).answers).toEqual([]);
    expect(codes(mail, [asks.mail])).toEqual(["not_allowed"]);
  });

  it.each([
    { type: "approve", updatedInput: payArgs },
    { type: "approve", editedAction: { name: "pay", args: payArgs } },
    { type: "approve", args: payArgs },
    { type: "approve", args: null },
    { approved: true, args: payArgs },
  ])("%j, of the shown ones, approves", (value) => {
    expect(readAnswers(value, [asks.pay]).answers).toMatchObject([{ response: once }]);
  });

  it.each([
    { type: "approve", args: other },
    { approved: true, args: other },
    { type: "approve", updatedInput: "pay" },
    { type: "approve", updatedInput: payArgs, editedArgs: other },
    { type: "approve", editedAction: { name: "wire", args: payArgs } },
    { approved: true, editedArgs: other, updatedInput: payArgs },
  ])("%j says neither", (value) => {
    const { answers, problems } = readAnswers(value, [asks.pay]);
    expect(answers).toEqual([]);
    expect(problems).toHaveLength(1);
  });
});

describe("whose answer it is", () => {
  it("an id that two questions have is nobody's", () => {
    const foreign = { ...asks.go, hitl_id: idOf("pay") };
    for (const open of [
      [asks.pay, foreign],
      [foreign, asks.pay],
    ]) {
      expect(readAnswers({ [idOf("pay")]: true }, open).answers).toEqual([]);
      expect(codes({ [idOf("pay")]: true }, open)).toEqual(["ambiguous"]);
    }
  });

  it("a question that is listed twice is one", () => {
    const again = structuredClone(asks.go);
    expect(readAnswers({ [idOf("go")]: true }, [asks.go, again]).answers).toHaveLength(1);
    expect(readAnswers({ call_go: true }, [asks.go, again]).answers).toHaveLength(1);
    expect(readAnswers({ approved: true }, [asks.go, again]).answers).toHaveLength(1);
    expect(codes({ decisions: [approve, approve] }, [asks.go, again])).toEqual(["wrong_count"]);
  });

  it("the name of a call is no id of another question", () => {
    const call = { ...asks.go, tool_call_id: asks.pay.hitl_id };
    expect(readAnswers({ [asks.pay.hitl_id]: approve }, [call, asks.pay]).answers).toMatchObject([
      { hitl_id: asks.pay.hitl_id },
    ]);
  });

  it("by its call no answer is meant while something else is open that may be about the same call", () => {
    const accept = [{ type: "accept", args: { action: "pay", args: payArgs } }];
    expect(readAnswers(accept, [asks.pay, asks.go]).answers).toHaveLength(1);
    const { answers, problems } = readAnswers(accept, [asks.pay, asks.go], { othersOpen: true });
    expect(answers).toEqual([]);
    expect(problems).toMatchObject([{ code: "ambiguous" }]);
  });

  it("P1 an interrupt of somebody else about the same call takes its answer, and ours does not", async () => {
    const backend = new InMemoryHITLBackend();
    const got: unknown[] = [];
    const pay = toolOf("pay", async (args) =>
      JSON.stringify(
        await requestPermission({ message: "Pay?", tool: "pay", args, allowed_decisions: ["approve_once"] }),
      ),
    );
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("tools", new HITLToolNode([pay], { backend }))
      .addNode("theirs", () => {
        got.push(interrupt({ action_request: { action: "pay", args: payArgs } }));
        return {};
      })
      .addEdge(START, "tools")
      .addEdge(START, "theirs")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke(input({ name: "pay", args: payArgs, id: "p" }), thread("t"));
    const accept = [{ type: "accept", args: { action: "pay", args: payArgs } }];
    const shown = await graph.invoke(wake(accept), thread("t"));
    expect(got).toEqual([accept]);
    expect(await pending(backend, "t")).toHaveLength(1);
    expect(interruptsIn(shown)).toMatchObject([{ value: { issues: [{ code: "ambiguous" }] } }]);
    const [ask] = await pending(backend, "t");
    const last = await graph.invoke(wake({ [String(ask?.interrupt_id)]: accept }), thread("t"));
    expect((last.messages.at(-1) as AIMessage).text).toContain("approve_once");
  });

  it("P10 a map in which some are answered already: the others count, and those are unknown", () => {
    const late = { call_pay: approve, call_mail: { type: "reject" }, call_go: approve };
    const { answers, problems } = readAnswers(late, [asks.mail, asks.go]);
    expect(answers.map(({ hitl_id }) => hitl_id)).toEqual([asks.mail.hitl_id, asks.go.hitl_id]);
    expect(problems).toMatchObject([{ code: "unknown_id" }]);
    expect(codes({ [asks.pay.hitl_id]: true, [asks.go.hitl_id]: true }, [asks.go])).toEqual(["unknown_id"]);
    // A form that has a field of that name is no map.
    expect(readAnswers({ call_go: "x", name: "y" }, [asks.go, asks.mail]).answers).toEqual([]);
  });

  it("AG-UI: what is resolved without a payload answers nothing, and says so", () => {
    for (const entry of [{ status: "resolved" }, { status: "resolved", payload: null }])
      for (const name of ["go", "free"] as const)
        for (const value of [
          { __agui_resume_map__: { [idOf(name)]: entry } },
          [{ interruptId: idOf(name), ...entry }],
        ]) {
          const { answers, problems } = readAnswers(value, [asks[name], asks.mail]);
          expect(answers).toEqual([]);
          expect(problems).toMatchObject([{ hitl_id: asks[name].hitl_id, code: "not_understood" }]);
        }
  });
});

describe("what is offered and what is taken", () => {
  it("a decision of a question's own may be answered as text", async () => {
    const ask = await create({
      hitl_type: "workflow_human",
      data: { message: "Publish?" },
      response_schema: {
        type: "object",
        properties: { decision: { enum: ["publish", "discard"] }, comment: { type: "string" } },
        required: ["decision"],
      },
    });
    expect(supersetOf([ask])[0]?.review_configs?.[0]?.allowed_decisions).toEqual(["respond"]);
    const respond = (message: string): unknown => ({ decisions: [{ type: "respond", message }] });
    expect(readAnswers(respond(" publish\n"), [ask]).answers).toMatchObject([
      { response: { decision: "publish" } },
    ]);
    expect(codes(respond("perhaps"), [ask])).toEqual(["invalid"]);
  });

  it("P3 a yes or no that needs more than a click is not offered as one", async () => {
    const ask = await create({
      hitl_type: "confirm",
      data: { message: "Sure?" },
      response_schema: {
        type: "object",
        properties: { confirmed: { type: "boolean" }, reason: { type: "string" } },
        required: ["confirmed", "reason"],
      },
    });
    const [payload] = supersetOf([ask]);
    expect(payload?.review_configs?.[0]?.allowed_decisions).toEqual(["respond"]);
    expect(toAgentInbox1([ask])[0]?.config).toMatchObject({ allow_accept: false, allow_respond: true });
    const text = '{"confirmed":true,"reason":"so"}';
    expect(readAnswers({ decisions: [{ type: "respond", message: text }] }, [ask]).answers).toMatchObject([
      { response: { confirmed: true, reason: "so" } },
    ]);
    const no = await create({
      hitl_type: "confirm",
      data: { message: "Sure?" },
      response_schema: {
        type: "object",
        properties: { confirmed: { const: true } },
        required: ["confirmed"],
      },
    });
    expect(supersetOf([no])[0]?.review_configs?.[0]?.allowed_decisions).toEqual(["approve"]);
  });

  it("P7 a long question is not cut short", async () => {
    const message = `${"x".repeat(20_000)} and pay eve`;
    const [payload] = supersetOf([await create({ hitl_type: "confirm", data: { message } })]);
    expect(payload?.action_requests?.[0]?.description).toBe(message);
  });

  it("what was expected is said in sentences", () => {
    for (const value of [{ approved: "x" }, { decision: "x" }, { __agui_resume_map__: 1 }, { type: "edit" }])
      for (const { message } of readAnswers(value, [asks.pay]).problems)
        expect(message).not.toMatch(/\.\.|\. \./);
  });
});

describe("P3 respondFrom never throws because of the value", () => {
  it("an answer that does not fit beside its question is refused; the others count", async () => {
    const { backend, asks: open } = await recorded(["name", "go"]);
    const { record: big } = await backend.create({
      hitl_type: "ask_user",
      session_id: "s",
      data: { message: "x".repeat(150_000) },
    });
    const value = {
      [big.hitl_id]: { answer: "y".repeat(150_000) },
      [open.go.hitl_id]: { confirmed: true },
    };
    const { results, problems } = await respondFrom("any", value, { backend, asks: [big, open.go] });
    expect(results).toMatchObject([{ hitl_id: open.go.hitl_id, status: "accepted" }]);
    expect(problems).toMatchObject([{ hitl_id: big.hitl_id, code: "refused" }]);
    expect((await backend.get(big.hitl_id))?.status).toBe("pending");
  });
});
