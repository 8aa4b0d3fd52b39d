/** LangChain and LangGraph: their types of requests and answers, and what langchain's own middleware asks with. */
import { isInterrupted, MemorySaver } from "@langchain/langgraph";
import type { HumanInterrupt, HumanResponse } from "@langchain/langgraph/prebuilt";
import {
  createAgent,
  type Decision,
  type HITLRequest,
  type HITLResponse,
  humanInTheLoopMiddleware,
} from "langchain";
import { describe, expect, it } from "vitest";
import {
  fromAgentInbox1,
  fromLangchainJs1,
  fromLangchainPython1,
  fromLangGraph1,
  type ReadAnswers,
  toAgentInbox1,
  toLangchainJs1,
  toLangchainPython1,
  toLangGraph1,
} from "../../../src/interop/index.ts";
import type { HITLRecord } from "../../../src/index.ts";
import { interruptsFor } from "../../../src/suspend/interrupt-payload.ts";
import { go } from "../../middleware/kit.ts";
import { ai, interruptsIn, ScriptedModel, thread, toolOf } from "../../nodes/kit.ts";
import { ALL, ANSWERED, askOf, EVERY } from "./kit.ts";

const responses = ({ answers, problems }: ReadAnswers): unknown[] => {
  expect(problems).toEqual([]);
  return answers.map(({ response }) => response);
};

describe("humanInTheLoopMiddleware", () => {
  it("asks with the fields that ours has, too", async () => {
    const pay = toolOf("pay", () => "paid");
    const calls = [{ name: "pay", args: { amount: 40 }, id: "call_1" }];
    const agent = createAgent({
      model: new ScriptedModel([ai(calls)]),
      tools: [pay],
      middleware: [humanInTheLoopMiddleware({ interruptOn: { pay: true } })],
      checkpointer: new MemorySaver(),
    });
    const [shown] = interruptsIn(await agent.invoke(go, thread("t")));
    const theirs = shown?.value as unknown as HITLRequest;
    const { data } = askOf("mail");
    const ours = toLangchainJs1([{ ...askOf("mail"), data: { ...data, tool: "pay", args: { amount: 40 } } }]);
    expect(ours).toMatchObject({ actionRequests: [{ name: "pay", args: { amount: 40 } }] });
    for (const list of ["actionRequests", "reviewConfigs"] as const)
      expect(Object.keys(ours[list][0] ?? {})).toEqual(
        expect.arrayContaining(Object.keys(theirs[list][0] ?? {})),
      );
    expect(ours.reviewConfigs[0]?.actionName).toBe(theirs.reviewConfigs[0]?.actionName);
  });

  /** What a human may decide, in langchain's own words. */
  const decision = (type: "approve" | "edit" | "reject", name: string): Decision =>
    type === "edit"
      ? { type, editedAction: { name, args: { amount: 1, to: "x", draft: "Ho" } } }
      : type === "reject"
        ? { type, message: "no" }
        : { type };

  const OFFERED = EVERY.flatMap(([name, ask]) => {
    const { actionRequests, reviewConfigs } = toLangchainJs1([ask]);
    return (reviewConfigs[0]?.allowedDecisions ?? []).map(
      (type) => [name, type, ask, actionRequests[0]?.name ?? ""] as const,
    );
  });

  it.each(OFFERED.filter(([, type]) => type !== "respond"))(
    "P3 %s: what is offered is taken: %s",
    (_name, type, ask, action) => {
      const { answers, problems } = fromLangchainJs1(
        { decisions: [decision(type as "approve", action)] } satisfies HITLResponse,
        [ask],
      );
      expect(problems.filter(({ code }) => code !== "invalid")).toEqual([]);
      if (type !== "edit") expect(answers).toHaveLength(1);
    },
  );

  it.each(EVERY)("P8 %s: nothing is approved or edited that is not offered to be", (_name, ask) => {
    const { actionRequests, reviewConfigs } = toLangchainJs1([ask]);
    const offered = reviewConfigs[0]?.allowedDecisions ?? [];
    expect(offered).not.toEqual([]);
    for (const type of ["approve", "edit"] as const) {
      if (offered.includes(type)) continue;
      const given: HITLResponse = { decisions: [decision(type, actionRequests[0]?.name ?? "")] };
      expect(fromLangchainJs1(given, [ask]).answers).toEqual([]);
    }
  });

  it("P10 a list for all of them, in the order in which they are shown", () => {
    const asks = [askOf("pay"), askOf("mail"), askOf("go"), askOf("review")];
    const { reviewConfigs, actionRequests } = toLangchainJs1(asks);
    expect(actionRequests.map(({ name }) => name)).toEqual(["pay", "mail", "deploy", "workflow_human"]);
    const types = reviewConfigs.map(({ allowedDecisions }) => allowedDecisions[0]) as Decision["type"][];
    const given: HITLResponse = { decisions: types.map((type) => decision(type, "")) };
    expect(responses(fromLangchainJs1(given, asks))).toEqual([
      { decision: "approve_once" },
      { decision: "approve_once" },
      { confirmed: true },
      { decision: "approve" },
    ]);
    expect(toLangchainPython1(asks).review_configs.map((config) => config.action_name)).toEqual(
      actionRequests.map(({ name }) => name),
    );
    expect(fromLangchainPython1(given, asks)).toEqual({
      ...fromLangchainJs1(given, asks),
      answers: fromLangchainJs1(given, asks).answers.map((answer) => ({
        ...answer,
        format: "langchain_python_1",
      })),
    });
  });
});

describe("the types of Agent Inbox in @langchain/langgraph/prebuilt", () => {
  it.each(EVERY)("P3 %s: an answer for each button of its config, and for no other", (_name, ask) => {
    const [shown] = toAgentInbox1([ask]) as [HumanInterrupt];
    const { config, action_request } = shown;
    const read = (response: HumanResponse): ReadAnswers => fromAgentInbox1([response], [ask]);
    expect(read({ type: "accept", args: action_request }).answers).toHaveLength(config.allow_accept ? 1 : 0);
    expect(read({ type: "accept", args: null }).answers).toHaveLength(config.allow_accept ? 1 : 0);
    expect(read({ type: "ignore", args: null }).answers).toHaveLength(config.allow_ignore ? 1 : 0);
    const text = read({ type: "response", args: "x" });
    if (!config.allow_respond) expect(text.answers).toEqual([]);
    // Where a text is asked for, it may be another one than this.
    else expect(text.problems.every(({ code }) => code === "invalid")).toBe(true);
  });
});

describe("interrupts of LangGraph", () => {
  it("P10 are told by its own guard, and each answer by its id is for its question", () => {
    const interrupts = toLangGraph1(ALL);
    expect(isInterrupted({ __interrupt__: interrupts })).toBe(true);
    expect(isInterrupted({ __interrupt__: interruptsFor(ALL) })).toBe(true);
    expect(interruptsFor(ALL).map(({ id }) => id)).toEqual(interrupts.map(({ id }) => id));
    const resume = Object.fromEntries(
      ANSWERED.map(([, { interrupt_id }, response]) => [interrupt_id as string, response]),
    );
    expect(responses(fromLangGraph1(resume, ALL))).toEqual(ANSWERED.map(([, , response]) => response));
  });

  it.each(EVERY)(
    "%s: its schema is an object, as the types of its clients have it",
    (_name, ask: HITLRecord) => {
      for (const schema of [
        toLangGraph1([ask])[0]?.response_schema,
        interruptsFor([ask])[0]?.value.response_schema,
      ]) {
        expect(schema === undefined).toBe(ask.response_schema === null);
        expect(Array.isArray(schema)).toBe(false);
        if (schema !== undefined) expect(typeof schema).toBe("object");
      }
    },
  );
});
