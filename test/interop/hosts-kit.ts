/** One run of calls on each of the hosts, answered by the values of commands. */
import type { AIMessage } from "@langchain/core/messages";
import {
  type BaseCheckpointSaver,
  Command,
  END,
  MemorySaver,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import {
  askUser,
  confirm,
  type HITLBackend,
  type HITLRecord,
  HITLToolNode,
  holdpointTools,
  requestPermission,
} from "../../src/index.ts";
import { agentOf, go } from "../middleware/kit.ts";
import { Counter, input, outputs, pending, thread, toolOf, toolsGraph } from "../nodes/kit.ts";

export const HOSTS = ["HITLToolNode", "holdpointTools", "Send", "createAgent v1", "createAgent v2"] as const;
type Host = (typeof HOSTS)[number];
type Call = { name: string; args: Record<string, unknown>; id: string };

interface Run {
  start(): Promise<unknown>;
  resume(value: unknown, configurable?: object): Promise<unknown>;
  again(): Promise<unknown>;
  graph: never;
}

function payTool(counter: Counter) {
  return toolOf("pay", async (args) => {
    const answer = await requestPermission({
      message: `Pay ${String(args["to"])}?`,
      tool: "pay",
      args,
      allowed_decisions: ["approve_once", "edit", "reject", "respond", "skip"],
    });
    counter.hit(`${answer.decision} ${String(args["to"])}`);
    return JSON.stringify(answer);
  });
}

export const ASK = {
  go: toolOf("go", async () => String((await confirm({ message: "Go?" })).confirmed)),
  name: toolOf("name", async () => (await askUser({ message: "Name?" })).answer),
  twice: toolOf("twice", async () => {
    const first = await confirm({ message: "First?" });
    const second = await confirm({ message: "Second?" });
    return `${first.confirmed} ${second.confirmed}`;
  }),
};

export function runOf(
  host: Host,
  backend: HITLBackend,
  calls: readonly Call[],
  counter = new Counter(),
  checkpointer: BaseCheckpointSaver = new MemorySaver(),
): Run {
  const tools = [payTool(counter), ASK.go, ASK.name, ASK.twice];
  const graphOf = () => {
    if (host === "HITLToolNode") return toolsGraph(new HITLToolNode(tools, { backend }), checkpointer);
    if (host === "holdpointTools")
      return toolsGraph(new ToolNode(holdpointTools(tools, { backend })), checkpointer);
    if (host === "Send")
      return new StateGraph(MessagesAnnotation)
        .addNode("tools", new HITLToolNode(tools, { backend }))
        .addConditionalEdges(START, ({ messages }) =>
          ((messages.at(-1) as AIMessage).tool_calls ?? []).map(
            (call) => new Send("tools", { lg_tool_call: call }),
          ),
        )
        .addEdge("tools", END)
        .compile({ checkpointer });
    const version = host === "createAgent v1" ? "v1" : "v2";
    return agentOf({ version, backend, tools, turns: [calls], checkpointer }).agent;
  };
  const graph = graphOf() as unknown as { invoke(input: unknown, config: unknown): Promise<unknown> };
  const first = host.startsWith("createAgent") ? go : input(...calls);
  return {
    graph: graph as never,
    start: () => graph.invoke(first, thread("t")),
    resume: (value, configurable = {}) =>
      graph.invoke(new Command({ resume: value as never }), {
        configurable: { thread_id: "t", ...configurable },
      }),
    again: () => graph.invoke(null, thread("t")),
  };
}

export function said(result: unknown): Record<string, unknown> {
  const texts = outputs(result);
  return Object.fromEntries(
    Object.entries(texts).map(([id, text]) => {
      try {
        return [id, JSON.parse(String(text))];
      } catch {
        return [id, text];
      }
    }),
  );
}

export async function openBy(backend: HITLBackend): Promise<Record<string, HITLRecord>> {
  return Object.fromEntries(
    (await pending(backend, "t")).map((record) => [String(record.data["message"]), record]),
  );
}

export const idOf = (record: HITLRecord | undefined): string => record?.interrupt_id as string;
export const payCall = (to: string, id: string): Call => ({ name: "pay", args: { to, amount: 40 }, id });
