/** AG-UI: its own schemas, its own reading of LangGraph's interrupts, its own making of resume values. */
import { buildResumeArray, isInterruptExpired } from "@ag-ui/client";
import type { Interrupt } from "@ag-ui/core";
import { InterruptSchema, ResumeEntrySchema, RunFinishedInterruptOutcomeSchema } from "@ag-ui/core/schemas";
import { buildLgCommandResumeFromAgui, langGraphInterruptsToAGUI } from "@ag-ui/langgraph";
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../../src/core/json.ts";
import { checkJsonSchema } from "../../../src/core/response-schema.ts";
import { HITLSuspend, PauseSuspend } from "../../../src/index.ts";
import { fromAgUi1, readAnswers, toAgUi1 } from "../../../src/interop/index.ts";
import { interruptsFor } from "../../../src/suspend/interrupt-payload.ts";
import { ALL, ANSWERED, askOf, EVERY } from "./kit.ts";

/** What a node of ours makes of the value of `Command({ resume })`. */
const inGraph = (value: unknown, asks = ALL) => readAnswers(value, asks, { plain: false });

describe("RUN_FINISHED, outcome interrupt", () => {
  it.each(EVERY)("%s: passes the published schema", (_name, ask) => {
    expect(() => RunFinishedInterruptOutcomeSchema.parse(toAgUi1([ask]))).not.toThrow();
  });

  it("P10 all at once", () => {
    expect(RunFinishedInterruptOutcomeSchema.parse(toAgUi1(ALL)).interrupts).toHaveLength(ALL.length);
  });

  it("no question, no outcome: the published schema has none without an interrupt", () => {
    expect(RunFinishedInterruptOutcomeSchema.safeParse({ type: "interrupt", interrupts: [] }).success).toBe(
      false,
    );
    expect(() => toAgUi1([])).toThrow(expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }));
  });

  it.each(ANSWERED)("P3 %s: the resume entry for it is read", (_name, ask, response) => {
    const { interrupts } = toAgUi1([ask]);
    expect(interrupts.some((interrupt) => isInterruptExpired(interrupt))).toBe(false);
    const resume = buildResumeArray(interrupts, {
      [idOf(interrupts[0])]: { status: "resolved", payload: response },
    });
    for (const entry of resume) ResumeEntrySchema.parse(entry);
    const { answers, problems } = fromAgUi1(resume, ALL);
    expect(problems).toEqual([]);
    expect(answers).toMatchObject([{ hitl_id: ask.hitl_id, by: "id", response }]);
  });
});

const idOf = (interrupt: Interrupt | undefined): string => interrupt?.id ?? "";
const throughGraph = (...asks: typeof ALL): Interrupt[] => langGraphInterruptsToAGUI(interruptsFor(asks));

describe("what @ag-ui/langgraph reads from LangGraph's interrupts, and makes of the answers", () => {
  it.each(EVERY)("%s: passes the published schema, for which a client drops the run", (_name, ask) => {
    const [interrupt] = throughGraph(ask);
    expect(() => InterruptSchema.parse(interrupt)).not.toThrow();
    const same = toAgUi1([ask]).interrupts[0];
    expect(interrupt).toMatchObject({ id: ask.interrupt_id, reason: same?.reason });
    expect(interrupt?.toolCallId).toBe(same?.toolCallId);
    expect(interrupt?.expiresAt).toBe(same?.expiresAt);
    expect(interrupt === undefined || isInterruptExpired(interrupt)).toBe(false);
  });

  it.each(ANSWERED)(
    "P3 %s: an answer by its responseSchema is for it, although the client leaves out its id",
    (_name, ask, response) => {
      const interrupts = throughGraph(ask);
      const payload: JsonValue = { hitl_id: ask.hitl_id, response };
      expect(checkJsonSchema(interrupts[0]?.responseSchema ?? false, payload)).toEqual([]);
      const resume = buildResumeArray(interrupts, { [idOf(interrupts[0])]: { status: "resolved", payload } });
      const value = buildLgCommandResumeFromAgui(resume);
      expect(value).toEqual(payload);
      const { answers, problems } = inGraph(value);
      expect(problems).toEqual([]);
      expect(answers).toMatchObject([{ hitl_id: ask.hitl_id, by: "id", response }]);
    },
  );

  it("P3 its schema refuses what is for another question, and what the question refuses", () => {
    const [interrupt] = throughGraph(askOf("refers"));
    const refused = (payload: JsonValue): number =>
      checkJsonSchema(interrupt?.responseSchema ?? true, payload).length;
    const { hitl_id } = askOf("refers");
    expect(refused({ hitl_id, response: { name: "Al" } })).toBe(0);
    expect(refused({ hitl_id, response: { name: "A" } })).toBeGreaterThan(0);
    expect(refused({ hitl_id: askOf("go").hitl_id, response: { name: "Al" } })).toBeGreaterThan(0);
    expect(refused({ name: "Al" })).toBeGreaterThan(0);
  });

  it("P10 several: a map, in which the question's own answer is enough", () => {
    const asks = ANSWERED.map(([, ask]) => ask);
    const interrupts = throughGraph(...asks);
    const responses = Object.fromEntries(
      ANSWERED.map(([, ask, payload], index) => [
        ask.interrupt_id ?? "",
        index % 3 === 0
          ? ({ status: "cancelled" } as const)
          : ({
              status: "resolved",
              payload: index % 3 === 1 ? payload : { hitl_id: ask.hitl_id, response: payload },
            } as const),
      ]),
    );
    const value = buildLgCommandResumeFromAgui(buildResumeArray(interrupts, responses));
    const { answers, problems } = inGraph(value);
    expect(problems).toEqual([]);
    expect(answers).toMatchObject(
      ANSWERED.map(([, { hitl_id }, response], index) =>
        index % 3 === 0 ? { hitl_id, cancel: true } : { hitl_id, response },
      ),
    );
  });

  it("P8 one that is called off names its id", () => {
    const interrupts = throughGraph(askOf("pay"));
    const value = buildLgCommandResumeFromAgui(
      buildResumeArray(interrupts, { [idOf(interrupts[0])]: { status: "cancelled" } }),
    );
    expect(inGraph(value).answers).toMatchObject([{ hitl_id: askOf("pay").hitl_id, by: "id", cancel: true }]);
  });

  it("P1 a lone answer that neither names its question nor says that it is one answers nothing in a graph", () => {
    const interrupts = throughGraph(askOf("go"));
    const responses = {
      [idOf(interrupts[0])]: { status: "resolved", payload: { confirmed: true } } as const,
    };
    const resume = buildResumeArray(interrupts, responses);
    const { answers, problems } = inGraph(buildLgCommandResumeFromAgui(resume), [askOf("go")]);
    expect(answers).toEqual([]);
    expect(problems).toMatchObject([{ code: "not_understood" }]);
    // What an agent of one's own may send in its place.
    expect(inGraph({ resume }, [askOf("go")]).answers).toMatchObject([
      { response: { confirmed: true }, by: "id" },
    ]);
  });
});

describe("interrupts without a question", () => {
  it("a pause that a user asked for passes the published schema, too", () => {
    const [interrupt] = langGraphInterruptsToAGUI([...new PauseSuspend("Lunch").interrupts]);
    expect(InterruptSchema.parse(interrupt)).toMatchObject({ reason: "Lunch", message: "Paused: Lunch" });
  });

  it("what no node of ours has caught does so, too", () => {
    const { interrupts } = new HITLSuspend({ data: { message: "Which?" } });
    expect(() => InterruptSchema.parse(langGraphInterruptsToAGUI([...interrupts])[0])).not.toThrow();
  });
});
