/** One request: which call it means, what its client has answered, and what it gets. */
import type { StructuredToolInterface } from "@langchain/core/tools";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { HoldpointError } from "../core/errors.ts";
import { defaultRandomId, makeRandomId, slotOf } from "../core/ids.ts";
import type { HITLRecord } from "../core/record.ts";
import { isObject, own } from "../interop/ask.ts";
import type { JsonValue } from "../core/json.ts";
import type { ToolStepOptions } from "../suspend/tool-step.ts";
import { Answers } from "./answers.ts";
import { Asking } from "./asking.ts";
import { type CallerOptions, callerOf, type Intent, intentOf } from "./caller.ts";
import type { Exchange } from "./exchange.ts";
import { Hold, takeOpenCall } from "./hold.ts";
import { McpCall, type RunTool } from "./mcp-call.ts";
import type { References } from "./reference.ts";
import {
  busyResult,
  type McpElicitation,
  type McpInputRequired,
  type McpToolResult,
  outputResult,
  waitingResult,
} from "./results.ts";
import { whileRunning } from "./while-running.ts";

/** The options of the server, complete. */
export interface Settings extends CallerOptions {
  readonly backend: StoreHITLBackend;
  readonly references: References;
  readonly referenceTtlMs: number;
  readonly leaseMs: number;
  readonly step: ToolStepOptions;
  readonly elicit: (record: HITLRecord) => boolean;
  readonly maxAttempts: number;
  /** Undefined: a human is waited for only while the client shows the question. */
  readonly waitMs: number | undefined;
  readonly progressMs: number;
}

export interface ServedTool {
  readonly tool: Pick<StructuredToolInterface, "name">;
  readonly run: RunTool;
}

/** As long as most clients wait for a result, and a little less. */
const DEFAULT_WAIT_MS = 55_000;

/** @throws HoldpointError for a reference that is none, or another call's; of the engine and the store */
export async function serve(
  settings: Settings,
  { tool, run }: ServedTool,
  given: unknown,
  exchange: Exchange,
): Promise<McpToolResult> {
  const { backend, elicit } = settings;
  const caller = callerOf(exchange.request, settings);
  const intent = intentOf(caller, tool.name, given, backend.tenant_id);
  const found = await findCall(settings, intent, run, exchange);
  const answers = new Answers({ backend, actor: caller.actor, can: exchange.can, elicit });
  return new Served(settings, exchange, answers, found).run(tool.name);
}

interface Found {
  readonly call: McpCall;
  readonly hold: Hold;
  /** Recorded before this request. */
  readonly isKnown: boolean;
  /** Rounds with an answer that was refused. */
  readonly wrong: number;
}

async function findCall(
  settings: Settings,
  intent: Intent,
  run: RunTool,
  exchange: Exchange,
): Promise<Found> {
  const { backend, leaseMs, step, references } = settings;
  const parts = { backend, intent, run, step };
  if (exchange.reference !== undefined) {
    const { call_id, wrong } = references.read(exchange.reference);
    const call = new McpCall(parts, call_id);
    const record = await call.load();
    // P7: its place is made of who calls, its intent of what is called with what.
    if (record?.keys.invocation !== intent.hash) throw otherCall();
    const hold = new Hold(backend, call.record_id);
    await hold.giveBack(record);
    return { call, hold, isKnown: true, wrong };
  }
  const slot = slotOf(backend.tenant_id, intent.caller.session_id);
  const open = intent.caller.isKnown ? await takeOpenCall(backend, intent, slot, leaseMs) : null;
  if (open) {
    const call = new McpCall(parts, open.record.value["thread_id"] as string);
    await open.hold.giveBack();
    return { call, hold: open.hold, isKnown: true, wrong: 0 };
  }
  const call = new McpCall(parts, makeRandomId("mcp", slot, defaultRandomId));
  return { call, hold: new Hold(backend, call.record_id), isKnown: false, wrong: 0 };
}

function otherCall(): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_NOT_FOUND",
    "The reference is not to this call: it was made by another caller, of another tool or with other arguments, or it is kept no more. Call the tool again without it.",
  );
}

/** What the client has said in this round. */
interface Heard {
  readonly notes: string[];
  readonly wrong: Map<string, string>;
  readonly dismissed: Set<string>;
  readonly opened: Set<string>;
}

class Served {
  readonly #settings: Settings;
  readonly #exchange: Exchange;
  readonly #answers: Answers;
  readonly #found: Found;
  readonly #heard: Heard = { notes: [], wrong: new Map(), dismissed: new Set(), opened: new Set() };

  constructor(settings: Settings, exchange: Exchange, answers: Answers, found: Found) {
    this.#settings = settings;
    this.#exchange = exchange;
    this.#answers = answers;
    this.#found = found;
  }

  async run(tool: string): Promise<McpToolResult> {
    const { backend, maxAttempts, waitMs, progressMs, leaseMs } = this.#settings;
    const { call, hold } = this.#found;
    const exchange = this.#exchange;
    let { isKnown } = this.#found;
    if (isKnown) await this.#hear();
    const asking = new Asking({
      backend,
      exchange,
      answers: this.#answers,
      maxAttempts,
      waitMs: waitMs ?? DEFAULT_WAIT_MS,
      waitsForOthers: waitMs !== undefined,
      progressMs,
    });
    try {
      for (;;) {
        const result = await call.settle(isKnown);
        isKnown = true;
        const notes = [...this.#heard.notes, ...asking.notes];
        if (result.status === "finished") return outputResult(result.output, tool, notes);
        const pending = call.pending();
        if (pending.length === 0) {
          if (await whileRunning(backend.store, call.record_id, backend, asking.signal)) continue;
          return busyResult(tool, this.#reference(0));
        }
        const required = this.#inputRequired(pending);
        if (required) {
          await hold.take(this.#settings.referenceTtlMs, false);
          return required;
        }
        await hold.take(leaseMs, true);
        const next = await this.#next(asking, pending);
        if (next === "go_on") {
          await hold.giveBack();
          continue;
        }
        await hold.leave();
        const said = [...this.#heard.notes, ...asking.notes];
        return waitingResult(tool, pending, { reference: this.#reference(0), notes: said });
      }
    } finally {
      asking.stop();
      hold.end();
    }
  }

  /** In rounds the client shows nothing meanwhile: it is waited for where a page was opened, or others are. */
  #next(asking: Asking, pending: readonly HITLRecord[]): Promise<"go_on" | "left"> {
    if (this.#exchange.way === "push") return asking.next(pending);
    const { opened } = this.#heard;
    return asking.watch(
      pending,
      pending.some(({ hitl_id }) => opened.has(hitl_id)),
    );
  }

  #reference(wrong: number): string {
    const { references, referenceTtlMs } = this.#settings;
    return references.write({ call_id: this.#found.call.call_id, wrong }, referenceTtlMs);
  }

  /** P3, P4: what the client has answered, question by question. One that it did not answer is asked again. */
  async #hear(): Promise<void> {
    const { responses } = this.#exchange;
    if (!isObject(responses)) return;
    const { notes, wrong, dismissed, opened } = this.#heard;
    for (const record of this.#found.call.asked()) {
      const result: JsonValue | undefined = own(responses, record.hitl_id);
      if (result === undefined) continue;
      const said = await this.#answers.take(result, record);
      if ("note" in said && said.note !== undefined) notes.push(said.note);
      if (said.became === "wrong") wrong.set(record.hitl_id, said.message);
      if (said.became === "dismissed") dismissed.add(record.hitl_id);
      if (said.became === "opened") opened.add(record.hitl_id);
    }
  }

  /** Null where questions are pushed, and where the client has nothing to show, or no more. */
  #inputRequired(pending: readonly HITLRecord[]): McpInputRequired | null {
    if (this.#exchange.way === "push") return null;
    const { wrong, dismissed, opened, notes } = this.#heard;
    const refused = this.#found.wrong + (wrong.size > 0 ? 1 : 0);
    if (wrong.size > 0 && refused >= this.#settings.maxAttempts) {
      for (const [id, why] of wrong) notes.push(`The last answer to ${id} was refused: ${why}`);
      return null;
    }
    const requests = pending.flatMap((record) => {
      const { hitl_id } = record;
      if (dismissed.has(hitl_id) || opened.has(hitl_id)) return [];
      const params = this.#answers.shown(record, wrong.get(hitl_id));
      return params === null
        ? []
        : [[hitl_id, { method: "elicitation/create", params: inRound(params) }] as const];
    });
    if (requests.length === 0) return null;
    const inputRequests = Object.fromEntries(requests);
    return { resultType: "input_required", inputRequests, requestState: this.#reference(refused) };
  }
}

/** A page is named by the round's own key. */
function inRound(params: NonNullable<ReturnType<Answers["shown"]>>): McpElicitation {
  if (params.mode === "form") return params;
  const { elicitationId: _, ...page } = params;
  return page;
}
