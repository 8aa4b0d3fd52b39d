/**
 * What a client has sent as the value of `Command({ resume })`: answers in it are given to the backend before a node of ours
 * reads its records, so that these stay the truth (P1, PROTOCOL.md §10.2). Each node of a step is handed the same value, so
 * it is taken in for the whole thread, by whichever comes first.
 */
import { HITL_KIND, toHITLRecord } from "../backends/hitl-codec.ts";
import { MAX_PAGE_LIMIT, type StoredRecord } from "../backends/record-store.ts";
import type { HoldpointErrorCode } from "../core/errors.ts";
import { isHoldpointError } from "../core/errors.ts";
import { hashJson, isValidForeignId } from "../core/ids.ts";
import { type JsonValue, toJson } from "../core/json.ts";
import type { Actor, HITLRecord } from "../core/record.ts";
import { HITL_STATUSES } from "../core/states.ts";
import { type InteropProblem, problem } from "../interop/problem.ts";
import {
  type InteropAnswer,
  type ReadAnswers,
  readAnswers,
  type ReadOptions,
} from "../interop/read-answers.ts";
import { give } from "../interop/respond-from.ts";
import { isWakeUp } from "../interop/unfold.ts";
import type { HoldpointRunConfig } from "./configure.ts";
import type { HostConfig, Place } from "./place.ts";
import { askedAt } from "./supersede.ts";

/** In the `configurable` of a run that `resumeThread` and its like have started: it carries no answer. */
export const WAKE_KEY = "__holdpoint_wake";

const SCRATCHPAD = "__pregel_scratchpad";
const RESUME_MAP = "__pregel_resume_map";
const RESUME_CHANNEL = "__resume__";
const INTERRUPT_CHANNEL = "__interrupt__";
/** Where LangGraph keeps a resume value that is of no task. */
const NO_TASK = "00000000-0000-0000-0000-000000000000";
const TAKEN = { hitl: "taken" };

interface Scratchpad {
  nullResume?: unknown;
}

interface Given {
  /** By interrupt id; handed to the run for which it was sent, and to no other. */
  readonly map: JsonValue | undefined;
  /** For whoever takes it; LangGraph keeps it with the checkpoint, and hands it out on each run from there. */
  readonly plain: unknown;
}

interface TakenIn {
  /** The plain value was meant for questions of ours. */
  readonly isTaken: boolean;
  readonly problems: readonly InteropProblem[];
  /** The questions that were open then: what was wrong is said at them. */
  readonly open: ReadonlySet<string>;
}

const takenIn = new WeakMap<Place, TakenIn>();

/**
 * Undefined if the run carries no value, which costs nothing.
 *
 * @throws HoldpointError of the store; never because of the value
 */
export function takeResumeValue(config: HostConfig, place: Place): Promise<void> | undefined {
  const { configurable = {} } = config;
  if (place.fresh || configurable[WAKE_KEY] !== undefined) return undefined;
  const scratchpad = configurable[SCRATCHPAD] as Scratchpad | undefined;
  const map = mapOf(configurable[RESUME_MAP]);
  const plain = isPoke(scratchpad?.nullResume) ? undefined : scratchpad?.nullResume;
  if (map === undefined && plain === undefined) return undefined;
  return shared(place, { map, plain }, actorOf(configurable)).then((taken) => {
    takenIn.set(place, taken);
    // A native `interrupt()` in this task must not take for its own what was meant for a question of ours.
    if (taken.isTaken && scratchpad) delete scratchpad.nullResume;
  });
}

/** What was wrong with the value of this run, for the questions that are shown again. */
export function resumeProblems(place: Place, records: readonly HITLRecord[]): readonly InteropProblem[] {
  const taken = takenIn.get(place);
  if (!taken || !records.some(({ hitl_id }) => taken.open.has(hitl_id))) return [];
  return taken.problems;
}

function isPoke(value: unknown): boolean {
  try {
    return value === undefined || isWakeUp(value as JsonValue);
  } catch {
    // A proxy or a getter: it is read, and refused, with care.
    return false;
  }
}

function mapOf(value: unknown): JsonValue | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.values(value).every(isPoke) ? undefined : (value as JsonValue);
}

/** P8: a name that cannot be one is nobody's; a question for certain people does not take it. */
function actorOf(configurable: Readonly<Record<string, unknown>>): Actor | undefined {
  const { user_id } = (configurable["holdpoint"] ?? {}) as HoldpointRunConfig;
  return isValidForeignId(user_id) ? { id: user_id, role: "user" } : undefined;
}

const underWay = new WeakMap<object, Map<string, Promise<TakenIn>>>();

/** Nodes of one step wait for the one that takes the value in: else one would find it half used. */
function shared(place: Place, given: Given, actor: Actor | undefined): Promise<TakenIn> {
  const hash = hashOf([given.map ?? null, given.plain ?? null]);
  if (hash === null) return takeIn(place, given, actor);
  const { store } = place.backend;
  const running = underWay.get(store) ?? new Map<string, Promise<TakenIn>>();
  underWay.set(store, running);
  const name = JSON.stringify([place.tenant_id, place.thread_id, place.root_checkpoint_id, hash]);
  const known = running.get(name);
  if (known) return known;
  const work = takeIn(place, given, actor).finally(() => running.delete(name));
  running.set(name, work);
  return work;
}

async function takeIn(place: Place, { map, plain }: Given, actor: Actor | undefined): Promise<TakenIn> {
  const records = await recordsAt(place);
  const open = records.filter(({ status }) => status === "pending");
  const problems: InteropProblem[] = [];
  if (map !== undefined) {
    const read = readAnswers(map, open);
    // An id that is none of ours is one of LangGraph's own.
    problems.push(...read.problems.filter(({ code }) => code !== "unknown_id"));
    problems.push(...(await answerAll(place, read.answers, map, actor)));
  }
  let isTaken = false;
  if (plain !== undefined && (isTaken = wasTaken(place, records, plain))) await forget(place);
  else if (plain !== undefined) {
    const read = await readPlain(place, records, open, plain);
    problems.push(...read.problems);
    isTaken = read.answers.length > 0;
    // A cancellation has no key by which it would be known again.
    const cancels = read.answers.some(({ cancel, by }) => cancel === true && by !== "id");
    if (cancels) await forget(place);
    problems.push(...(await answerAll(place, read.answers, plain, actor)));
    if (isTaken && !cancels) await forget(place);
  }
  return { isTaken, problems, open: new Set(open.map(({ hitl_id }) => hitl_id)) };
}

/** The questions of this pause, oldest first; deadlines that have passed take effect. */
async function recordsAt({
  backend,
  tenant_id,
  thread_id,
  slot,
  root_checkpoint_id,
}: Place): Promise<HITLRecord[]> {
  const { items } = await backend.store.page({
    kind: HITL_KIND,
    tenant_id,
    statuses: HITL_STATUSES,
    key: { name: "thread", value: thread_id },
    slot,
    order: "newest",
    limit: MAX_PAGE_LIMIT,
  });
  const isHere = (stored: StoredRecord): boolean => {
    const asked = askedAt(stored);
    return asked === null || root_checkpoint_id === null || asked === root_checkpoint_id;
  };
  const here = await Promise.all(items.filter(isHere).map((stored) => backend.settled(stored)));
  return here.toReversed().map(toHITLRecord);
}

async function readPlain(
  place: Place,
  records: readonly HITLRecord[],
  open: readonly HITLRecord[],
  value: unknown,
): Promise<ReadAnswers> {
  let read = readAnswers(value, open, { plain: false });
  if (read.answers.some(({ by }) => by !== "id")) {
    const { asks, ...options } = await asShown(place, records, open);
    read = readAnswers(value, asks, { ...options, plain: false });
  }
  // Ids of this pause that have been answered meanwhile: late, and nobody's mistake.
  const isLate =
    read.problems.some(({ code }) => code === "unknown_id") &&
    readAnswers(value, records, { plain: false }).problems.every(({ code }) => code !== "unknown_id");
  return isLate ? { ...read, problems: read.problems.filter(({ code }) => code !== "unknown_id") } : read;
}

/** What the client saw says what an answer without an id may mean: the only one, or the one at its place. */
async function asShown(
  place: Place,
  records: readonly HITLRecord[],
  open: readonly HITLRecord[],
): Promise<Required<Pick<ReadOptions, "byPlace" | "othersOpen">> & { readonly asks: readonly HITLRecord[] }> {
  const shown = await shownAt(place);
  const order = shown?.ids ?? [];
  const isAll = order.length === open.length && open.every(({ hitl_id }) => order.includes(hitl_id));
  const asks = isAll ? open.toSorted((a, b) => order.indexOf(a.hitl_id) - order.indexOf(b.hitl_id)) : open;
  // A list that was shown before, with another question in this place, may be as long.
  const last = Math.max(...records.map(({ responded_at }) => responded_at ?? 0), 0);
  const isMixed =
    open.some(({ created_at }) => created_at < last) && open.some((ask) => ask.created_at >= last);
  return { asks, byPlace: isAll && !isMixed, othersOpen: !isAll || shown?.foreign !== false };
}

interface Shown {
  /** Of the questions, in their order. */
  readonly ids: readonly string[];
  /** An interrupt that is not of ours is shown, too. */
  readonly foreign: boolean;
}

/** The interrupts that LangGraph keeps with the checkpoint; null if they cannot be read. */
async function shownAt({ checkpointer, thread_id, root_checkpoint_id }: Place): Promise<Shown | null> {
  if (root_checkpoint_id === null) return null;
  const configurable = { thread_id, checkpoint_ns: "", checkpoint_id: root_checkpoint_id };
  const tuple = (await checkpointer.getTuple({ configurable })) as
    | { readonly pendingWrites?: readonly (readonly [string, string, unknown])[] }
    | undefined;
  if (!tuple?.pendingWrites) return null;
  const values = tuple.pendingWrites
    .filter(([, channel]) => channel === INTERRUPT_CHANNEL)
    .flatMap(([, , written]) => written)
    .map((entry) => (entry as { value?: unknown } | null)?.value);
  const ids = new Set<string>();
  let foreign = false;
  for (const value of values) {
    const { hitl_id, asks } = (value ?? {}) as { hitl_id?: unknown; asks?: readonly { hitl_id?: unknown }[] };
    const named = Array.isArray(asks) ? asks.map((ask) => ask.hitl_id) : [hitl_id];
    if (named.every((id) => typeof id === "string")) for (const id of named) ids.add(id);
    else foreign = true;
  }
  return { ids: [...ids], foreign };
}

/** A value that is handed out again has answered a question of this pause already. */
function wasTaken(place: Place, records: readonly HITLRecord[], value: unknown): boolean {
  const hash = hashOf(value);
  if (hash === null) return false;
  return records.some(({ hitl_id, idempotency_key }) => idempotency_key === keyOf(place, hitl_id, hash));
}

function keyOf({ root_checkpoint_id }: Place, hitl_id: string, hash: string): string {
  return `resume:${hashJson([root_checkpoint_id, hitl_id, hash])}`;
}

/** Null for what is no JSON. */
function hashOf(value: unknown): string | null {
  try {
    return hashJson(toJson(value, "resume", { maxBytes: 4 * 1024 * 1024, maxDepth: 80 }));
  } catch {
    return null;
  }
}

/** What an answer itself may be refused for; anything else is the store's, and stops the run (P8). */
const OF_ANSWER: readonly HoldpointErrorCode[] = [
  "ERR_HITL_INVALID_INPUT",
  "ERR_HITL_NOT_JSON",
  "ERR_HITL_TOO_LARGE",
  "ERR_HITL_TOO_DEEP",
];

async function answerAll(
  place: Place,
  answers: readonly InteropAnswer[],
  value: unknown,
  actor: Actor | undefined,
): Promise<InteropProblem[]> {
  const problems: InteropProblem[] = [];
  const hash = hashOf(value);
  for (const answer of answers) {
    const { hitl_id } = answer;
    const idempotency_key = hash === null ? undefined : keyOf(place, hitl_id, hash);
    try {
      const { problem: why } = await give(place.backend, answer, { actor, idempotency_key });
      if (why) problems.push(why);
    } catch (error) {
      if (!isHoldpointError(error) || !OF_ANSWER.includes(error.code)) throw error;
      problems.push(problem(hitl_id, "refused", error.message));
    }
  }
  return problems;
}

interface WritingCheckpointer {
  putWrites?(
    config: unknown,
    writes: readonly (readonly [string, unknown])[],
    task: string,
  ): Promise<unknown>;
}

/**
 * Puts a wake-up in the place of the value, so that the same words can answer the next question of the pause. Where that
 * fails, {@link wasTaken} still keeps the value from answering twice.
 */
async function forget({ checkpointer, thread_id, root_checkpoint_id }: Place): Promise<void> {
  const saver = checkpointer as WritingCheckpointer;
  if (root_checkpoint_id === null || typeof saver.putWrites !== "function") return;
  const configurable = { thread_id, checkpoint_ns: "", checkpoint_id: root_checkpoint_id };
  try {
    await saver.putWrites({ configurable }, [[RESUME_CHANNEL, TAKEN]], NO_TASK);
  } catch {
    // The graph has a checkpoint to save next, and says so if it cannot.
  }
}
