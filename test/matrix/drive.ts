/** One run of a cell: starts it, answers out of order with spurious wake-ups between, and looks whether all is well. */
import { MemorySaver } from "@langchain/langgraph";
import {
  callsInDoubt,
  type HITLBackend,
  type HITLRecord,
  type ResumeResult,
  respondAndResume,
  resumeThread,
} from "holdpoint";
import { expect } from "vitest";
import { pending, wake } from "../nodes/kit.ts";
import { type BuildOptions, type Built, type Host, messagesOf } from "./hosts.ts";
import type { Handles } from "./stores.ts";
import { expected, type Program, World } from "./world.ts";

export const DURABILITIES = ["sync", "async"] as const;
export type Durability = (typeof DURABILITIES)[number];

/** What a cell does not choose itself. */
export interface Setting {
  readonly durability: Durability;
  readonly handles: Handles;
}

const THREAD = "t";
const WAKE_UPS = [
  "nonsense",
  { answer: "from the resume value" },
  ["x"],
  { ["0".repeat(32)]: "y" },
  1,
] as const;

/** Builds the graph of a cell. */
export type Build = (host: Host, world: World, program: Program, options: BuildOptions) => Built;

export class Run {
  readonly world: World;
  /** Of those who look, answer and wake: as in another process. */
  readonly backend: HITLBackend;
  readonly host: Host;
  readonly #program: Program;
  readonly #built: Built;
  readonly #durability: Durability;
  /** Effects of what was given up on the way. */
  readonly alsoDid: string[] = [];
  #turn = 0;

  constructor(
    host: Host,
    program: Program,
    { durability, handles: [own, other] }: Setting,
    build: Build,
    options: BuildOptions = {},
  ) {
    this.world = new World(own);
    this.backend = other;
    this.host = host;
    this.#program = program;
    this.#durability = durability;
    this.#built = build(host, this.world, program, { checkpointer: new MemorySaver(), ...options });
  }

  get graph(): Built["graph"] {
    return this.#built.graph;
  }

  get config(): { configurable: { thread_id: string }; durability: Durability } {
    const { backend } = this.world;
    // What is no tool finds its backend in the run; our tools have their own.
    const holdpoint = this.host.kind === "code" ? { holdpoint: { backend } } : {};
    return { configurable: { thread_id: THREAD, ...holdpoint }, durability: this.#durability };
  }

  start(): Promise<unknown> {
    return this.graph.invoke(this.#built.input, this.config);
  }

  /** What is open, by what it asks. */
  async open(): Promise<Map<string, HITLRecord>> {
    const records = await pending(this.backend, THREAD);
    return new Map(records.map((record) => [String(record.data["message"]), record]));
  }

  async expectOpen(messages: readonly string[]): Promise<void> {
    expect([...(await this.open()).keys()].toSorted()).toEqual([...messages].toSorted());
  }

  resume(config: object = {}): Promise<ResumeResult> {
    const { backend, durability } = this;
    return resumeThread(this.graph, { thread_id: THREAD, backend, config: { durability, ...config } });
  }

  get durability(): Durability {
    return this.#durability;
  }

  respond(record: HITLRecord, answer: string, config: object = {}, leaseMs = 60_000) {
    const { backend } = this;
    return respondAndResume(this.graph, {
      backend,
      hitl_id: record.hitl_id,
      response: { answer },
      leaseMs,
      config: { durability: this.#durability, ...config },
    });
  }

  /** Wake-ups that no answer stands behind: nothing happens, and nothing is lost (P1). */
  async spurious(): Promise<void> {
    const open = [...(await this.open()).keys()].toSorted();
    const did = this.world.effects.all();
    const value = WAKE_UPS[this.#turn % WAKE_UPS.length];
    this.#turn += 1;
    expect((await this.resume()).status).toBe("nothing_to_resume");
    await this.graph.invoke(wake(value), this.config);
    await this.expectOpen(open);
    expect(this.world.effects.all()).toEqual(did);
  }

  /** Answers this question, and tries to do so again. */
  async answer(message: string): Promise<void> {
    const record = (await this.open()).get(message);
    if (!record) throw new Error(`"${message}" is not open`);
    const said = this.world.says(message);
    await this.spurious();
    // P3: a bad answer changes nothing.
    expect((await this.respond(record, 7 as never)).status).toBe("invalid");
    expect((await this.respond(record, said)).status).toBe("accepted");
    expect((await this.respond(record, said)).status).toBe("duplicate");
    expect((await this.respond(record, "something else")).status).toBe("conflict");
  }

  /** Answers what is open, the last one first, until nothing is. */
  async answerAll(): Promise<void> {
    for (let turn = 0; turn < 50; turn += 1) {
      const [message] = [...(await this.open()).keys()].toSorted().toReversed();
      if (message === undefined) return;
      await this.answer(message);
    }
    throw new Error("it never ends");
  }

  /** Nobody heard what the call of an aborted run did: a human says that it happened (P6). */
  async settleDoubt(answer: string): Promise<void> {
    const doubts = async (): Promise<HITLRecord[]> => {
      await this.resume();
      const open = await pending(this.backend, THREAD);
      return open.filter((record) => record.hitl_type === "in_doubt");
    };
    await expect.poll(async () => (await doubts()).length, { timeout: 10_000 }).toBe(1);
    const [record] = await doubts();
    const response = { decision: "happened", result: `${record?.tool_call_id}: ${answer}` };
    const { backend } = this;
    const hitl_id = record?.hitl_id as string;
    expect(await respondAndResume(this.graph, { backend, hitl_id, response })).toMatchObject({
      status: "accepted",
      resume: { status: "resumed" },
    });
  }

  async values(): Promise<unknown> {
    return (await this.graph.getState(this.config)).values;
  }

  /** The end: outputs, each effect once, nothing dangling. */
  async expectDone(program: Program = this.#program): Promise<void> {
    const { backend } = this;
    const { effects } = this.world;
    const right = expected(this.world, program);
    const { next, values, tasks } = await this.graph.getState(this.config);
    expect([...next]).toEqual([]);
    expect(tasks).toEqual([]);
    expect(this.#built.outputs(values)).toMatchObject(right.outputs);
    const once = Object.fromEntries([...right.effects, ...this.alsoDid].map((effect) => [effect, 1]));
    expect(effects.all()).toEqual(once);
    expect(await pending(backend, THREAD)).toEqual([]);
    expect((await callsInDoubt(backend)).items).toEqual([]);
    expect((await this.resume()).status).toBe("nothing_to_resume");
  }

  async expectValidMessages(): Promise<void> {
    expect(unanswered(await this.values())).toEqual([]);
  }
}

/** Tool calls without exactly one tool message before the next message of somebody else, and answers to no call. */
export function unanswered(values: unknown): string[] {
  const wrong: string[] = [];
  let waiting = new Map<string, number>();
  const close = (): void => {
    for (const [id, count] of waiting) if (count !== 1) wrong.push(`${id}: ${count} answers`);
    waiting = new Map();
  };
  for (const message of messagesOf(values)) {
    const { tool_call_id, tool_calls } = message as unknown as {
      tool_call_id?: string;
      tool_calls?: readonly { readonly id: string }[];
    };
    if (message.getType() === "tool") {
      const id = String(tool_call_id);
      if (!waiting.has(id)) wrong.push(`${id}: answers no call`);
      waiting.set(id, (waiting.get(id) ?? 0) + 1);
      continue;
    }
    close();
    for (const { id } of tool_calls ?? []) waiting.set(id, 0);
  }
  close();
  return wrong;
}
