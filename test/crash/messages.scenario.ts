/** A user who writes while the agent waits for a human: messages that wait, cancel, answer. */
import { type HITLRecord, sendMessage, type WhenPending } from "holdpoint";
import { areMessagesValid } from "../../src/nodes/message/tool-calls.ts";
import { chatOf } from "../message/kit.ts";
import { callOf } from "../support/agent.ts";
import { Driver } from "./drive.ts";
import type { Examination } from "./oracle.ts";
import type { Scenario } from "./scenarios.ts";
import { effectsOf, openSite, recordsOf, textOf, type World } from "./site.ts";
import { toolsOf } from "./tools.ts";

interface Send {
  readonly send: string;
  readonly whenPending: WhenPending;
  /** Not until it has come to its end, only until the store has it. */
  readonly kept?: boolean;
}

type Act =
  | Send
  /** Until the question is not open any more. */
  | { readonly answer: string }
  /** Until the question was asked. */
  | { readonly see: string };

interface Plan {
  readonly acts: readonly Act[];
  /** The messages of users in the conversation, in its order. */
  readonly humans: readonly string[];
  /** How often the model speaks. */
  readonly turns: number;
  examine(end: Examination): void;
}

const MESSAGE_STATUSES = ["waiting", "delivering", "answering", "delivered", "answered", "withdrawn"];

/** The user and those who answer: every act may be repeated, so each process begins with the first one. */
class MessageDriver extends Driver {
  readonly #acts: Act[];

  constructor(world: World, { acts }: Plan) {
    super(world);
    this.#acts = [...acts];
  }

  /** A process that has just begun knows of nothing that it could wake: the first act tells. */
  override async turn(): Promise<boolean> {
    const [act] = this.#acts;
    if (act && (await this.#do(act))) this.#acts.shift();
    else if (!act && (await this.#ended())) return true;
    else await this.#help();
    await this.#expectValid();
    return false;
  }

  async #do(act: Act): Promise<boolean> {
    if ("send" in act) return this.#send(act);
    const text = "see" in act ? act.see : act.answer;
    const record = (await recordsOf(this.world)).find((found) => textOf(found) === text);
    this.detail = `"${text}" is ${record?.status ?? "nowhere"}`;
    if (!record) return false;
    if ("answer" in act && record.status === "pending") await this.respond(record);
    return "see" in act || record.status !== "pending";
  }

  async #send({ send, whenPending, kept }: Send): Promise<boolean> {
    const { agent, backend, site } = this.world;
    const { status } = await sendMessage(agent, {
      backend,
      thread_id: site.thread,
      message: send,
      message_id: send,
      whenPending,
      ifNotExists: "create",
      leaseMs: site.leaseMs,
    });
    this.detail = `"${send}" is ${status}`;
    return kept === true || status === "delivered" || status === "answered";
  }

  /** What others do meanwhile: they decide what is in doubt, and wake the thread. */
  async #help(): Promise<void> {
    const doubt = (await this.open()).find(({ hitl_type }) => hitl_type === "in_doubt");
    if (doubt) return this.respond(doubt);
    const status = await this.wake();
    this.detail += `; woken: ${status}`;
    if (status !== "resumed") await this.pause();
  }

  async #ended(): Promise<boolean> {
    const { plain, site } = this.world;
    const { tasks } = await plain.agent.getState({ configurable: { thread_id: site.thread } });
    const open = (await messagesIn(this.world)).filter(({ ended }) => !ended);
    this.detail = `tasks ${JSON.stringify(tasks)}, messages ${JSON.stringify(open)}`;
    return tasks.length === 0 && open.length === 0;
  }

  /** A provider takes the conversation whenever the thread is at rest. @throws Error */
  async #expectValid(): Promise<void> {
    const { plain, site } = this.world;
    const { values, tasks } = await plain.agent.getState({ configurable: { thread_id: site.thread } });
    const { messages = [] } = values as { messages?: never[] };
    if (tasks.length === 0 && !areMessagesValid(messages))
      throw new Error(`A provider would refuse ${JSON.stringify(messages)}`);
  }
}

async function messagesIn({
  plain,
  site,
}: World): Promise<readonly { readonly id: string; readonly status: string; readonly ended: boolean }[]> {
  const { store, tenant_id } = plain.backend;
  const key = { name: "thread", value: site.thread } as const;
  const query = { kind: "message", tenant_id, statuses: MESSAGE_STATUSES, key, limit: 1000 } as const;
  return (await store.page(query)).items.map(({ status, value }) => ({
    id: String(value["message_id"]),
    status,
    ended: status === "delivered" || status === "answered",
  }));
}

function messages(plan: Plan): Scenario {
  const sends = plan.acts.filter((act) => "send" in act);
  return {
    open(site, wire) {
      const [first] = sends;
      const script = { [first?.send ?? ""]: site.calls.map((name) => callOf(name, name)) };
      const tools = toolsOf(site, wire);
      const { leaseMs } = site;
      return openSite(site, wire, null, (backend, checkpointer) =>
        chatOf({ backend, tools, script, leaseMs, checkpointer }),
      );
    },
    driver: (world) => new MessageDriver(world, plan),
    async examine(world, end) {
      const kept = (await messagesIn(world)).toSorted((a, b) => a.id.localeCompare(b.id));
      const expected = sends
        .map(({ send }) => `${send} ${plan.humans.includes(send) ? "delivered" : "answered"}`)
        .toSorted();
      const found = kept.map(({ id, status }) => `${id} ${status}`).toSorted();
      end.check(found.join() === expected.join(), `the messages are ${found.join()}`);
      end.checkHumans(plan.humans);
      end.checkTurns(plan.turns);
      end.check(areMessagesValid(end.messages), "a provider would refuse the messages");
      plan.examine(end);
    },
  };
}

/** The one that was answered has had its effect, or its message says that nobody knows; the other one has not. */
function examineCancelled(end: Examination): void {
  end.checkCallIds();
  const effects = effectsOf(end.site);
  const times = effects.filter((effect) => effect === "pay").length;
  const said = new Map(end.said.map(({ tool_call_id, content }) => [tool_call_id, content]));
  const { comment } = (end.asked("pay?")[0]?.user_response ?? {}) as { comment?: string };
  const [paid, refunded] = [said.get("pay") ?? "", said.get("refund") ?? ""];
  const known = [`pay ${comment}`, "pay happened"].includes(paid);
  const unknown = paid.includes("may or may not");
  if (unknown) end.doubt();
  end.check(known || unknown, `pay said "${paid}"`);
  end.check(times === 1 || (unknown && times === 0), `pay happened ${times} times, and said "${paid}"`);
  end.check(!effects.includes("refund"), "refund happened");
  end.check(refunded.startsWith("The call was cancelled"), `refund said "${refunded}"`);
  end.checkAsked("pay?");
  end.checkAsked("refund?", "cancelled");
  const [refund] = end.asked("refund?") as [HITLRecord | undefined];
  end.check(refund?.reason === "new_message", `refund? was cancelled for ${refund?.reason}`);
}

export const messagesScenarios = {
  "message that waits": messages({
    acts: [
      { send: "both", whenPending: "wait" },
      { send: "hello", whenPending: "wait", kept: true },
      { answer: "pay?" },
      { answer: "refund?" },
    ],
    humans: ["both", "hello"],
    turns: 3,
    examine: (end) => end.checkCalls(),
  }),
  "message that cancels": messages({
    acts: [
      { send: "both", whenPending: "wait" },
      { answer: "pay?" },
      { send: "stop", whenPending: "cancel" },
    ],
    humans: ["both", "stop"],
    turns: 2,
    examine: examineCancelled,
  }),
  "message that answers": messages({
    acts: [
      { send: "ask", whenPending: "wait" },
      { see: "name?" },
      { send: "Ann", whenPending: "answer" },
      { send: "thanks", whenPending: "wait" },
    ],
    humans: ["ask", "thanks"],
    turns: 3,
    examine: (end) => end.checkCalls(),
  }),
} as const;
