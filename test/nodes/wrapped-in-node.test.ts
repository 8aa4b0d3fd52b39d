/** Tools that are wrapped already, given to HITLToolNode: one record per call, whoever wraps it. */
import { describe, expect, it } from "vitest";
import { confirm, HITLToolNode, holdpointTools, InMemoryHITLBackend } from "../../src/index.ts";
import { answer, Counter, input, outputs, pending, thread, toolOf, toolsGraph } from "./kit.ts";

describe("wrapped tools in HITLToolNode", () => {
  it("ask once, are answered once and run their effect once (P2, P6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const pay = toolOf("pay", async () => {
      const { confirmed } = await confirm({ message: "Pay?" });
      counter.hit("paid");
      return `${confirmed}`;
    });
    const look = toolOf("look", () => `looked ${counter.hit("look")}`);
    const graph = toolsGraph(new HITLToolNode(holdpointTools([pay, look], { backend }), { backend }));
    await graph.invoke(input({ name: "pay", id: "p" }, { name: "look", id: "l" }), thread("t"));
    expect(await pending(backend, "t")).toHaveLength(1);
    await answer(graph, backend, "t", "Pay?", { confirmed: true });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "true", l: "looked 1" });
    expect(counter.all()).toEqual({ paid: 1, look: 1 });
  });
});
