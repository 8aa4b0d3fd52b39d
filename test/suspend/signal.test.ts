/** The signal itself: aury's ten keys, cheap, branded, and the same for every copy of the package. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isGraphInterrupt } from "@langchain/langgraph";
import { afterAll, describe, expect, it } from "vitest";
import * as holdpoint from "../../src/index.ts";
import { answer, input, openAsk, outputs, thread, toolOf, toolsGraph } from "../nodes/kit.ts";

const { HITLSuspend, HITLToolNode, InMemoryHITLBackend, isHITLSuspend, isHoldpointError } = holdpoint;

const TEN = [
  "hitl_id",
  "hitl_type",
  "data",
  "node_id",
  "tool_name",
  "block_id",
  "metadata",
  "resume_mode",
  "tool_state",
  "checkpoint_id",
];

describe("HITLSuspend", () => {
  it("toJSON gives exactly aury's ten keys, with aury's defaults", () => {
    const signal = new HITLSuspend({});
    expect(Object.keys(signal.toJSON())).toEqual(TEN);
    expect(signal.toJSON()).toEqual({
      hitl_id: expect.stringMatching(/^hitl_[0-9a-f]{12,}$/),
      hitl_type: "ask_user",
      data: {},
      node_id: null,
      tool_name: null,
      block_id: null,
      metadata: {},
      resume_mode: "response",
      tool_state: null,
      checkpoint_id: null,
    });
  });

  it("survives JSON, with all of its fields", () => {
    const full = new HITLSuspend({
      hitl_id: "hitl_abc",
      hitl_type: "confirm",
      data: { message: "x", n: [1] },
      node_id: "n",
      tool_name: "t",
      block_id: "b",
      metadata: { a: 1 },
      resume_mode: "continuation",
      tool_state: { s: 0 },
      checkpoint_id: "ckpt_1",
    });
    const back = HITLSuspend.fromJSON(JSON.parse(JSON.stringify(full)));
    expect(back.toJSON()).toEqual(full.toJSON());
    expect(back.is_continuation).toBe(true);
    expect(isHITLSuspend(back)).toBe(true);
    expect(HITLSuspend.fromJSON({ hitl_id: "x" }).toJSON()).toMatchObject({
      hitl_type: "ask_user",
      data: {},
      resume_mode: "response",
    });
  });

  it.each([
    [{}],
    [null],
    ["text"],
    [[]],
    [{ hitl_id: 1 }],
    [{ hitl_id: "x", resume_mode: "other" }],
    [{ hitl_id: "x", data: 1 }],
    [{ hitl_id: "" }],
    [{ hitl_id: "x", hitl_type: 5 }],
    [{ hitl_id: "x", tool_state: "s" }],
    [{ hitl_id: "x", node_id: 3 }],
  ])("fromJSON refuses %j with a typed error", (json) => {
    expect(() => HITLSuspend.fromJSON(json)).toThrow(expect.objectContaining({ name: "HoldpointError" }));
  });

  it("has aury's message, LangGraph's name, our brand, and no expensive stack", () => {
    const signal = new HITLSuspend({ hitl_id: "hitl_1", hitl_type: "confirm" });
    expect(signal.message).toBe("HITL suspend: confirm (hitl_1)");
    expect(signal.name).toBe("GraphInterrupt");
    expect(signal).toBeInstanceOf(Error);
    expect(isGraphInterrupt(signal)).toBe(true);
    expect(isHITLSuspend(signal)).toBe(true);
    expect(isHITLSuspend(new Error("x"))).toBe(false);
    expect(isHITLSuspend(null)).toBe(false);
    expect(signal.stack ?? "").not.toContain("\n    at ");
    expect(Error.stackTraceLimit).toBeGreaterThan(0);
    expect(new Error("later").stack).toContain("\n    at ");
    expect(signal.is_continuation).toBe(false);
  });

  it("refuses what is not JSON before anything is thrown around", () => {
    expect(() => new HITLSuspend({ data: { big: 1n } })).toThrow(
      expect.objectContaining({ code: "ERR_HITL_NOT_JSON" }),
    );
    expect(() => new HITLSuspend({ tool_state: { f: () => 1 } })).toThrow(
      expect.objectContaining({ code: "ERR_HITL_NOT_JSON" }),
    );
  });

  it("its data is a copy: what the tool changes later does not change the question", () => {
    const data = { message: "a", list: [1] };
    const signal = new HITLSuspend({ data });
    data.message = "b";
    data.list.push(2);
    expect(signal.data).toEqual({ message: "a", list: [1] });
  });
});

describe("an own hitl_id (P2)", () => {
  const graphOf = (backend: InstanceType<typeof InMemoryHITLBackend>) =>
    toolsGraph(
      new HITLToolNode(
        [
          toolOf("it", ({ who }) => {
            throw new HITLSuspend({ hitl_id: "approval", data: { message: `For ${String(who)}?` } });
          }),
        ],
        { backend },
      ),
    );

  it("is an alias in its thread; two threads may use it, and thread_id tells them apart", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = graphOf(backend);
    for (const who of ["t1", "t2"])
      await graph.invoke(input({ name: "it", args: { who }, id: "c" }), thread(who));
    await expect(
      holdpoint.respondAndResume(graph, { backend, hitl_id: "approval", response: { answer: "x" } }),
    ).rejects.toMatchObject({ code: "ERR_HITL_AMBIGUOUS_ID" });
    for (const thread_id of ["t2", "t1"]) {
      const { status, resume } = await holdpoint.respondAndResume(graph, {
        backend,
        hitl_id: "approval",
        thread_id,
        response: { answer: thread_id },
      });
      expect([status, resume?.status]).toEqual(["accepted", "resumed"]);
      expect(outputs((await graph.getState(thread(thread_id))).values)).toEqual({
        c: `{"answer":"${thread_id}"}`,
      });
    }
  });

  it("is found by get as long as one thread uses it", async () => {
    const backend = new InMemoryHITLBackend();
    await graphOf(backend).invoke(input({ name: "it", args: { who: "a" }, id: "c" }), thread("t1"));
    expect(await backend.get("approval")).toMatchObject({ thread_id: "t1", status: "pending" });
  });

  it("used by two calls of one step it names two questions, not one (P2)", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = graphOf(backend);
    await graph.invoke(
      input({ name: "it", args: { who: "a" }, id: "c1" }, { name: "it", args: { who: "b" }, id: "c2" }),
      thread("t"),
    );
    await answer(graph, backend, "t", "For a?", { answer: "A" });
    await answer(graph, backend, "t", "For b?", { answer: "B" });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
      c1: '{"answer":"A"}',
      c2: '{"answer":"B"}',
    });
  });
});

describe("two copies of the package", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-copy-"));
  cpSync(new URL("../../src", import.meta.url), join(folder, "src"), { recursive: true });
  symlinkSync(new URL("../../node_modules", import.meta.url), join(folder, "node_modules"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const load = async (): Promise<typeof holdpoint> =>
    (await import(pathToFileURL(join(folder, "src/index.ts")).href)) as typeof holdpoint;

  it("know each other's signals and errors", async () => {
    const other = await load();
    expect(other.HITLSuspend).not.toBe(HITLSuspend);
    expect(isHITLSuspend(new other.HITLSuspend({}))).toBe(true);
    expect(other.isHITLSuspend(new HITLSuspend({}))).toBe(true);
    expect(isHoldpointError(new other.HoldpointError("ERR_HITL_STORE", "x"), "ERR_HITL_STORE")).toBe(true);
    expect(other.isHITLExpiredError(new holdpoint.HITLExpiredError("h"))).toBe(true);
  });

  it("a tool that throws the other copy's signal suspends in our node", async () => {
    const other = await load();
    const backend = new InMemoryHITLBackend();
    const graph = toolsGraph(
      new HITLToolNode(
        [
          toolOf("it", () => {
            throw new other.HITLSuspend({ data: { message: "Which?" } });
          }),
        ],
        { backend },
      ),
    );
    await graph.invoke(input({ name: "it", id: "c" }), thread("t"));
    await answer(graph, backend, "t", "Which?", { answer: "this" });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ c: '{"answer":"this"}' });
  });

  it("a tool that calls the other copy's confirm and step is part of our node's call", async () => {
    const other = await load();
    const backend = new InMemoryHITLBackend();
    let ran = 0;
    const graph = toolsGraph(
      new HITLToolNode(
        [
          toolOf("it", async () => {
            await other.step("once", () => (ran += 1));
            const { confirmed } = await other.confirm({ message: "Go?" });
            return `${confirmed}`;
          }),
        ],
        { backend },
      ),
    );
    await graph.invoke(input({ name: "it", id: "c" }), thread("t"));
    await openAsk(backend, "t", "Go?");
    await answer(graph, backend, "t", "Go?", { confirmed: true });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ c: "true" });
    expect(ran).toBe(1);
  });
});

describe("an uncaught signal", () => {
  it("says what it is, with what to do, when it ends a process", () => {
    const code = `import { HITLSuspend } from "${new URL("../../src/index.ts", import.meta.url).href}"; throw new HITLSuspend({ hitl_id: "hitl_1" });`;
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "-e", code],
      { encoding: "utf8", cwd: new URL("../..", import.meta.url) },
    );
    expect(status).toBe(1);
    expect(stderr).toContain("HITL suspend: ask_user (hitl_1)");
  });
});
