/** One scripted agent, once with langchain's `humanInTheLoopMiddleware` and once with ours, and the same decisions for both. */
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { tool } from "@langchain/core/tools";
import { type BaseCheckpointSaver, Command, MemorySaver } from "@langchain/langgraph";
import {
  type HITLBackend,
  hitlMiddleware,
  type HITLRecord,
  InMemoryHITLBackend,
  resumeThread,
} from "holdpoint";
import { type AgentMiddleware, createAgent, humanInTheLoopMiddleware } from "langchain";
import { z } from "zod";
import { respondFrom, type SupersetPayload } from "../../../src/interop/index.ts";
import type { InterruptOn } from "../../../src/policy/index.ts";
import { ScriptedModel } from "../../nodes/kit.ts";
import type { Version } from "../kit.ts";

export const T = "t";
export const CONFIG = { configurable: { thread_id: T } };
export type Decision = Readonly<Record<string, unknown>> & { readonly type: string };

export interface Setup {
  readonly version?: Version;
  /** The calls of each turn of the model. */
  readonly turns: readonly (readonly ToolCall[])[];
  readonly interruptOn?: InterruptOn;
  readonly descriptionPrefix?: string;
  readonly checkpointer?: BaseCheckpointSaver | null;
  readonly schemas?: Readonly<Record<string, z.ZodType>>;
  readonly context?: Readonly<Record<string, unknown>>;
  /** Tools whose result ends the run. */
  readonly returnDirect?: readonly string[];
  /** Before it in the list, and after it. */
  readonly before?: readonly AgentMiddleware[];
  readonly after?: readonly AgentMiddleware[];
}

export type Shown = Readonly<Record<string, unknown>>;

/** What can be seen of an agent from outside, whichever middleware it has. */
export interface Run {
  readonly effects: string[];
  readonly model: ScriptedModel;
  readonly agent: ReturnType<typeof agentWith>;
  start(text?: string): Promise<Readonly<Record<string, unknown>>>;
  /** The reviews that wait, in the order in which they are shown. */
  shown(): Promise<{ actions: Shown[]; reviews: Shown[] }>;
  /** By the ids of the calls; in ours question by question. @returns what the caller is told is wrong */
  decide(decisions: Readonly<Record<string, Decision>>): Promise<string[]>;
  /** By `Command({ resume })`, as it comes from a user interface. @returns what the caller is told is wrong */
  submit(value: unknown): Promise<string[]>;
  messages(): Promise<BaseMessage[]>;
}

export function call(name: string, id: string, args: Record<string, unknown> = {}): ToolCall {
  return { type: "tool_call", name, id, args };
}

function agentWith(middleware: AgentMiddleware, model: ScriptedModel, effects: string[], setup: Setup) {
  const {
    version = "v2",
    checkpointer,
    schemas = {},
    turns,
    returnDirect = [],
    before = [],
    after = [],
  } = setup;
  const names = new Set([...turns.flat().map(({ name }) => name), ...Object.keys(schemas), "other"]);
  const tools = [...names].map((name) =>
    tool(
      (args) => {
        effects.push(`${name} ${JSON.stringify(args)}`);
        return `${name} done`;
      },
      {
        name,
        description: name,
        schema: (schemas[name] as z.ZodObject | undefined) ?? z.looseObject({}),
        returnDirect: returnDirect.includes(name),
      },
    ),
  );
  return createAgent({
    model,
    tools,
    version,
    middleware: [...before, middleware, ...after],
    ...(checkpointer === null ? {} : { checkpointer: checkpointer ?? new MemorySaver() }),
  });
}

function modelOf({ turns }: Setup): ScriptedModel {
  return new ScriptedModel(
    turns.map((tool_calls) => new AIMessage({ content: "", tool_calls: structuredClone([...tool_calls]) })),
  );
}

async function told(run: () => Promise<unknown>): Promise<string[]> {
  try {
    await run();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

export function theirs(setup: Setup): Run {
  const effects: string[] = [];
  const model = modelOf(setup);
  const { interruptOn, descriptionPrefix } = setup;
  const middleware = humanInTheLoopMiddleware({
    ...(interruptOn ? { interruptOn: interruptOn as never } : {}),
    ...(descriptionPrefix === undefined ? {} : { descriptionPrefix }),
  });
  const agent = agentWith(middleware as unknown as AgentMiddleware, model, effects, setup);
  const config = { ...CONFIG, ...(setup.context ? { context: setup.context } : {}) } as typeof CONFIG;
  const submit = (resume: unknown) => told(() => agent.invoke(new Command({ resume }) as never, config));
  return {
    effects,
    model,
    agent,
    start: (text = "go") => agent.invoke({ messages: [new HumanMessage(text)] }, config),
    shown: async () => {
      const values = await waiting(agent);
      return {
        actions: values.flatMap(({ actionRequests }) => actionRequests),
        reviews: values.flatMap(({ reviewConfigs }) => reviewConfigs),
      };
    },
    // By their order alone; each test gives them in the order of the calls.
    decide: (decisions) => submit({ decisions: Object.values(decisions) }),
    submit,
    messages: async () => messagesOf(agent),
  };
}

interface HITLRequestValue {
  readonly actionRequests: Shown[];
  readonly reviewConfigs: Shown[];
}

async function waiting(agent: Run["agent"]): Promise<HITLRequestValue[]> {
  const { tasks } = await agent.graph.getState(CONFIG);
  return tasks.flatMap(({ interrupts }) => interrupts.map(({ value }) => value as HITLRequestValue));
}

export interface OwnRun extends Run {
  readonly backend: HITLBackend;
  open(): Promise<readonly HITLRecord[]>;
}

export function ours(setup: Setup, backend: HITLBackend = new InMemoryHITLBackend()): OwnRun {
  const effects: string[] = [];
  const model = modelOf(setup);
  const { interruptOn, descriptionPrefix } = setup;
  const agent = agentWith(
    hitlMiddleware({ backend, interruptOn, descriptionPrefix }) as AgentMiddleware,
    model,
    effects,
    setup,
  );
  const further = setup.context ? { context: setup.context } : {};
  const config = { ...CONFIG, ...further } as typeof CONFIG;
  const order: readonly unknown[] = setup.turns.flat().map(({ id }) => id);
  const placeOf = (id: unknown): number => order.indexOf(id);
  /** As a user interface shows them: in the order of the calls. */
  const open = async () => {
    const { items } = await backend.list({ thread_id: T, status: "pending", limit: 100 });
    return items.toSorted((a, b) => placeOf(a.tool_call_id) - placeOf(b.tool_call_id));
  };
  const answered = async (value: unknown, asks: readonly HITLRecord[]) => {
    const { results, problems } = await respondFrom("langchain_js_1", value, { backend, asks });
    return [
      ...problems.map(({ message }) => message),
      ...results.map(({ status }) => status).filter((status) => status !== "accepted"),
    ];
  };
  const resume = () => told(() => resumeThread(agent, { thread_id: T, backend, config: further }));
  return {
    effects,
    model,
    agent,
    backend,
    open,
    start: (text = "go") => agent.invoke({ messages: [new HumanMessage(text)] }, config),
    shown: async () => {
      // v1 has one interrupt, which lists all; v2 has one for each call.
      const shown = (await waiting(agent)).flatMap(({ actionRequests, reviewConfigs }) =>
        actionRequests.map((action, at) => ({ action, review: reviewConfigs[at] ?? {} })),
      );
      const sorted = shown.toSorted(
        (a, b) => placeOf(a.action["toolCallId"]) - placeOf(b.action["toolCallId"]),
      );
      return { actions: sorted.map(({ action }) => action), reviews: sorted.map(({ review }) => review) };
    },
    decide: async (decisions) => {
      const asks = await open();
      const problems: string[] = [];
      for (const [id, decision] of Object.entries(decisions)) {
        const ask = asks.find(({ tool_call_id }) => tool_call_id === id);
        if (!ask) throw new Error(`The call ${id} waits for nobody.`);
        problems.push(...(await answered({ decisions: [decision] }, [ask])));
      }
      return [...problems, ...(await resume())];
    },
    submit: async (resume) => {
      const told: string[] = [];
      try {
        const result = await agent.invoke(new Command({ resume }) as never, config);
        const { __interrupt__ = [] } = result as never as { __interrupt__?: { value: SupersetPayload }[] };
        told.push(
          ...__interrupt__.flatMap(({ value }) => (value.issues ?? []).map(({ message }) => message)),
        );
      } catch (error) {
        told.push((error as Error).message);
      }
      return [...new Set(told)];
    },
    messages: async () => messagesOf(agent),
  };
}

async function messagesOf(agent: Run["agent"]): Promise<BaseMessage[]> {
  const { values } = (await agent.graph.getState(CONFIG)) as { values: { messages?: BaseMessage[] } };
  return values.messages ?? [];
}

export function toolMessages(messages: readonly BaseMessage[]): ToolMessage[] {
  return messages.filter((message) => ToolMessage.isInstance(message));
}

/** The ids of the calls that have no result behind them: providers refuse such a list. */
export function dangling(messages: readonly BaseMessage[]): string[] {
  return messages.flatMap((message, at) => {
    if (!AIMessage.isInstance(message)) return [];
    const behind = messages.slice(at + 1);
    const end = behind.findIndex((next) => !ToolMessage.isInstance(next));
    const results = toolMessages(end < 0 ? behind : behind.slice(0, end)).map(
      ({ tool_call_id }) => tool_call_id,
    );
    return (message.tool_calls ?? []).map(({ id = "" }) => id).filter((id) => !results.includes(id));
  });
}

/** What the model has read of a call when it was last asked; undefined if nothing. */
export function readOf(run: Run, id: string): string | undefined {
  return toolMessages(run.model.seen.at(-1) ?? []).find(({ tool_call_id }) => tool_call_id === id)?.text;
}
