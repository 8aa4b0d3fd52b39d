/**
 * The interrupts of a thread as `GET /threads/{id}` and searches list them. Agent Inbox reads them there, and makes its
 * buttons of the first one of each task. What states, histories and streams leave out is in still-open.ts; what they show of
 * a question is as LangGraph gives it.
 */
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { MAX_PAGE_LIMIT } from "../../backends/record-store.ts";
import type { JsonObject } from "../../core/json.ts";
import type { HITLRecord } from "../../core/record.ts";
import { type InteropAsk, reviewDecisions } from "../../interop/ask.ts";
import { toAgentInbox1 } from "../../interop/langchain.ts";
import { isOurs } from "../../nodes/interrupts.ts";
import { type InterruptPayload, interruptsFor } from "../../suspend/interrupt-payload.ts";
import type { ServedState } from "./options.ts";

export type ListedInterrupts = Readonly<Record<string, readonly unknown[]>>;

/** What is read of the value of an interrupt of ours; the rest is handed on as it is. */
type OwnValue = Partial<Pick<InterruptPayload, "hitl_id" | "asks" | "issues">>;

interface Shown {
  readonly id?: unknown;
  readonly value?: unknown;
}

const NOTHING: ListedInterrupts = {};

/**
 * By task, each open question an interrupt of its own. One that was answered is left out, though LangGraph keeps its
 * interrupt until the other tasks of the step are done. Where all were answered, they wait for the graph, and are listed
 * as they are.
 */
export async function listedInterrupts(
  backend: HITLBackend,
  thread_id: string,
  state: ServedState | null,
): Promise<ListedInterrupts> {
  const tasks = (state?.tasks ?? []).filter(({ interrupts }) => interrupts.length > 0);
  if (tasks.length === 0) return NOTHING;
  const listed = (each: (entry: unknown) => readonly unknown[]): ListedInterrupts =>
    Object.fromEntries(
      tasks
        .map((task): readonly [string, unknown[]] => [task.id, task.interrupts.flatMap(each)])
        .filter(([, interrupts]) => interrupts.length > 0),
    );
  const asTheyAre = (): ListedInterrupts => listed((entry) => [entry]);
  if (!tasks.some(({ interrupts }) => interrupts.some((entry) => isOurs((entry as Shown).value))))
    return asTheyAre();
  const questions = new Questions(await openQuestions(backend, thread_id));
  const open = listed((entry) => questions.of(entry));
  return Object.keys(open).length > 0 ? open : asTheyAre();
}

async function openQuestions(backend: HITLBackend, thread_id: string): Promise<Map<string, HITLRecord>> {
  const open = new Map<string, HITLRecord>();
  let cursor: string | undefined;
  do {
    const page = await backend.list({ thread_id, status: "pending", limit: MAX_PAGE_LIMIT, cursor });
    for (const record of page.items) open.set(record.hitl_id, record);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return open;
}

/** The open questions of one thread, each of which is listed once. */
class Questions {
  readonly #open: ReadonlyMap<string, HITLRecord>;
  readonly #listed = new Set<string>();

  constructor(open: ReadonlyMap<string, HITLRecord>) {
    this.#open = open;
  }

  /** LangGraph 1.4 keeps one interrupt of a task, which lists all its questions (PROTOCOL.md §10). */
  of(entry: unknown): readonly unknown[] {
    const { value } = entry as Shown;
    if (!isOurs(value)) return [entry];
    const shown = value as OwnValue;
    const { asks } = shown;
    // A step that waits for another process asks nothing.
    if (asks?.length === 0) return [entry];
    if (asks) return asks.flatMap(({ hitl_id }) => this.#take(hitl_id)).map((ask) => this.#own(ask, shown));
    return this.#take(shown.hitl_id).map((ask) => ({
      ...(entry as object),
      value: asAgentInboxReads(shown, ask),
    }));
  }

  #take(hitl_id: string | undefined): readonly HITLRecord[] {
    const ask = hitl_id === undefined ? undefined : this.#open.get(hitl_id);
    if (!ask || this.#listed.has(ask.hitl_id)) return [];
    this.#listed.add(ask.hitl_id);
    return [ask];
  }

  /** The interrupt of one of several questions: its lists hold this question alone. */
  #own(ask: HITLRecord, shown: OwnValue): unknown {
    const asks = (shown.asks ?? []).filter(({ hitl_id }) => this.#open.has(hitl_id));
    const issues = (shown.issues ?? []).filter(({ hitl_id }) => hitl_id === null || hitl_id === ask.hitl_id);
    const [own] = interruptsFor([ask]);
    return {
      id: own?.id,
      value: {
        ...asAgentInboxReads(own?.value ?? {}, ask),
        ...(asks.length > 1 ? { asks } : {}),
        ...(issues.length > 0 ? { issues } : {}),
      },
    };
  }
}

/**
 * Its own request where LangChain's lists have no button that answers (of these it knows approve, edit and reject), or are
 * left out because arguments are long: it reads them first.
 */
function asAgentInboxReads(value: object, ask: InteropAsk): object {
  const { action_requests, review_configs: _, ...rest } = value as JsonObject;
  const isText = reviewDecisions(ask).every((name) => name === "respond");
  return action_requests === undefined || isText ? { ...rest, ...toAgentInbox1([ask])[0] } : value;
}
