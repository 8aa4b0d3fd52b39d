/**
 * What a client has sent as the value of `Command({ resume })`: answers in it are given to the backend before a node of ours
 * reads its records, so that these stay the truth (P1, PROTOCOL.md §10.2). Each node of a step is handed the same value, so
 * it is taken in for the whole thread, by whichever comes first.
 */
import { HITL_KIND, toHITLRecord } from "../backends/hitl-codec.ts";
import { MAX_PAGE_LIMIT, type StoredRecord } from "../backends/record-store.ts";
import { hashJson, isValidForeignId } from "../core/ids.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { Actor, HITLRecord } from "../core/record.ts";
import { HITL_STATUSES } from "../core/states.ts";
import { isMarked } from "../interop/decision.ts";
import { type InteropProblem, problem } from "../interop/problem.ts";
import {
  type InteropAnswer,
  type ReadAnswers,
  readAnswers,
  type ReadOptions,
} from "../interop/read-answers.ts";
import { give } from "../interop/respond-from.ts";
import type { HoldpointRunConfig } from "./configure.ts";
import { forget, hashOf, isPoke, type Shown, shownAt, shownWith } from "./kept-value.ts";
import type { HostConfig, Place } from "./place.ts";
import { askedAt } from "./supersede.ts";

/** In the `configurable` of a run that `resumeThread` and its like have started: it carries no answer. */
export const WAKE_KEY = "__holdpoint_wake";

const SCRATCHPAD = "__pregel_scratchpad";
const RESUME_MAP = "__pregel_resume_map";

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
/** By the scratchpad, which is made anew for each execution of a task: calls of one task take a value in once. */
const ofTasks = new WeakMap<object, Promise<TakenIn>>();

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
  return take(place, { map, plain }, configurable, scratchpad);
}

async function take(
  place: Place,
  given: Given,
  configurable: Readonly<Record<string, unknown>>,
  scratchpad: Scratchpad | undefined,
): Promise<void> {
  const known = scratchpad && ofTasks.get(scratchpad);
  const work = known ?? shared(place, given, actorOf(configurable));
  if (scratchpad) ofTasks.set(scratchpad, work);
  let taken: TakenIn;
  try {
    taken = await work;
  } catch (error) {
    // The host may try the task again, with the same scratchpad.
    if (scratchpad) ofTasks.delete(scratchpad);
    throw error;
  }
  takenIn.set(place, taken);
  // A native `interrupt()` in this task must not take for its own what was meant for a question of ours.
  if (taken.isTaken && scratchpad) delete scratchpad.nullResume;
}

/** What was wrong with the value of this run, for the questions that are shown again. */
export function resumeProblems(place: Place, records: readonly HITLRecord[]): readonly InteropProblem[] {
  const taken = takenIn.get(place);
  if (!taken || !records.some(({ hitl_id }) => taken.open.has(hitl_id))) return [];
  return taken.problems;
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
    const listed = await readListOf(place, records, open, map);
    // Which of several interrupts lists what, and in which order, clients see differently: one decision for each id.
    const read = listed ?? readAnswers(map, open, { byPlace: false });
    // An id that is none of ours is one of LangGraph's own.
    problems.push(...read.problems.filter(({ code }) => code !== "unknown_id"));
    problems.push(...(await answerAll(place, read.answers, map, actor)));
  }
  let isTaken = false;
  if (plain !== undefined) {
    const read = await readPlain(place, records, open, plain);
    ({ isTaken } = read);
    problems.push(...read.problems);
    problems.push(...(await answerAll(place, read.answers, plain, actor)));
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

/**
 * A client may send the list for all that one interrupt shows under the id of that interrupt. Null where it is no such list,
 * or where something else is shown, too.
 */
async function readListOf(
  place: Place,
  records: readonly HITLRecord[],
  open: readonly HITLRecord[],
  map: JsonValue,
): Promise<ReadAnswers | null> {
  const [entry, ...others] = Object.entries(map as JsonObject);
  if (!entry || others.length > 0 || open.length < 2) return null;
  const [id, value] = entry;
  const { decisions = value } = (value ?? {}) as { decisions?: unknown };
  if (!Array.isArray(decisions) || decisions.length !== open.length || !decisions.every(isMarked))
    return null;
  const shown = await shownAt(place);
  if (!shown?.interrupts.includes(id)) return null;
  const { asks, byPlace, othersOpen } = asShown(shown, records, open);
  return byPlace && !othersOpen ? readAnswers(value, asks, { plain: false }) : null;
}

interface ReadPlain extends ReadAnswers {
  readonly isTaken: boolean;
}

async function readPlain(
  place: Place,
  records: readonly HITLRecord[],
  open: readonly HITLRecord[],
  value: unknown,
): Promise<ReadPlain> {
  const read = readAnswers(value, open, { plain: false });
  const { answers, problems } = read;
  if (answers.some(({ by }) => by !== "id") || problems.some(({ code }) => BY_SIGHT.includes(code)))
    return readUnaddressed(place, records, open, value, answers);
  // Ids of this pause that have been answered meanwhile: late, and nobody's mistake.
  const isLate =
    problems.some(({ code }) => code === "unknown_id") &&
    readAnswers(value, records, { plain: false }).problems.every(({ code }) => code !== "unknown_id");
  return {
    answers,
    problems: isLate ? problems.filter(({ code }) => code !== "unknown_id") : problems,
    isTaken: isLate || answers.length > 0,
  };
}

/** What is wrong today may be right when other questions are open. */
const BY_SIGHT: readonly InteropProblem["code"][] = [
  "ambiguous",
  "wrong_count",
  "mismatch",
  "not_allowed",
  "invalid",
];

/**
 * What has no id is meant for what its sender saw, and only once: it has to be what LangGraph keeps with the checkpoint, and
 * is forgotten there before it counts, or is refused.
 */
async function readUnaddressed(
  place: Place,
  records: readonly HITLRecord[],
  open: readonly HITLRecord[],
  value: unknown,
  first: readonly InteropAnswer[],
): Promise<ReadPlain> {
  const hash = hashOf(value);
  const shown = hash === null ? null : await shownWith(place, hash);
  if (!shown || !(await forget(place))) {
    const message =
      "It cannot be told from one that was taken for a question before. Answer by interrupt id.";
    const answers = first.filter(({ by }) => by === "id");
    return { answers, problems: [problem(null, "ambiguous", message)], isTaken: true };
  }
  const { asks, ...options } = asShown(shown, records, open);
  const read = readAnswers(value, asks, { ...options, plain: false });
  return { ...read, isTaken: read.answers.length > 0 };
}

/** What the client saw says what an answer without an id may mean: the only one, or the one at its place. */
function asShown(
  { ids, inOneList, foreign }: Shown,
  records: readonly HITLRecord[],
  open: readonly HITLRecord[],
): Required<Pick<ReadOptions, "byPlace" | "othersOpen" | "closed">> & {
  readonly asks: readonly HITLRecord[];
} {
  const areShown = open.every(({ hitl_id }) => ids.includes(hitl_id));
  const isAll = ids.length === open.length && areShown;
  const asks = isAll ? open.toSorted((a, b) => ids.indexOf(a.hitl_id) - ids.indexOf(b.hitl_id)) : open;
  // A list that was shown before, with another question in this place, may be as long.
  const last = Math.max(...records.map(({ responded_at }) => responded_at ?? 0), 0);
  // What has the time of the last answer may be older than it, or newer; what was asked at one time was asked together.
  const isMixed =
    new Set(open.map(({ created_at }) => created_at)).size > 1 &&
    open.some(({ created_at }) => created_at <= last) &&
    open.some(({ created_at }) => created_at >= last);
  // LangGraph shows the question of a task that is done until the other tasks of the step are.
  const closed = records.filter(({ hitl_id, status }) => status !== "pending" && ids.includes(hitl_id));
  const areKnown = areShown && open.length + closed.length === ids.length;
  return {
    asks,
    byPlace: isAll && inOneList && !isMixed,
    othersOpen: foreign || !areKnown,
    closed: isAll ? [] : closed,
  };
}

/** The same answer from the same place is a duplicate, and says in the record where it came from (P4). */
function keyOf({ root_checkpoint_id }: Place, hitl_id: string, hash: string): string {
  return `resume:${hashJson([root_checkpoint_id, hitl_id, hash])}`;
}

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
    const { problem: why } = await give(place.backend, answer, { actor, idempotency_key });
    if (why) problems.push(why);
  }
  return problems;
}
