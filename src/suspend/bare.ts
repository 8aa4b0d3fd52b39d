/**
 * Asking where nothing of ours runs the call: in a plain node, or in an unwrapped tool under a stock `ToolNode`.
 * The record holds P1 to P4 there; siblings and the body's own effects are the host's business.
 */
import type { HITLBackend } from "../backends/hitl-backend.ts";
import { toHITLRecord } from "../backends/hitl-codec.ts";
import type { StoredRecord } from "../backends/record-store.ts";
import { HoldpointError } from "../core/errors.ts";
import type { HITLRecord } from "../core/record.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import type { CallIdentity } from "./call-record.ts";
import { callOf } from "./call-identity.ts";
import { emitQuestion } from "./emit.ts";
import { interruptsFor } from "./interrupt-payload.ts";
import { PauseSignal } from "./pause-signal.ts";
import { assertResumable, callRecordId, type HostConfig, placeOf, placeOfThread } from "./place.ts";
import { prepareQuestion, type Question, QuestionNames } from "./question.ts";
import { resumeProblems, takeResumeValue } from "./resume-value.ts";
import { hasOlder, pauseInserts, supersede, takenUpOp } from "./supersede.ts";

/** Counts the questions of one attempt of a task: its scratchpad is made anew for each execution, not for a retry. */
const counters = new WeakMap<
  object,
  { readonly attempt: number; readonly perCall: Map<string, QuestionNames> }
>();

export async function askBare(
  question: Question,
  config: HostConfig | undefined,
  runtime: object | undefined,
  backend?: HITLBackend,
): Promise<HITLRecord> {
  const scratchpad = config?.configurable?.["__pregel_scratchpad"] as object | undefined;
  if (!config || !scratchpad) throw noIdentity("outside a LangGraph node or tool");
  const place = await placeOfThread(config, placeOf(config, backend));
  await takeResumeValue(config, place);
  const known = callOf(config, runtime);
  if (!known && insideTool(config)) throw noIdentity("in a tool that a stock ToolNode runs");
  const id = callRecordId(place, known?.tool_call_id ?? null);
  const call: CallIdentity = {
    id,
    tool_call_id: known?.tool_call_id ?? null,
    tool_name: known?.tool_name ?? place.node_id ?? "node",
    params: null,
  };
  const attempt = config.executionInfo?.nodeAttempt ?? 1;
  const counted = counters.get(scratchpad);
  const perCall = counted?.attempt === attempt ? counted.perCall : new Map<string, QuestionNames>();
  counters.set(scratchpad, { attempt, perCall });
  const names = perCall.get(id) ?? new QuestionNames(0);
  perCall.set(id, names);
  const named = names.next(place, call, question);
  await assertResumable(place);
  const prepared = prepareQuestion(place, call, question, named, place.backend.now());
  const { results } = await place.backend.store.commit([
    prepared.insert,
    ...pauseInserts(place.backend, place, place.root_checkpoint_id),
  ]);
  if (hasOlder(results.slice(1))) await supersede(place, place.root_checkpoint_id);
  const stored = results[0]?.record as StoredRecord;
  place.backend.remember(stored, prepared.standard);
  // `get` lets a passed deadline take effect.
  const record =
    results[0]?.status === "exists"
      ? ((await place.backend.get(stored.id)) ?? toHITLRecord(stored))
      : toHITLRecord(stored);
  emitQuestion(place, () => record, known ? id : null);
  if (!isTerminalHITLStatus(record.status))
    throw new PauseSignal(interruptsFor([record], resumeProblems(place, [record])));
  if (record.resume.state === "waiting") {
    const { id } = stored;
    await place.backend.store.commit([takenUpOp(place.backend, { id, status: record.status })]);
  }
  return record;
}

/** Only a node's own config carries `executionInfo`; that of a tool or another child run in it does not. */
function insideTool(config: HostConfig): boolean {
  return config.executionInfo === undefined;
}

function noIdentity(where: string): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_NO_CALL_IDENTITY",
    `A question was asked ${where}, where nothing tells which tool call it belongs to. Use HITLToolNode or holdpointTools, or pass the tool's second argument: confirm(request, runtime).`,
  );
}
