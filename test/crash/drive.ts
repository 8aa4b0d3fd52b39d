/** Brings a thread to its end as an application and its humans would, wherever it stands. */
import { type HITLRecord, isHoldpointError, resumeThread, respondAndResume } from "holdpoint";
import { configOf } from "../support/agent.ts";
import { scenarioOf } from "./scenarios.ts";
import { effectsOf, recordsOf, type Site, textOf, type World } from "./site.ts";
import type { ToolName } from "./tools.ts";

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
  const driver = (await scenarioOf(world.site)).driver(world);
  let leasesLost = 0;
  let status: DriveReport["status"] = "stalled";
  let waking = wakeFirst;
  while (status === "stalled" && Date.now() < deadline) {
    try {
      if (waking) await driver.wakeIfStarted();
      waking = false;
      if (await driver.turn()) status = "finished";
    } catch (error) {
      if (!isLeaseLost(error)) throw error;
      leasesLost += 1;
    }
  }
  const { doubts, wakes, detail } = driver;
  return { status, doubts, wakes, leasesLost, detail: status === "finished" ? "" : detail };
}

/** Also of several tasks of one step, which fail together. */
function isLeaseLost(error: unknown): boolean {
  if (!(error instanceof AggregateError)) return isHoldpointError(error, "ERR_HITL_LEASE_LOST");
  const other = error.errors.find((one) => !isLeaseLost(one)) as unknown;
  if (other !== undefined) throw new Error("A step failed.", { cause: other });
  return true;
}

export type Response = Readonly<Record<string, unknown>>;

export class Driver {
  readonly doubts: Doubted[] = [];
  wakes = 0;
  detail = "";
  protected readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  async wakeIfStarted(): Promise<void> {
    if (await this.#started()) await this.wake();
  }

  /** One thing that is to be done; true if there is nothing left. */
  async turn(): Promise<boolean> {
    const { agent, input, plain, site } = this.world;
    const { thread } = site;
    if (!(await this.#started())) {
      await agent.invoke(input, configOf(thread));
      return false;
    }
    const [question] = await this.open();
    if (question) {
      await this.respond(question);
      return false;
    }
    const state = await plain.agent.getState({ configurable: { thread_id: thread } });
    // `next` leaves out the tasks whose writes are saved, although the step is not over before the next checkpoint.
    if (state.tasks.length === 0) return true;
    const status = await this.wake();
    this.detail = `${status}; ${JSON.stringify(state.tasks)}`;
    if (status === "resumed") return false;
    const asked =
      state.tasks.some((task) => task.interrupts.length > 0) || (await recordsOf(this.world)).length > 0;
    // A run that died before anything was asked is started again by whoever started it.
    if (status === "nothing_to_resume" && !asked) await agent.invoke(null, configOf(thread));
    else await this.pause();
    return false;
  }

  /** What the human says to a question of the scenario's own. */
  protected answer(_question: HITLRecord): Response {
    return { confirmed: true, comment: `p${process.pid}` };
  }

  protected async respond(question: HITLRecord): Promise<void> {
    const { agent, backend, site } = this.world;
    const response =
      question.hitl_type === "in_doubt"
        ? decisionOn(question, site, await recordsOf(this.world), this.doubts)
        : this.answer(question);
    const { leaseMs } = site;
    await respondAndResume(agent, { backend, hitl_id: question.hitl_id, response, leaseMs });
  }

  /** Open questions, in the order of their texts. */
  protected async open(): Promise<HITLRecord[]> {
    const open = (await recordsOf(this.world)).filter(({ status }) => status === "pending");
    return open.toSorted((a, b) => textOf(a).localeCompare(textOf(b)));
  }

  protected async wake(): Promise<string> {
    const { agent, backend, site } = this.world;
    this.wakes += 1;
    return (await resumeThread(agent, { backend, thread_id: site.thread, leaseMs: site.leaseMs })).status;
  }

  /** Somebody else is at work, or his lease has not ended. */
  protected pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }

  #started(): Promise<unknown> {
    const { plain, site } = this.world;
    return plain.saver.getTuple({ configurable: { thread_id: site.thread } });
  }
}

function decisionOn(
  question: HITLRecord,
  site: Site,
  records: readonly HITLRecord[],
  doubts: Doubted[],
): Response {
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
