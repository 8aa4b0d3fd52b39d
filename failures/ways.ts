/** The two ways to build and to answer one graph. Everything in which the two sides of a failure differ is here. */
import type { StructuredToolInterface } from "@langchain/core/tools";
import { Command, interrupt } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import {
  confirm,
  type HITLBackend,
  hitlMiddleware,
  HITLToolNode,
  InMemoryHITLBackend,
  requestForm,
  respondAndResume,
  resumeThread,
} from "holdpoint";
import { type AgentMiddleware, humanInTheLoopMiddleware } from "langchain";
import { CONFIG, type Graph, interruptsOf, THREAD } from "./graphs.ts";

/** A question, as whoever answers it finds it. */
export interface Ask {
  /** What an answer is addressed to. */
  readonly id: string;
  readonly message: string;
}

/** langchain's `interruptOn`, as far as it is used here. */
export type InterruptOn = Readonly<
  Record<string, true | { readonly allowedDecisions: readonly ("approve" | "edit" | "reject" | "respond")[] }>
>;

export type ReviewDecision =
  | { readonly type: "approve" }
  | { readonly type: "edit"; readonly args: Readonly<Record<string, unknown>> }
  | { readonly type: "reject" | "respond"; readonly message: string };

export interface Way {
  /** The node that runs the tools. */
  toolNode(tools: readonly StructuredToolInterface[]): ToolNode;
  /** What an agent of langchain needs whose tools ask by themselves. */
  tools(): AgentMiddleware[];
  /** What has an agent's calls of these tools approved before they run. */
  approvals(interruptOn: InterruptOn): AgentMiddleware;
  /** The names of the tools whose calls wait for approval. */
  pendingApprovals(graph: Graph): Promise<string[]>;
  /** Decides about calls, by the name of their tool, as the documents say. @returns what the caller is told */
  decide(graph: Graph, decisions: Readonly<Record<string, ReviewDecision>>): Promise<string[]>;
  /** Hands on what a user interface has sent. @returns what the caller is told */
  submit(graph: Graph, sent: unknown): Promise<string>;
  /** In a tool: may this be done? */
  confirm(message: string): Promise<boolean>;
  /** In a tool: any JSON value. */
  ask(message: string): Promise<unknown>;
  /** The questions of the thread that can be seen and answered now. */
  open(graph: Graph): Promise<Ask[]>;
  /** Answers one question and lets the graph go on. @returns what the caller is told */
  answer(graph: Graph, id: string, response: unknown): Promise<string>;
  /** The same for the only question of a thread, in the shortest form that there is. */
  answerOnly(graph: Graph, id: string, response: unknown): Promise<string>;
  /** Lets the thread go on, whatever it waits for. @returns what the caller is told */
  wake(graph: Graph): Promise<string>;
}

/** Answers the question with this message. @throws Error if nobody can see it */
export async function answerTo(way: Way, graph: Graph, message: string, response: unknown): Promise<string> {
  const asks = await way.open(graph);
  const found = asks.find((ask) => ask.message === message);
  if (!found) throw new Error(`"${message}" is not open; open: ${asks.map((ask) => ask.message).join(", ")}`);
  return way.answer(graph, found.id, response);
}

export const YES = { confirmed: true } as const;

/** The value as it is, by `Command({ resume })`. @returns what the caller is told */
async function resumeWith(graph: Graph, value: unknown): Promise<string> {
  try {
    const result = (await graph.invoke(new Command({ resume: value as never }), CONFIG)) as object;
    return Object.values(result).flat().length === 0 ? "an empty result" : "a result";
  } catch (error) {
    return (error as Error).name;
  }
}

/** What an interrupt of holdpoint says of the last answer, if that could not be used. */
interface Problems {
  readonly issues?: readonly { readonly code: string }[];
}

/** As holdpoint's `permission` has it. */
function permissionOf(decision: ReviewDecision): object {
  if (decision.type === "approve") return { decision: "approve_once" };
  if (decision.type === "edit") return { decision: "edit", edited_args: decision.args };
  return { decision: decision.type, message: decision.message };
}

/** LangGraph's own: `ToolNode`, `interrupt()`, `Command({ resume })`. */
export function stockWay(): Way {
  const pendingApprovals = async (graph: Graph): Promise<string[]> =>
    (await interruptsOf(graph)).flatMap(({ value }) =>
      (value as { actionRequests: { name: string }[] }).actionRequests.map(({ name }) => name),
    );
  return {
    toolNode: (tools) => new ToolNode([...tools]),
    tools: () => [],
    approvals: (interruptOn) =>
      humanInTheLoopMiddleware({ interruptOn: interruptOn as never }) as unknown as AgentMiddleware,
    pendingApprovals,
    // One list for all calls, in their order.
    decide: async (graph, given) => {
      const decisions = (await pendingApprovals(graph)).map((name) => {
        const decision = given[name] as ReviewDecision;
        return decision.type === "edit"
          ? { type: "edit", editedAction: { name, args: decision.args } }
          : decision;
      });
      return [await resumeWith(graph, { decisions })];
    },
    submit: resumeWith,
    confirm: async (message) => (interrupt({ message }) as typeof YES).confirmed,
    ask: async (message) => interrupt({ message }) as unknown,
    open: async (graph) =>
      (await interruptsOf(graph)).map(({ id, value }) => ({
        id,
        message: (value as { message: string }).message,
      })),
    answer: (graph, id, response) => resumeWith(graph, { [id]: response }),
    answerOnly: (graph, _id, response) => resumeWith(graph, response),
    wake: (graph) => resumeWith(graph, YES),
  };
}

/** holdpoint: `HITLToolNode`, `confirm`, `respondAndResume`. */
export function ownWay(backend: HITLBackend = new InMemoryHITLBackend()): Way {
  const answer: Way["answer"] = async (graph, hitl_id, response) => {
    const outcome = await respondAndResume(graph, { backend, hitl_id, response });
    if (outcome.status !== "invalid") return outcome.status;
    return `invalid at ${outcome.issues.map(({ path }) => path.join(".")).join(", ")}`;
  };
  const pending = async () => (await backend.list({ thread_id: THREAD, status: "pending" })).items;
  return {
    toolNode: (tools) => new HITLToolNode([...tools], { backend }),
    tools: () => [hitlMiddleware({ backend })],
    approvals: (interruptOn) => hitlMiddleware({ backend, interruptOn }),
    pendingApprovals: async () => (await pending()).map(({ tool_name }) => tool_name ?? ""),
    decide: async (graph, given) => {
      const told: string[] = [];
      for (const { hitl_id, tool_name } of await pending())
        told.push(await answer(graph, hitl_id, permissionOf(given[tool_name ?? ""] as ReviewDecision)));
      return told;
    },
    submit: async (graph, sent) => {
      const told = await resumeWith(graph, sent);
      const problems = (await interruptsOf(graph)).flatMap(({ value }) => (value as Problems).issues ?? []);
      return problems.length === 0 ? told : problems.map(({ code }) => code).join(", ");
    },
    confirm: async (message) => (await confirm({ message })).confirmed,
    ask: (message) => requestForm({ message, schema: {} }),
    open: async () =>
      (await pending()).map(({ hitl_id, data }) => ({ id: hitl_id, message: data["message"] as string })),
    answer,
    answerOnly: answer,
    wake: async (graph) => (await resumeThread(graph, { backend, thread_id: THREAD })).status,
  };
}
