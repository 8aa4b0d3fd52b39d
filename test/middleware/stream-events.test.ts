/** `streamEvents` of version 3: what langchain makes of a tool that waits for a human. */
import { MemorySaver } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { InMemoryHITLBackend, respondAndResume } from "../../src/index.ts";
import { Counter, pending, thread } from "../nodes/kit.ts";
import { agentOf, go, payTool, VERSIONS } from "./kit.ts";

interface Run extends AsyncIterable<unknown> {
  readonly toolCalls: AsyncIterable<{ readonly output: Promise<unknown> }>;
}

describe.each(VERSIONS)("createAgent %s, streamEvents v3", (version) => {
  it("a tool that asks has not failed: its promise is not rejected, which would end a process that does not listen", async () => {
    const counter = new Counter();
    const backend = new InMemoryHITLBackend();
    const turns = [[{ name: "pay", id: "p" }]];
    const { agent } = agentOf({
      version,
      backend,
      checkpointer: new MemorySaver(),
      tools: [payTool(counter)],
      turns,
    });
    const run = (await agent.streamEvents(go, { ...thread("t"), version: "v3" })) as unknown as Run;
    const calls: { readonly output: Promise<unknown> }[] = [];
    const collected = (async () => {
      for await (const call of run.toolCalls) calls.push(call);
    })();
    for await (const _ of run);
    await collected;
    expect(calls).toHaveLength(1);
    // As langchain does with a tool that LangGraph's own interrupt has stopped, once the run is over.
    await expect(calls[0]?.output).resolves.toBeUndefined();
    const [open] = await pending(backend, "t");
    await respondAndResume(agent.graph, {
      backend,
      hitl_id: open?.hitl_id ?? "",
      response: { confirmed: true },
    });
    expect(counter.of("pay effect")).toBe(1);
  });
});
