/** Interrupt nodes that a human answers with an edit; their route leads to a tool that has an effect. */
import { AIMessage } from "@langchain/core/messages";
import { Annotation, END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { approvalNode, type HITLBackend, type HITLRecord, HITLToolNode } from "holdpoint";
import { z } from "zod";
import { callOf } from "../support/agent.ts";
import { Driver, type Response } from "./drive.ts";
import type { Examination } from "./oracle.ts";
import type { Scenario } from "./scenarios.ts";
import { openSite, type Site, textOf } from "./site.ts";
import { toolsOf } from "./tools.ts";
import type { Tripwire } from "./tripwire.ts";

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  draft: Annotation<string>,
  /** What the routes wrote: one line for each time that one was followed. */
  done: Annotation<string[]>({ reducer: (some, more) => [...some, ...more], default: () => [] }),
});

/** Its first draft is not what anybody approves. */
const FIRST = "first draft";
const EDITED = "edited draft";

function reviewNode(name: string, { leaseMs }: Site, backend: HITLBackend) {
  return approvalNode(
    State,
    { message: `${name}?`, editable: { draft: z.string() }, backend, leaseMs },
    {
      approved: { goto: "act", update: ({ comment }) => ({ done: [`${name} approved ${comment}`] }) },
      rejected: END,
      edited: { goto: "act", update: ({ comment }) => ({ done: [`${name} edited ${comment}`] }) },
    },
  );
}

/** START → write → the nodes, side by side → act → tools. */
function reviewed(names: readonly string[], site: Site, backend: HITLBackend, wire: Tripwire) {
  const graph = new StateGraph(State)
    .addNode("write", () => ({ draft: FIRST }))
    .addNode("act", ({ draft }) => ({
      messages: [
        new AIMessage({
          content: "",
          id: "act",
          tool_calls: site.calls.map((call) => ({ ...callOf(call, call), args: { n: draft } })),
        }),
      ],
    }))
    .addNode("tools", new HITLToolNode(toolsOf(site, wire), { backend, leaseMs: site.leaseMs }) as never)
    .addEdge(START, "write")
    .addEdge("act", "tools");
  for (const name of names) {
    const node = reviewNode(name, site, backend);
    graph.addNode(name, node as never, { ends: [...node.ends] }).addEdge("write", name as never);
  }
  return graph;
}

class NodeDriver extends Driver {
  protected override answer(question: HITLRecord): Response {
    const comment = `p${process.pid}`;
    return textOf(question) === "B?"
      ? { decision: "approve", comment }
      : { decision: "edit", values: { draft: EDITED }, comment };
  }
}

function checkRoutes(names: readonly string[], end: Examination, after: readonly string[] = []): void {
  for (const name of names) end.checkAsked(`${name}?`);
  const followed = names.map((name) => {
    const answer = end.asked(`${name}?`)[0]?.user_response;
    const { decision, comment } = (answer ?? {}) as { decision?: string; comment?: string };
    return `${name} ${decision === "edit" ? "edited" : "approved"} ${comment}`;
  });
  const done = (end.values["done"] as string[]).toSorted();
  end.check(
    done.join() === [...followed, ...after].toSorted().join(),
    `the routes wrote ${done.join()}, not ${followed.join()}`,
  );
  end.check(end.values["draft"] === EDITED, `the draft is "${String(end.values["draft"])}"`);
  const args = end.messages
    .flatMap((message) => (message as AIMessage).tool_calls ?? [])
    .map((call) => call.args);
  end.check(
    args.every(({ n }) => n === EDITED) && args.length === end.site.calls.length,
    `the tools were called with ${JSON.stringify(args)}`,
  );
  end.checkTurns(1);
  end.checkCalls();
}

function nodes(names: readonly string[]): Scenario {
  return {
    open: (site, wire) =>
      openSite(site, wire, {}, (backend, checkpointer) =>
        reviewed(names, site, backend, wire).compile({ checkpointer }),
      ),
    driver: (world) => new NodeDriver(world),
    examine: async (_world, end) => checkRoutes(names, end),
  };
}

const inSubgraph: Scenario = {
  ...nodes(["A"]),
  open: (site, wire) =>
    openSite(site, wire, {}, (backend, checkpointer) =>
      new StateGraph(State)
        .addNode("inner", reviewed(["A"], site, backend, wire).compile())
        .addNode("after", () => ({ done: ["after"] }))
        .addEdge(START, "inner")
        .addEdge("inner", "after")
        .compile({ checkpointer }),
    ),
  examine: async (_world, end) => checkRoutes(["A"], end, ["after"]),
};

export const nodesScenarios = {
  "approval node": nodes(["A"]),
  "approval node in a subgraph": inSubgraph,
  "two approval nodes": nodes(["A", "B"]),
} as const;
