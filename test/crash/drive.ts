/** Brings a thread to its end as an application and its humans would, wherever it stands. */
import { type HITLRecord, isHoldpointError, resumeThread, respondAndResume } from "holdpoint";
import { configOf, start } from "../support/agent.ts";
import { effectsOf, type Site, type ToolName, type World } from "./world.ts";

export interface DriveReport {
  readonly status: "finished" | "stalled";
  /** What was decided about calls in doubt, in order. */
  readonly doubts: readonly Doubted[];
  /** How often the thread was woken without an answer. */
  readonly wakes: number;
  /** How often this process was so slow that its lease had run out: it has to say so, and can be asked again. */
  readonly leasesLost: number;
  /** Where it stands, if it stalled. */
  readonly detail: string;
}

export interface Doubted {
  readonly call: ToolName;
  readonly decision: "happened" | "run_again";
}

export interface DriveOptions {
  /** Wake the thread before anything is answered. */
  readonly wakeFirst?: boolean;
  readonly deadlineMs: number;
}

const POLL_MS = 15;

export async function drive(
  world: World,
  { wakeFirst = false, deadlineMs }: DriveOptions,
): Promise<DriveReport> {
  const deadline = Date.now() + deadlineMs;
  const driver = new Driver(world);
  let leasesLost = 0;
  let status: DriveReport["status"] = "stalled";
  let waking = wakeFirst;
  while (status === "stalled" && Date.now() < deadline) {
    try {
      if (waking) await driver.wakeIfStarted();
      waking = false;
      if (await driver.turn()) status = "finished";
    } catch (error) {
      if (!isHoldpointError(error, "ERR_HITL_LEASE_LOST")) throw error;
      leasesLost += 1;
    }
  }
  const { doubts, wakes, detail } = driver;
  return { status, doubts, wakes, leasesLost, detail: status === "finished" ? "" : detail };
}

class Driver {
  readonly doubts: Doubted[] = [];
  wakes = 0;
  detail = "";
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async wakeIfStarted(): Promise<void> {
    if (await this.#started()) await this.#wake();
  }

  /** One thing that is to be done; true if there is nothing left. */
  async turn(): Promise<boolean> {
    const { agent, backend, plain, site } = this.#world;
    const { thread, leaseMs } = site;
    if (!(await this.#started())) {
      await agent.invoke(start, configOf(thread));
      return false;
    }
    const [question] = await openRecords(this.#world);
    if (question) {
      const response = answerTo(question, site, await recordsOf(this.#world), this.doubts);
      await respondAndResume(agent, { backend, hitl_id: question.hitl_id, response, leaseMs });
      return false;
    }
    const state = await plain.agent.getState({ configurable: { thread_id: thread } });
    // `next` leaves out the tasks whose writes are saved, although the step is not over before the next checkpoint.
    if (state.tasks.length === 0) return true;
    const status = await this.#wake();
    this.detail = `${status}; ${JSON.stringify(state.tasks)}`;
    if (status === "resumed") return false;
    const asked =
      state.tasks.some((task) => task.interrupts.length > 0) || (await recordsOf(this.#world)).length > 0;
    // A run that died before anything was asked is started again by whoever started it.
    if (status === "nothing_to_resume" && !asked) await agent.invoke(null, configOf(thread));
    else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    return false;
  }

  #started(): Promise<unknown> {
    const { plain, site } = this.#world;
    return plain.saver.getTuple({ configurable: { thread_id: site.thread } });
  }

  async #wake(): Promise<string> {
    const { agent, backend, site } = this.#world;
    this.wakes += 1;
    return (await resumeThread(agent, { backend, thread_id: site.thread, leaseMs: site.leaseMs })).status;
  }
}

/** All questions of the thread, whatever became of them. */
export async function recordsOf({ plain, site }: World): Promise<readonly HITLRecord[]> {
  return (await plain.backend.list({ thread_id: site.thread, limit: 1000 })).items;
}

async function openRecords(world: World): Promise<HITLRecord[]> {
  const open = (await recordsOf(world)).filter(({ status }) => status === "pending");
  return open.toSorted((a, b) => textOf(a).localeCompare(textOf(b)));
}

export function textOf(record: HITLRecord): string {
  return record.hitl_type === "in_doubt"
    ? `in doubt: ${String(record.tool_call_id)}`
    : String(record.data["message"]);
}

function answerTo(
  question: HITLRecord,
  site: Site,
  records: readonly HITLRecord[],
  doubts: Doubted[],
): Readonly<Record<string, unknown>> {
  if (question.hitl_type !== "in_doubt") return { confirmed: true, comment: `p${process.pid}` };
  const call = question.tool_call_id as ToolName;
  const effect = effectAtWork(call, question.data["steps_done"] as readonly string[], records);
  const decision = effect !== null && effectsOf(site).includes(effect) ? "happened" : "run_again";
  doubts.push({ call, decision });
  return decision === "happened" ? { decision, result: `${call} happened` } : { decision };
}

/** The effect that the run which died may have had; null if it was past its recorded steps. */
function effectAtWork(
  call: ToolName,
  steps: readonly string[],
  records: readonly HITLRecord[],
): string | null {
  if (call !== "ship") return steps.includes(`${call}#0`) ? null : call;
  const insured = records.some((record) => textOf(record) === "insure?" && record.status === "completed");
  return insured ? "insure" : "ship";
}
