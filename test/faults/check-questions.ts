/** P2 to P5 and P8 for questions: who created, who answered, what the history tells. */
import { HITL_KIND } from "../../src/backends/hitl-codec.ts";
import type { RecordEvent, StoredRecord } from "../../src/backends/record-store.ts";
import { hashJson } from "../../src/core/ids.ts";
import type { JsonValue } from "../../src/core/json.ts";
import type { Promises } from "./checker.ts";
import type { Findings } from "./findings.ts";
import type { Call, Operation, View } from "./ledger.ts";
import type { Snapshot } from "./snapshot.ts";

type Create = Extract<Call, { kind: "create" }>;
type Respond = Extract<Call, { kind: "respond" }>;

interface Question {
  readonly hitl_id: string;
  readonly record: StoredRecord;
  readonly events: readonly RecordEvent[];
  readonly mark: string | null;
  readonly response: string | null;
}

/** Whether the call may have done what it was to do. */
export function mayHaveActed({ outcome }: Operation): boolean {
  return outcome === "indeterminate" || outcome === "open";
}

export function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

function questionOf(record: StoredRecord, snapshot: Snapshot): Question {
  const { value } = record;
  const response = value["user_response"] as { comment?: unknown } | null | undefined;
  const metadata = value["metadata"] as { mark?: unknown } | undefined;
  const textOf = (found: unknown): string | null => (typeof found === "string" ? found : null);
  return {
    hitl_id: String(value["hitl_id"] ?? record.id),
    record,
    events: snapshot.events.get(record.id) ?? [],
    mark: textOf(metadata?.mark),
    response: response == null ? null : (textOf(response.comment) ?? JSON.stringify(response)),
  };
}

export function checkQuestions(
  operations: readonly Operation[],
  snapshot: Snapshot,
  promises: Promises,
  findings: Findings,
): void {
  const questions = new Map<string, Question>();
  for (const record of snapshot.records) {
    if (record.kind !== HITL_KIND) continue;
    const question = questionOf(record, snapshot);
    if (questions.has(question.hitl_id))
      findings.add("two_creators", question.hitl_id, "two records have this hitl_id");
    questions.set(question.hitl_id, question);
  }
  const creates = operations.filter(({ call }) => call.kind === "create");
  const responses = operations.filter(({ call }) => call.kind === "respond");
  const cancels = operations.filter(({ call }) => call.kind === "cancel");
  checkCreates(creates, questions, promises, findings);
  const byQuestion = groupBy(responses, ({ call }) => (call as Respond).hitl_id);
  const cancelsOf = groupBy(cancels, ({ call }) => ("hitl_id" in call && call.hitl_id) || "");
  const creations = new Map(creates.map(({ call }) => [(call as Create).mark, call as Create]));
  for (const hitl_id of new Set([...questions.keys(), ...byQuestion.keys(), ...cancelsOf.keys()])) {
    const question = questions.get(hitl_id);
    const answers = byQuestion.get(hitl_id) ?? [];
    const cancelled = cancelsOf.get(hitl_id) ?? [];
    checkAnswers(hitl_id, question, answers, cancelled, promises, findings);
    if (question) {
      const creation = question.mark === null ? undefined : creations.get(question.mark);
      checkOutcome(question, answers, cancelled, creation, findings);
      checkHistory(question, findings);
      checkTimes(question, creation, findings);
    }
  }
  for (const operation of operations) {
    for (const view of viewsOf(operation)) checkView(operation, view, questions, promises, findings);
  }
}

export function viewsOf({ result }: Operation): readonly View[] {
  return [...(result?.view ? [result.view] : []), ...(result?.views ?? [])];
}

function checkCreates(
  creates: readonly Operation[],
  questions: ReadonlyMap<string, Question>,
  promises: Promises,
  findings: Findings,
): void {
  const created = new Map<string, string>();
  const byMark = groupBy(creates, ({ call }) => (call as Create).mark);
  for (const { op, result } of creates) {
    if (!result?.view) continue;
    const { hitl_id, mark } = result.view;
    if (promises.durable && !questions.has(hitl_id))
      findings.add("lost_create", hitl_id, `${op} was told "${result.status}", and it is not there`);
    if (result.status !== "created") continue;
    const other = created.get(hitl_id);
    if (other !== undefined) findings.add("two_creators", hitl_id, `${other} and ${op} were told "created"`);
    created.set(hitl_id, op);
    const found = questions.get(hitl_id);
    if (found && promises.durable && found.mark !== mark)
      findings.add("foreign_question", hitl_id, `${op} created ${mark}, and ${found.mark} is there`);
  }
  for (const { hitl_id, mark } of questions.values()) {
    const askers = (mark !== null && byMark.get(mark)) || [];
    // "exists" means that another call with this mark, a try before it, may have created it.
    const legal = askers.some((one) => one.result?.status === "created" || mayHaveActed(one));
    if (!legal)
      findings.add("failed_took_effect", hitl_id, `it is ${mark}'s, and no call of it may have created it`);
  }
}

function checkAnswers(
  hitl_id: string,
  question: Question | undefined,
  answers: readonly Operation[],
  cancels: readonly Operation[],
  promises: Promises,
  findings: Findings,
): void {
  const accepted = answers.filter(({ result }) => result?.status === "accepted");
  const cancelled = cancels.filter(({ result }) => result?.status === "cancelled");
  const winners = [...accepted, ...cancelled];
  // Where an acknowledged answer may be lost, a second one may be accepted after it.
  if (promises.durable && winners.length > 1) {
    const names = winners.map(({ op, result }) => `${op} ${result?.status}`).join(", ");
    findings.add("two_winners", hitl_id, names);
  }
  for (const { op, call } of accepted) {
    const { mark, valid } = call as Respond;
    if (!valid) findings.add("bad_answer_stored", hitl_id, `${op} was accepted`);
    if (!promises.durable) continue;
    if (!question) findings.add("lost_answer", hitl_id, `${op} was accepted, and there is no question`);
    else if (question.response === null)
      findings.add("lost_answer", hitl_id, `${op} was accepted, and it is ${question.record.status}`);
    else if (question.response !== mark)
      findings.add(
        "overwritten",
        hitl_id,
        `${op} was accepted with ${mark}, and ${question.response} is there`,
      );
  }
  for (const { op } of cancelled) {
    if (promises.durable && question?.record.status !== "cancelled")
      findings.add("lost_cancel", hitl_id, `${op} cancelled it, and it is ${question?.record.status}`);
  }
}

/** The end of a question is somebody's: of a call that was told so, or was not told. */
function checkOutcome(
  { hitl_id, record, response, mark: asked }: Question,
  answers: readonly Operation[],
  cancels: readonly Operation[],
  creation: Create | undefined,
  findings: Findings,
): void {
  if (record.status === "cancelled") {
    const legal = cancels.some((one) => one.result?.status === "cancelled" || mayHaveActed(one));
    if (!legal) findings.add("failed_took_effect", hitl_id, "nobody may have cancelled it");
  }
  if (record.status !== "completed") {
    if (response !== null) findings.add("nobody_answered", hitl_id, `${record.status} with an answer`);
    return;
  }
  if (response === `expired:${asked}`) {
    if (creation?.on_expire !== "respond")
      findings.add("nobody_answered", hitl_id, "answered by time, which its author did not ask for");
    return;
  }
  const same = answers.filter(({ call }) => (call as Respond).mark === response);
  const by = same.filter((one) => one.result?.status === "accepted" || mayHaveActed(one));
  if (same.length === 0) findings.add("nobody_answered", hitl_id, `nobody gave the answer ${response}`);
  else if (by.length === 0)
    findings.add(
      "failed_took_effect",
      hitl_id,
      `${same.map(({ op, outcome }) => `${op} ${outcome}`).join(", ")}`,
    );
  if (by.length > 0 && by.every(({ call }) => !(call as Respond).valid))
    findings.add("bad_answer_stored", hitl_id, `${response} does not satisfy the schema`);
  const stored = record.value["idempotency_key"];
  const byHash = `answer:${hashJson((record.value["user_response"] ?? null) as JsonValue)}`;
  if (by.length > 0 && !by.some(({ call }) => ((call as Respond).key ?? byHash) === stored))
    findings.add("overwritten", hitl_id, `its idempotency key ${String(stored)} is not that of its answer`);
}

const ENDS: Readonly<Record<string, string>> = {
  answered: "completed",
  cancelled: "cancelled",
  expired: "expired",
};

function checkHistory({ hitl_id, record, events, response }: Question, findings: Findings): void {
  for (const [n, event] of events.entries()) {
    if (event.seq !== n + 1) findings.add("history_gap", hitl_id, `event ${n + 1} has seq ${event.seq}`);
    // Each transition of a question is one event and one version (P5).
    if (event.version !== n + 1)
      findings.add("history_lies", hitl_id, `${event.type} at ${n + 1} says version ${event.version}`);
    const ends = ENDS[event.type];
    if (ends !== undefined && ends !== event.status)
      findings.add("history_lies", hitl_id, `${event.type} with the status ${event.status}`);
  }
  if (events.length !== record.version)
    findings.add("version", hitl_id, `version ${record.version} with ${events.length} events`);
  if (events[0]?.type !== "created") findings.add("history_gap", hitl_id, "does not begin with created");
  const ended = events.filter(({ type }) => type in ENDS);
  if (ended.length > 1)
    findings.add("history_twice", hitl_id, `it ended by ${ended.map(({ type }) => type).join(", ")}`);
  if (events.filter(({ type }) => type === "created").length > 1)
    findings.add("history_twice", hitl_id, "created twice");
  const last = events.at(-1);
  if (last && last.status !== record.status)
    findings.add("history_lies", hitl_id, `it is ${record.status}, its history ends with ${last.status}`);
  if (last?.type === "answered" && last.actor?.role !== "system" && last.actor?.id !== response)
    findings.add("history_lies", hitl_id, `${last.actor?.id} answered, and ${response} is stored`);
}

/** P8, by the store's clock alone. */
function checkTimes({ hitl_id, events }: Question, creation: Create | undefined, findings: Findings): void {
  const deadline = creation?.expires_at;
  if (deadline == null) return;
  for (const event of events) {
    const system = event.actor?.role === "system";
    if (event.type === "escalated") return void (event.at < deadline && early(event));
    if (event.type === "answered" && !system && event.at >= deadline)
      findings.add("answered_too_late", hitl_id, `${event.at - deadline} ms after its deadline`);
    if ((event.type === "expired" || (event.type === "answered" && system)) && event.at < deadline)
      early(event);
  }
  function early(event: RecordEvent): void {
    findings.add("expired_too_early", hitl_id, `${event.type} ${(deadline ?? 0) - event.at} ms too early`);
  }
}

/** What a call showed of a question that had ended is what it is now. */
function checkView(
  { op, result, call }: Operation,
  view: View,
  questions: ReadonlyMap<string, Question>,
  promises: Promises,
  findings: Findings,
): void {
  // Elsewhere a call may show what its author was never told, and what is lost with a primary.
  if (!promises.durable || !promises.linearizable) return;
  const question = questions.get(view.hitl_id);
  if (!question) {
    findings.add("lost_create", view.hitl_id, `${op} saw it`);
    return;
  }
  const { record, response } = question;
  if (view.version > record.version)
    findings.add("version", view.hitl_id, `${op} saw version ${view.version}, it is ${record.version}`);
  if (view.mark !== question.mark)
    findings.add("foreign_question", view.hitl_id, `${op} saw ${view.mark}, it is ${question.mark}`);
  if (view.status !== "pending" && (view.status !== record.status || view.response !== response)) {
    const rule =
      result?.status === "duplicate" || result?.status === "conflict" ? "wrong_winner" : "overwritten";
    findings.add(
      rule,
      view.hitl_id,
      `${op} (${call.kind}) saw ${view.status} ${view.response}, it is ${record.status} ${response}`,
    );
  }
  if (call.kind === "respond" && result?.status === "duplicate" && view.response !== call.mark)
    findings.add("wrong_winner", view.hitl_id, `${op} gave ${call.mark}: a duplicate of ${view.response}`);
  if (call.kind === "respond" && result?.status === "conflict" && view.response === call.mark)
    findings.add("wrong_winner", view.hitl_id, `${op} is in conflict with its own answer`);
  if (call.kind === "list" && view.status !== "pending")
    findings.add("index_lies", view.hitl_id, `${op} listed it as pending, it was ${view.status}`);
}
