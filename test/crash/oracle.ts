/** What must hold of a thread that has come to its end, whoever died on the way. */
import { type BaseMessage, isAIMessage, isToolMessage } from "@langchain/core/messages";
import { HITL_STATUSES, type HITLRecord, resumeThread } from "holdpoint";
import { recordsOf, textOf } from "./drive.ts";
import { EFFECTS, effectsOf, QUESTIONS, type ToolName, type World } from "./world.ts";

interface Said {
  readonly content: string;
  readonly tool_call_id: string;
}

export interface Findings {
  readonly violations: readonly string[];
  /** Decisions about calls in doubt that the records show. */
  readonly doubts: number;
}

export async function examine(world: World): Promise<Findings> {
  const { plain, site } = world;
  const violations: string[] = [];
  const check = (holds: boolean, text: string): void => {
    if (!holds) violations.push(text);
  };
  const again = await resumeThread(world.agent, {
    backend: world.backend,
    thread_id: site.thread,
    leaseMs: site.leaseMs,
  });
  check(again.status === "nothing_to_resume", `a finished thread is ${again.status} when it is woken`);
  const records = await recordsOf(world);
  const state = await plain.agent.getState({ configurable: { thread_id: site.thread } });
  check(state.tasks.length === 0, `tasks are left: ${state.tasks.map(({ name }) => name).join()}`);
  const messages = (state.values as { readonly messages: readonly BaseMessage[] }).messages;
  const said: Said[] = messages
    .filter((message) => isToolMessage(message))
    .map((message) => ({ content: message.text, tool_call_id: message.tool_call_id }));
  check(messages.filter((message) => isAIMessage(message)).length === 2, "the model spoke not twice");
  check(said.length === site.calls.length, `${said.length} tool messages`);
  const effects = effectsOf(site);
  for (const call of site.calls) {
    const decided = happened(call, records);
    checkQuestions(call, records, decided, check);
    checkEffects(call, effects, decided, check);
    checkMessage(call, records, said, decided, check);
  }
  await checkIndexes(world, records, check);
  return { violations, doubts: records.filter(({ hitl_type }) => hitl_type === "in_doubt").length };
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

function askedFor(text: string, records: readonly HITLRecord[]): HITLRecord[] {
  return records.filter((record) => textOf(record) === text && record.reason !== "superseded");
}

function checkQuestions(
  call: ToolName,
  records: readonly HITLRecord[],
  decided: boolean,
  check: Check,
): void {
  for (const text of QUESTIONS[call]) {
    const asked = askedFor(text, records);
    check(asked.length <= 1, `"${text}" was asked ${asked.length} times`);
    check(decided || asked.length === 1, `"${text}" was never asked`);
    check(
      asked.every(({ status }) => status === "completed"),
      `"${text}" is ${asked.map(({ status }) => status).join()}`,
    );
  }
}

function checkEffects(call: ToolName, effects: readonly string[], decided: boolean, check: Check): void {
  for (const effect of EFFECTS[call]) {
    const times = effects.filter((name) => name === effect).length;
    check(times === 1 || (decided && times === 0), `effect ${effect} happened ${times} times`);
  }
}

/** One message for each call, and it says what the humans said. */
function checkMessage(
  call: ToolName,
  records: readonly HITLRecord[],
  said: readonly Said[],
  decided: boolean,
  check: Check,
): void {
  const own = said.filter(({ tool_call_id }) => tool_call_id === call).map(({ content }) => content);
  const comments = QUESTIONS[call].map(
    (text) => (askedFor(text, records)[0]?.user_response as { comment?: string } | undefined)?.comment,
  );
  const expected = decided ? `${call} happened` : [call, ...comments].join(" ");
  check(own.length === 1 && own[0] === expected, `${call} said ${JSON.stringify(own)}, not "${expected}"`);
}

/** The lists show each record where it belongs, and nowhere else; no call is left at work. */
async function checkIndexes(world: World, records: readonly HITLRecord[], check: Check): Promise<void> {
  const { plain, site } = world;
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
