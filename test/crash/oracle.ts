/** What must hold of a thread that has come to its end, whoever died on the way. */
import { type BaseMessage, isAIMessage, isHumanMessage, isToolMessage } from "@langchain/core/messages";
import { HITL_STATUSES, type HITLRecord, resumeThread } from "holdpoint";
import { scenarioOf } from "./scenarios.ts";
import { effectsOf, recordsOf, type Site, textOf, type World } from "./site.ts";
import { EFFECTS, QUESTIONS, type ToolName } from "./tools.ts";

interface Said {
  readonly content: string;
  readonly tool_call_id: string;
}

export interface Findings {
  readonly violations: readonly string[];
  /** Decisions about calls in doubt that the records, or the messages to the model, show. */
  readonly doubts: number;
}

export async function examine(world: World): Promise<Findings> {
  const { plain, site } = world;
  const again = await resumeThread(world.agent, {
    backend: world.backend,
    thread_id: site.thread,
    leaseMs: site.leaseMs,
  });
  const records = await recordsOf(world);
  const state = await plain.agent.getState({ configurable: { thread_id: site.thread } });
  const end = new Examination(site, records, state.values);
  end.check(again.status === "nothing_to_resume", `a finished thread is ${again.status} when it is woken`);
  end.check(state.tasks.length === 0, `tasks are left: ${state.tasks.map(({ name }) => name).join()}`);
  await (await scenarioOf(site)).examine(world, end);
  await checkIndexes(world, end);
  return end.findings;
}

/** A thread at its end, and what is wrong with it. */
export class Examination {
  readonly site: Site;
  readonly records: readonly HITLRecord[];
  readonly values: Readonly<Record<string, unknown>>;
  readonly messages: readonly BaseMessage[];
  readonly said: readonly Said[];
  readonly #violations: string[] = [];
  #doubts: number;

  constructor(site: Site, records: readonly HITLRecord[], values: unknown) {
    this.site = site;
    this.records = records;
    this.values = values as Readonly<Record<string, unknown>>;
    this.messages = (values as { readonly messages: readonly BaseMessage[] }).messages;
    this.said = this.messages
      .filter((message) => isToolMessage(message))
      .map((message) => ({ content: message.text, tool_call_id: message.tool_call_id }));
    this.#doubts = records.filter(({ hitl_type }) => hitl_type === "in_doubt").length;
  }

  get findings(): Findings {
    return { violations: this.#violations, doubts: this.#doubts };
  }

  readonly check = (holds: boolean, text: string): void => {
    if (!holds) this.#violations.push(text);
  };

  /** A call was given up without a question: its message says that nobody knows what it did. */
  doubt(): void {
    this.#doubts += 1;
  }

  /** Questions with this text, but for those that a newer run has replaced. */
  asked(text: string): HITLRecord[] {
    return this.records.filter((record) => textOf(record) === text && record.reason !== "superseded");
  }

  /** The one question with this text was asked once, and came to this end. */
  checkAsked(text: string, status: HITLRecord["status"] = "completed"): void {
    const statuses = this.asked(text).map((record) => record.status);
    this.check(statuses.join() === status, `"${text}" is ${statuses.join() || "nowhere"}, not ${status}`);
  }

  /** Each call of the site: its questions, its effects, its message. */
  checkCalls(): void {
    this.checkCallIds();
    const effects = effectsOf(this.site);
    for (const call of this.site.calls) {
      const decided = happened(call, this.records);
      this.#checkQuestions(call, decided);
      checkEffects(call, effects, decided, this.check);
      this.#checkMessage(call, decided);
    }
  }

  checkCallIds(): void {
    const ids = this.said.map(({ tool_call_id }) => tool_call_id).toSorted();
    this.check(
      ids.join() === this.site.calls.toSorted().join(),
      `there are tool messages of ${ids.join() || "no call"}`,
    );
  }

  checkTurns(ai: number): void {
    const spoke = this.messages.filter((message) => isAIMessage(message)).length;
    const all = this.messages.map((message) => `${message.getType()} "${message.text}"`).join(", ");
    this.check(spoke === ai, `the model spoke ${spoke} times, not ${ai}: ${all}`);
  }

  /** What users said, in this order and nothing else. */
  checkHumans(texts: readonly string[]): void {
    const humans = this.messages.filter((message) => isHumanMessage(message)).map(({ text }) => text);
    this.check(humans.join("|") === texts.join("|"), `the users said "${humans.join("|")}"`);
  }

  #checkQuestions(call: ToolName, decided: boolean): void {
    for (const text of QUESTIONS[call]) {
      const asked = this.asked(text);
      this.check(asked.length <= 1, `"${text}" was asked ${asked.length} times`);
      this.check(decided || asked.length === 1, `"${text}" was never asked`);
      this.check(
        asked.every(({ status }) => status === "completed"),
        `"${text}" is ${asked.map(({ status }) => status).join()}`,
      );
    }
  }

  /** One message for each call, and it says what the humans said. */
  #checkMessage(call: ToolName, decided: boolean): void {
    const own = this.said.filter(({ tool_call_id }) => tool_call_id === call).map(({ content }) => content);
    const words = QUESTIONS[call].map((text) => {
      const answer = this.asked(text)[0]?.user_response as { comment?: string; answer?: string } | undefined;
      return answer?.comment ?? answer?.answer;
    });
    const expected = decided ? `${call} happened` : [call, ...words].join(" ");
    this.check(
      own.length === 1 && own[0] === expected,
      `${call} said ${JSON.stringify(own)}, not "${expected}"`,
    );
  }
}

type Check = (holds: boolean, text: string) => void;

/** A human said of this call that it had happened: it is finished with his words, and does not go on. */
function happened(call: ToolName, records: readonly HITLRecord[]): boolean {
  return records.some(
    ({ hitl_type, tool_call_id, user_response }) =>
      hitl_type === "in_doubt" &&
      tool_call_id === call &&
      (user_response as { decision?: unknown } | null)?.decision === "happened",
  );
}

function checkEffects(call: ToolName, effects: readonly string[], decided: boolean, check: Check): void {
  for (const effect of EFFECTS[call]) {
    const times = effects.filter((name) => name === effect).length;
    check(times === 1 || (decided && times === 0), `effect ${effect} happened ${times} times`);
  }
}

/** The lists show each record where it belongs, and nowhere else; no call is left at work. */
async function checkIndexes({ plain, site }: World, { records, check }: Examination): Promise<void> {
  const { store, tenant_id } = plain.backend;
  const stored = await store.get(records.map(({ hitl_id }) => hitl_id));
  check(
    stored.every((record, index) => record?.status === records[index]?.status),
    "a list and its records differ",
  );
  for (const name of ["thread", "wake"] as const) {
    for (const status of HITL_STATUSES) {
      const key = { name, value: site.thread };
      const { items } = await store.page({ kind: "hitl", tenant_id, statuses: [status], key, limit: 1000 });
      const expected = stored.filter(
        (record) => record?.status === status && record.keys[name] === site.thread,
      );
      check(
        items.length === expected.length,
        `the index ${name}/${status} has ${items.length}, not ${expected.length}`,
      );
      if (name === "wake") check(items.length === 0, `${items.length} answers (${status}) are not taken up`);
    }
  }
  const key = { name: "thread", value: site.thread } as const;
  const statuses = ["running", "suspended", "in_doubt"];
  const { items } = await store.page({ kind: "call", tenant_id, statuses, key, limit: 1000 });
  check(items.length === 0, `calls are left ${items.map(({ status }) => status).join()}`);
}
