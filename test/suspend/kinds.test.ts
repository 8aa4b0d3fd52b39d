/** The named kinds of questions: what is shown, what is accepted, what the tool gets (P3, P7). */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  askUser,
  HITLToolNode,
  InMemoryHITLBackend,
  requestAuth,
  requestForm,
  requestPermission,
  resumeThread,
} from "../../src/index.ts";
import type { FakeClock } from "../../src/testing/fake-clock.ts";
import { answer, input, openAsk, outputs, thread, toolOf, toolsGraph } from "../nodes/kit.ts";

type Body = (args: Record<string, unknown>, runtime: Record<string, unknown>) => unknown;

function setUp(body: Body, clock?: FakeClock) {
  const backend = new InMemoryHITLBackend(clock ? { clock } : {});
  const graph = toolsGraph(new HITLToolNode([toolOf("it", body)], { backend }));
  return {
    backend,
    graph,
    start: () => graph.invoke(input({ name: "it", id: "c1" }), thread("t")),
    answer: (response: unknown, message?: string) => answer(graph, backend, "t", message, response),
    output: async () => outputs((await graph.getState(thread("t"))).values)["c1"],
  };
}

describe("kinds of questions", () => {
  it("askUser: one, several of the options, several questions", async () => {
    const it = setUp(async () => {
      const one = await askUser({ message: "One?", options: ["a", { value: "b", label: "B" }] });
      const many = await askUser({ message: "Many?", options: ["x", "y", "z"], multiple: true });
      const all = await askUser({
        message: "All?",
        questions: [
          { id: "q1", message: "1" },
          { id: "q2", message: "2", options: ["u"] },
        ],
      });
      return JSON.stringify([one, many, all]);
    });
    await it.start();
    expect((await it.answer({ answer: "c" }, "One?")).status).toBe("invalid");
    await it.answer({ answer: "b" }, "One?");
    await it.answer({ answer: ["x", "z"] }, "Many?");
    expect((await it.answer({ answers: { q1: "free" } }, "All?")).status).toBe("invalid");
    await it.answer({ answers: { q1: "free", q2: "u" } }, "All?");
    expect(JSON.parse(String(await it.output()))).toEqual([
      { answer: "b" },
      { answer: ["x", "z"] },
      { answers: { q1: "free", q2: "u" } },
    ]);
  });

  it("requestPermission: only allowed decisions; the subject is kept with its hash (P7)", async () => {
    const it = setUp(async () =>
      JSON.stringify(
        await requestPermission({
          message: "May I?",
          tool: "rm",
          args: { path: "/" },
          allowed_decisions: ["approve_once", "edit", "reject"],
        }),
      ),
    );
    await it.start();
    expect(await openAsk(it.backend, "t")).toMatchObject({
      hitl_type: "permission",
      subject: { tool: "rm", args: { path: "/" }, approved_hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect((await it.answer({ decision: "approve_always" })).status).toBe("invalid");
    expect((await it.answer({ decision: "edit" })).status).toBe("invalid");
    await it.answer({ decision: "edit", edited_args: { path: "/tmp" } });
    expect(JSON.parse(String(await it.output()))).toEqual({
      decision: "edit",
      edited_args: { path: "/tmp" },
    });
  });

  it("requestForm: a zod schema is shown as JSON Schema and gives its output", async () => {
    const schema = z.object({ name: z.string().min(2), age: z.coerce.number().default(3) });
    const it = setUp(async () => JSON.stringify(await requestForm({ message: "Fill in", schema })));
    await it.start();
    const record = await openAsk(it.backend, "t");
    expect(record.response_schema).toMatchObject({ type: "object", required: ["name"] });
    expect((await it.answer({ name: "x" })).status).toBe("invalid");
    await it.answer({ name: "xy" });
    expect(JSON.parse(String(await it.output()))).toEqual({ name: "xy", age: 3 });
  });

  it("requestForm: the tool may change the answer that it gets, and the record stays as it was", async () => {
    const schema = {
      type: "object",
      properties: { tags: { type: "array", items: { type: "string" } } },
      required: ["tags"],
    };
    const it = setUp(async () => {
      const form = (await requestForm({ message: "Tags?", schema })) as { tags: string[] };
      form.tags.push("mine");
      return form.tags.join(",");
    });
    await it.start();
    const { hitl_id } = await openAsk(it.backend, "t");
    await it.answer({ tags: ["a", "b"] });
    expect(await it.output()).toBe("a,b,mine");
    expect((await it.backend.get(hitl_id))?.user_response).toEqual({ tags: ["a", "b"] });
  });

  it("requestForm: the form's schema is in data.schema, where a renderer looks for it (DESIGN 4)", async () => {
    const it = setUp(async () =>
      JSON.stringify(await requestForm({ message: "Fill in", schema: z.object({ name: z.string() }) })),
    );
    await it.start();
    expect((await openAsk(it.backend, "t")).data).toMatchObject({
      message: "Fill in",
      schema: { type: "object", properties: { name: { type: "string" } } },
    });
  });

  it("requestAuth: completed from outside by its callback_id", async () => {
    const it = setUp(async () =>
      JSON.stringify(
        await requestAuth({
          message: "Log in",
          auth_url: "https://a",
          provider: "p",
          scopes: ["s"],
          callback_id: "cb",
        }),
      ),
    );
    await it.start();
    const record = await it.backend.getByCallback("cb");
    expect(record?.data).toEqual({ message: "Log in", auth_url: "https://a", provider: "p", scopes: ["s"] });
    await it.backend.respond(String(record?.hitl_id), { status: "granted", reference: "r" });
    await resumeThread(it.graph, { thread_id: "t", backend: it.backend });
    expect(JSON.parse(String(await it.output()))).toEqual({ status: "granted", reference: "r" });
  });
});
