/** A chat through AG-UI's client of LangGraph: a graph with a tool node of ours, a server of ours, nothing else. */
import type { RunAgentParameters } from "@ag-ui/client";
import { type BaseEvent, EventType, type Interrupt, type RunFinishedEvent } from "@ag-ui/core";
import { LangGraphAgent, type LangGraphAgentConfig } from "@ag-ui/langgraph";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { END, MemorySaver, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph";
import {
  askUser,
  confirm,
  HITLToolNode,
  InMemoryHITLBackend,
  type InterruptPayload,
  requestForm,
  requestPermission,
} from "../../../src/index.ts";
import { createLangGraphServer } from "../../../src/server/langgraph/index.ts";
import { Counter, toolOf } from "../../nodes/kit.ts";
import { clientOf, URL_OF_SERVER } from "../../server-langgraph/kit.ts";

export const EXPIRES_AT: number = Date.UTC(2126, 10, 21, 10);

function toolsOf(counter: Counter) {
  const pay = toolOf("pay", async (args) => {
    const answer = await requestPermission({
      message: "Pay?",
      tool: "pay",
      args,
      allowed_decisions: ["approve_once", "edit", "reject", "respond", "skip"],
    });
    if (answer.decision === "respond") return `told ${answer.message}`;
    if (answer.decision !== "approve_once" && answer.decision !== "edit") return answer.decision;
    const { amount } = (answer.decision === "edit" ? answer.edited_args : args) as { amount: number };
    counter.hit("pay");
    return `paid ${amount}`;
  });
  const go = toolOf("go", async () => {
    const { confirmed } = await confirm({ message: "Go?", expires_at: EXPIRES_AT });
    if (confirmed) counter.hit("go");
    return confirmed ? "gone" : "stayed";
  });
  const name = toolOf("name", async () => `hello ${String((await askUser({ message: "Name?" })).answer)}`);
  const trip = toolOf("trip", async () => {
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const { city } = (await requestForm({ message: "Where to?", schema })) as { city: string };
    return `to ${city}`;
  });
  return [pay, go, name, trip];
}

const callsOf = (message: BaseMessage | undefined) => (message as AIMessage | undefined)?.tool_calls ?? [];

/** Calls the tools that the user names, all in one step, or each in a task of its own. */
function graphOf(backend: InMemoryHITLBackend, counter: Counter, inTasks: boolean) {
  return new StateGraph(MessagesAnnotation)
    .addNode("agent", ({ messages }) => {
      const last = messages.at(-1);
      if (last?.getType() !== "human") return { messages: [new AIMessage({ id: "done", content: "done" })] };
      const tool_calls = last.text
        .split(" ")
        .map((name) => ({ name, args: name === "pay" ? { amount: 40 } : {}, id: `call_${name}` }));
      return { messages: [new AIMessage({ id: "calls", content: "", tool_calls })] };
    })
    .addNode("tools", new HITLToolNode(toolsOf(counter), { backend }))
    .addEdge(START, "agent")
    .addConditionalEdges("agent", ({ messages }) => {
      const calls = callsOf(messages.at(-1));
      if (calls.length === 0) return END;
      return inTasks ? calls.map((call) => new Send("tools", { lg_tool_call: call })) : "tools";
    })
    .addEdge("tools", "agent")
    .compile({ checkpointer: new MemorySaver() });
}

export interface Ran {
  readonly events: readonly BaseEvent[];
  readonly finished: RunFinishedEvent | undefined;
}

export interface Chat {
  readonly agent: LangGraphAgent;
  readonly backend: InMemoryHITLBackend;
  readonly counter: Counter;
  run(parameters?: RunAgentParameters): Promise<Ran>;
  /** Another client of the same thread, which has seen nothing of it. */
  again(): Chat;
  /** The one interrupt that is open. */
  only(): Interrupt;
  /** What our node has shown as this interrupt. */
  shown(): InterruptPayload;
  /** What the tools have said, by their names. */
  said(): Record<string, unknown>;
}

type Options = Partial<LangGraphAgentConfig> & { readonly inTasks?: boolean };

export function chatOf(says: string, { inTasks = false, ...config }: Options = {}): Chat {
  const backend = new InMemoryHITLBackend();
  const counter = new Counter();
  const server = createLangGraphServer({ graphs: { agent: graphOf(backend, counter, inTasks) }, backend });
  return chatBy({ backend, counter }, () => ({
    client: clientOf(server),
    deploymentUrl: URL_OF_SERVER,
    graphId: "agent",
    initialMessages: [{ id: "u1", role: "user", content: says }],
    ...config,
  }));
}

function chatBy(
  { backend, counter }: Pick<Chat, "backend" | "counter">,
  configOf: () => LangGraphAgentConfig,
): Chat {
  const agent = new LangGraphAgent(configOf());
  const only = (): Interrupt => {
    const [interrupt, ...others] = agent.pendingInterrupts;
    if (!interrupt || others.length > 0) throw new Error(`${agent.pendingInterrupts.length} are open`);
    return interrupt;
  };
  return {
    agent,
    backend,
    counter,
    async run(parameters = {}) {
      const events: BaseEvent[] = [];
      await agent.runAgent(parameters, { onEvent: ({ event }) => void events.push(event) });
      return { events, finished: events.find(isFinish) };
    },
    again() {
      return chatBy({ backend, counter }, () => ({
        ...configOf(),
        threadId: agent.threadId,
        initialMessages: [],
      }));
    },
    only,
    shown() {
      const { langgraph } = (only().metadata ?? {}) as { langgraph: { raw: InterruptPayload } };
      return langgraph.raw;
    },
    said: () =>
      Object.fromEntries(
        agent.messages.flatMap((message) =>
          message.role === "tool" ? [[message.toolCallId.slice("call_".length), message.content]] : [],
        ),
      ),
  };
}

function isFinish(event: BaseEvent): event is RunFinishedEvent {
  return event.type === EventType.RUN_FINISHED;
}
