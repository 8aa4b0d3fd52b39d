/** Builds a real graph from a random program, and plays it with a human who answers in any order. */
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  type BaseCheckpointSaver,
  Command,
  END,
  type LangGraphRunnableConfig,
  MemorySaver,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import {
  askUser,
  callsInDoubt,
  type HITLBackend,
  type HITLRecord,
  HITLSuspend,
  HITLToolNode,
  holdpointTools,
  type ResumableGraph,
  respondAndResume,
  resumeThread,
  resumption,
  StoreHITLBackend,
  step,
} from "holdpoint";
import { MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { expect } from "vitest";
import { unanswered } from "../matrix/drive.ts";
import { ai, outputs, pending, toolOf, turns } from "../nodes/kit.ts";
import {
  type Body,
  type CallProgram,
  type GraphProgram,
  type Move,
  outcomeOf,
  runAwait,
  says,
  skips,
  unrolled,
} from "./random-graphs-program.ts";

export type Kind = "HITLToolNode" | "holdpointTools";

const THREAD = "t";
const MAX_TURNS = 300;

const merged = {
  reducer: (some: Record<string, string>, more: Record<string, string>) => ({ ...some, ...more }),
  default: () => ({}),
};
const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  at: Annotation<number>({ reducer: (_, at) => at, default: () => -1 }),
  nodes: Annotation<Record<string, string>>(merged),
});
type GraphState = typeof State.State;

interface Graph extends ResumableGraph {
  getState(config: object): Promise<{ values: unknown; next: readonly string[]; tasks: readonly never[] }>;
}

/** Counts what happens, over both handles. */
class Ledger {
  readonly effects: Record<string, number> = {};

  effect(name: string): void {
    this.effects[name] = (this.effects[name] ?? 0) + 1;
  }
}

class Builder {
  readonly #kind: Kind;
  readonly #backend: HITLBackend;
  readonly #ledger: Ledger;
  readonly #calls = new Map<string, CallProgram>();

  constructor(kind: Kind, backend: HITLBackend, ledger: Ledger) {
    this.#kind = kind;
    this.#backend = backend;
    this.#ledger = ledger;
  }

  #node(): ToolNode {
    const tool = toolOf("tool", ({ path }, runtime) =>
      this.#perform(String(path), runtime as LangGraphRunnableConfig),
    );
    const backend = this.#backend;
    return this.#kind === "HITLToolNode"
      ? new HITLToolNode([tool], { backend })
      : new ToolNode(holdpointTools([tool], { backend }));
  }

  async #perform(path: string, config: LangGraphRunnableConfig): Promise<string> {
    const program = this.#calls.get(path) as CallProgram;
    if (program.call === "respond") {
      this.#ledger.effect(`began ${path}`);
      throw new HITLSuspend({ hitl_type: "ask_user", data: { message: path } });
    }
    if (program.call === "continue") return this.#continue(program.rounds, path);
    const body: Body = {
      ask: async (message) => (await askUser({ message })).answer,
      step: (name) =>
        step(name, async () => {
          this.#ledger.effect(`step ${name}`);
          await turns(1);
          return `s${name}`;
        }),
      graph: (calls, at) => this.#inner(calls, at, config),
      effect: (name) => this.#ledger.effect(name),
    };
    return runAwait(program, path, body);
  }

  #continue(rounds: number, path: string): string {
    const resumed = resumption();
    const heard = [...((resumed?.tool_state?.["heard"] ?? []) as string[])];
    if (resumed) heard.push((resumed.response as { answer: string }).answer);
    this.#ledger.effect(`round ${heard.length} of ${path}`);
    if (heard.length === rounds) return heard.join(",");
    throw new HITLSuspend({
      hitl_type: "ask_user",
      resume_mode: "continuation",
      data: { message: `${path}r${heard.length}` },
      tool_state: { heard },
    });
  }

  async #inner(calls: readonly CallProgram[], at: string, config: LangGraphRunnableConfig): Promise<string> {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("tools", this.#node())
      .addEdge(START, "tools")
      .compile();
    const said = await graph.invoke({ messages: [this.#message(calls, at)] }, config);
    const results = outputs(said);
    return calls.map((_, index) => outputText(results[`${at}-${index}`])).join("|");
  }

  #message(calls: readonly CallProgram[], at: string): AIMessage {
    return ai(
      calls.map((call, index) => {
        const path = `${at}-${index}`;
        this.#calls.set(path, call);
        return { name: "tool", id: path, args: { path } };
      }),
    );
  }

  build(program: GraphProgram, checkpointer: BaseCheckpointSaver): Graph {
    const all = unrolled(program);
    const sub = new StateGraph(MessagesAnnotation)
      .addNode("tools", this.#node())
      .addEdge(START, "tools")
      .compile();
    // The paths are known also in a process that did not say them.
    for (const [at, segment] of all.entries())
      if (segment.segment !== "node") this.#message(segment.calls, `c${at}`);
    const model = ({ at, nodes }: GraphState): Partial<GraphState> => {
      const last = nodes[`n${at}`];
      const next = at + (last !== undefined && skips(last.split(",").at(-1) as string) ? 2 : 1);
      const segment = all[next];
      if (!segment) return { at: next, messages: [new AIMessage("done")] };
      return segment.segment === "node"
        ? { at: next }
        : { at: next, messages: [this.#message(segment.calls, `c${next}`)] };
    };
    const route = ({ at, messages }: GraphState): string | Send[] => {
      const segment = all[at];
      if (!segment) return END;
      if (segment.segment !== "fan") return segment.segment === "node" ? "plain" : segment.segment;
      const calls = (messages.at(-1) as AIMessage).tool_calls ?? [];
      return calls.map(
        (call) => new Send("tools", { messages, lg_tool_call: { ...call, type: "tool_call" } }),
      );
    };
    const plain = async ({ at }: GraphState): Promise<Partial<GraphState>> => {
      const segment = all[at] as { asks: number };
      const answers: string[] = [];
      for (let index = 0; index < segment.asks; index += 1)
        answers.push((await askUser({ message: `n${at}.${index}` })).answer);
      this.#ledger.effect(`n${at}`);
      return { nodes: { [`n${at}`]: answers.join(",") } };
    };
    return new StateGraph(State)
      .addNode("model", model)
      .addNode("tools", this.#node())
      .addNode("sub", sub)
      .addNode("plain", plain)
      .addEdge(START, "model")
      .addConditionalEdges("model", route as never, ["tools", "sub", "plain", END])
      .addEdge("tools", "model")
      .addEdge("sub", "model")
      .addEdge("plain", "model")
      .compile({ checkpointer }) as unknown as Graph;
  }
}

/** An error reads differently in each host. */
const outputText = (content: unknown): string =>
  /^Error: (threw [\w.-]+)\n/.exec(String(content))?.[1] ?? String(content);

interface Handle {
  readonly graph: Graph;
  readonly backend: HITLBackend;
}

class Game {
  readonly #kind: Kind;
  readonly #program: GraphProgram;
  readonly #ledger = new Ledger();
  readonly #handles: readonly [Handle, Handle];

  constructor(kind: Kind, program: GraphProgram) {
    this.#kind = kind;
    this.#program = program;
    const [data, saver] = [new MemoryRecordData(), new MemorySaver()];
    const handle = (): Handle => {
      const backend = new StoreHITLBackend(new MemoryRecordStore({}, data));
      return { backend, graph: new Builder(this.#kind, backend, this.#ledger).build(this.#program, saver) };
    };
    this.#handles = [handle(), handle()];
  }

  #config({ backend }: Handle): object {
    return {
      configurable: { thread_id: THREAD, holdpoint: { backend } },
      durability: "sync",
      recursionLimit: 100,
    };
  }

  async play(moves: readonly Move[]): Promise<void> {
    const [one, other] = this.#handles;
    await one.graph.invoke({ messages: [new HumanMessage("go")] }, this.#config(one));
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      await this.#expectValid();
      const move = moves[turn % moves.length] as Move;
      const [mine, others] = turn % 2 === 0 ? [one, other] : [other, one];
      const open = await pending(mine.backend, THREAD);
      if (open.length > 0) await this.#move(move, open, mine, others);
      else if (await this.#isOver()) return this.#expectOutcome();
      else await resumeThread(mine.graph, { thread_id: THREAD, backend: mine.backend });
    }
    throw new Error("the thread stalls");
  }

  async #move(
    { how, which }: Move,
    open: readonly HITLRecord[],
    mine: Handle,
    others: Handle,
  ): Promise<void> {
    const record = open[which % open.length] as HITLRecord;
    const next = open[(which + 1) % open.length] as HITLRecord;
    const { graph, backend } = mine;
    const respond = (handle: Handle, asked: HITLRecord) =>
      respondAndResume(handle.graph, { ...handle, hitl_id: asked.hitl_id, response: answerOf(asked) });
    switch (how) {
      case "resume":
        expect((await respond(mine, record)).status).toBe("accepted");
        return;
      case "respond":
        expect((await backend.respond(record.hitl_id, answerOf(record))).status).toBe("accepted");
        return;
      case "refused": {
        const bad = { ...mine, hitl_id: record.hitl_id, response: { answer: 7 } };
        expect(await respondAndResume(graph, bad)).toMatchObject({ status: "invalid", resume: null });
        return;
      }
      case "wake":
        await graph.invoke(new Command({ resume: { answer: "of nobody" } }), this.#config(mine));
        return;
      case "null":
        await graph.invoke(null, this.#config(mine));
        return;
      case "thread":
        await resumeThread(graph, { thread_id: THREAD, backend });
        return;
      case "again":
        expect((await respond(mine, record)).status).toBe("accepted");
        expect((await respond(others, record)).status).toBe("duplicate");
        return;
      case "race":
        await Promise.all([respond(mine, record), respond(others, next)]);
        return;
      case "race same": {
        const both = await Promise.all([respond(mine, record), respond(others, record)]);
        expect(both.map(({ status }) => status).toSorted()).toEqual(["accepted", "duplicate"]);
        return;
      }
      default:
        how satisfies never;
    }
  }

  async #state(): ReturnType<Graph["getState"]> {
    const [{ graph }] = this.#handles;
    return graph.getState({ configurable: { thread_id: THREAD } });
  }

  async #isOver(): Promise<boolean> {
    return (await this.#state()).next.length === 0;
  }

  /** All but the calls that are waited for have their answers where they belong. */
  async #expectValid(): Promise<void> {
    const { values, next } = await this.#state();
    const { messages } = values as { messages: BaseMessage[] };
    const last = messages.findLastIndex((message) => message.getType() === "ai");
    const settled = next.length === 0 ? messages : messages.slice(0, last);
    expect(unanswered({ messages: settled })).toEqual([]);
  }

  async #expectOutcome(): Promise<void> {
    const right = await outcomeOf(this.#program);
    const [{ backend }] = this.#handles;
    const { values } = await this.#state();
    const found = Object.entries(outputs(values)).map(([id, content]) => [id, outputText(content)]);
    expect(Object.fromEntries(found)).toEqual(right.outputs);
    expect((values as GraphState).nodes).toEqual(right.nodes);
    expect(this.#ledger.effects).toEqual(right.effects);
    expect((await callsInDoubt(backend)).items).toEqual([]);
    expect(await pending(backend, THREAD)).toEqual([]);
  }
}

const answerOf = (record: HITLRecord): { answer: string } => ({
  answer: says(String(record.data["message"])),
});

export function playGraph(kind: Kind, program: GraphProgram, moves: readonly Move[]): Promise<void> {
  return new Game(kind, program).play(moves);
}
