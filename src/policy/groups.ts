/**
 * Equal questions, as one for the human: a model that repeats a call must not wear out whoever is asked (docs/policy.md, "Many
 * questions at once"). Each is answered by itself, with its own guard and its own outcome (P4).
 */
import type { HITLBackend, RespondOptions, RespondResult } from "../backends/hitl-backend.ts";
import { MAX_PAGE_LIMIT } from "../backends/record-store.ts";
import { HoldpointError } from "../core/errors.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import { toJson } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import { approvedHash } from "./policy.ts";

/** Open questions of one session about one tool with the same arguments, by one rule in one version. */
export interface AskGroup {
  /** What an approval of each of them is bound to (P7). */
  readonly approved_hash: string;
  readonly tool: string;
  readonly args: Readonly<JsonObject>;
  /** The oldest first. */
  readonly records: readonly HITLRecord[];
}

/** What became of the answer to one question of a group. */
export interface GroupResult {
  readonly hitl_id: string;
  readonly result: RespondResult;
}

export type GroupOptions = Pick<RespondOptions, "actor" | "idempotency_key">;

/**
 * The open questions of a policy among these records, equal ones together, in the order in which they were first asked. What is
 * no open question of a policy is left out. Pure: nothing is read.
 *
 * @example
 * ```ts
 * import type { HITLBackend } from "holdpoint";
 * import { groupAsks } from "holdpoint/policy";
 *
 * export async function inbox(backend: HITLBackend, session_id: string): Promise<string[]> {
 *   const { items } = await backend.getPendingBySession(session_id);
 *   return groupAsks(items).map(({ tool, args, records }) => `${records.length} × ${tool} ${JSON.stringify(args)}`);
 * }
 * ```
 */
export function groupAsks(records: readonly HITLRecord[]): AskGroup[] {
  const groups = new Map<string, HITLRecord[]>();
  const open = new Map(records.map((record) => [JSON.stringify([record.tenant_id, record.hitl_id]), record]));
  for (const record of [...open.values()].toSorted(byAge)) {
    const key = record.status === "pending" ? keyOf(record) : null;
    if (key === null) continue;
    const group = groups.get(key);
    if (group) group.push(record);
    else groups.set(key, [record]);
  }
  return [...groups.values()].flatMap((group) => {
    const subject = group[0]?.subject;
    if (!subject) return [];
    const { approved_hash, tool, args } = subject;
    return [{ approved_hash, tool, args, records: group }];
  });
}

/**
 * Answers each question of a group, and says what became of each. `approve_always` is given once: to the first question that
 * takes it, and `approve_once` to the others, so that there is one grant. Sent again it has the same effect; threads are not
 * woken by it (`resumeThread`).
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` before anything is written: the records are not equal, or `approve_always`
 * where the rule does not allow `approve_once`, too; `ERR_HITL_NOT_JSON` …; and of the store
 *
 * @example
 * ```ts
 * import type { HITLBackend } from "holdpoint";
 * import { type AskGroup, respondToGroup } from "holdpoint/policy";
 *
 * export async function rejectAll(backend: HITLBackend, group: AskGroup, id: string): Promise<number> {
 *   const results = await respondToGroup(backend, group, { decision: "reject" }, { actor: { id } });
 *   return results.filter(({ result }) => result.status === "accepted").length;
 * }
 * ```
 */
export async function respondToGroup(
  backend: HITLBackend,
  group: AskGroup,
  response: unknown,
  options: GroupOptions = {},
): Promise<readonly GroupResult[]> {
  const key = keyOfGroup(group);
  const answer = toJson(response, "response");
  const { actor, idempotency_key } = options;
  const one = async ({ hitl_id }: HITLRecord, given: JsonValue): Promise<GroupResult> => {
    const record = await backend.get(hitl_id);
    // Another question may have its id by now: that is not the one that was shown.
    if (!record || keyOf(record) !== key) return { hitl_id, result: { status: "not_found" } };
    return { hitl_id, result: await backend.respond(hitl_id, given, { actor, idempotency_key, record }) };
  };
  const { records } = group;
  if (!isAlways(answer)) return Promise.all(records.map((record) => one(record, answer)));
  assertOnce(records);
  const results: GroupResult[] = [];
  for (const record of records) {
    const answered = await one(record, answer);
    results.push(answered);
    if (hasGiven(answered.result, answer)) break;
  }
  const { scope: _, ...rest } = answer;
  const once = { ...rest, decision: "approve_once" };
  const others = records.slice(results.length).map((record) => one(record, once));
  return [...results, ...(await Promise.all(others))];
}

function isAlways(answer: JsonValue): answer is JsonObject {
  return (answer as { readonly decision?: unknown } | null)?.decision === "approve_always";
}

function assertOnce(records: readonly HITLRecord[]): void {
  const isAllowed = ({ data }: HITLRecord): boolean =>
    Array.isArray(data["allowed_decisions"]) && data["allowed_decisions"].includes("approve_once");
  if (!records.every(isAllowed))
    throw invalid(
      "approve_always for a group needs approve_once among the allowed_decisions; answer one question of it.",
    );
}

/**
 * There is a grant by this question, or there may be: then the others get none. Who sends the answer again finds out what the
 * store has not confirmed.
 */
function hasGiven(result: RespondResult, answer: JsonObject): boolean {
  const { status, record } = result;
  if (status === "accepted" || status === "duplicate" || status === "indeterminate") return true;
  const given = record?.user_response ?? null;
  if (status !== "conflict" || !isAlways(given)) return false;
  return scopeOf(given, record) === scopeOf(answer, record);
}

/** The first that is offered, where the answer names none. */
function scopeOf({ scope }: JsonObject, record: HITLRecord | undefined): JsonValue | undefined {
  if (scope !== undefined) return scope;
  const [first] = (record?.data["suggestions"] ?? []) as readonly { readonly scope?: JsonValue }[];
  return first?.scope;
}

/** What a question asks, whoever says so: null for one of no policy, or whose hash is not of what it shows (P7). */
function keyOf({ tenant_id, session_id, hitl_type, subject }: HITLRecord): string | null {
  if (hitl_type !== "permission" || subject?.rule_id === undefined || subject.rule_version === undefined)
    return null;
  const { tool, args, rule_id, rule_version, approved_hash } = subject;
  const isTrue = approvedHash({ tool, args, rule_id, rule_version }) === approved_hash;
  return isTrue ? JSON.stringify([tenant_id, session_id, approved_hash]) : null;
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
function keyOfGroup({ records, approved_hash }: AskGroup): string {
  if (!Array.isArray(records) || records.length === 0 || records.length > MAX_PAGE_LIMIT)
    throw invalid(`A group has 1 to ${MAX_PAGE_LIMIT} records.`);
  const keys = new Set(records.map((record: HITLRecord) => keyOf(record)));
  const [key] = keys;
  if (keys.size > 1 || typeof key !== "string" || records[0]?.subject?.approved_hash !== approved_hash)
    throw invalid("The questions of a group have to be equal, as groupAsks gives them.");
  if (new Set(records.map(({ hitl_id }: HITLRecord) => hitl_id)).size < records.length)
    throw invalid("A group has a question twice.");
  return key;
}

function invalid(message: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", message, { details: { name: "group" } });
}

function byAge(a: HITLRecord, b: HITLRecord): number {
  return a.created_at - b.created_at || (a.hitl_id < b.hitl_id ? -1 : 1);
}
