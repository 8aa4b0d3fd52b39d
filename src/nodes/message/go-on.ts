/** Answers and messages of a thread, taken in turns until nothing of it can be done now. */
import type { ResumableGraph } from "../graph.ts";
import type { ResumeResult } from "../resume.ts";
import { takeUp } from "../take-up.ts";
import { Thread } from "../thread.ts";
import { deliver, type DeliverOptions, type Delivery } from "./deliver.ts";
import type { MessageGraph } from "./message-graph.ts";

/** Each turn runs the graph. */
const MAX_TURNS = 100;

/** @throws what the graph's own run throws; messages that were not put into it are kept */
export async function goOn<Output>(
  graph: ResumableGraph<Output>,
  options: DeliverOptions,
): Promise<Delivery<Output>> {
  let run: Delivery<Output>["run"] = null;
  for (let turn = 0; ; turn += 1) {
    // Only a thread to which messages were sent is looked at as such.
    const delivery = await deliver(graph as MessageGraph<Output>, options);
    run = delivery.run ?? run;
    if (delivery.state === "none" || turn >= MAX_TURNS) return { ...delivery, run };
    // Somebody has the messages: a thread that rests only because its step was called off for them is his (PROTOCOL.md §17).
    const held = delivery.state === "busy" ? delivery.until : null;
    const resumed = await takeUp(graph, options, async () =>
      held === null ? null : { status: "busy", until: held, pending: [] },
    );
    if (resumed?.status === "busy") return { state: "busy", until: resumed.until, run };
    if (resumed?.status !== "resumed") return { ...delivery, run };
    run = { result: resumed.result };
  }
}

/** A resumer's outcome, after the messages that waited for it: who answers, lets them in. */
export async function withMessages<Output, Resumed extends ResumeResult<Output> | null>(
  graph: ResumableGraph<Output>,
  options: DeliverOptions,
  resumed: Resumed,
): Promise<Resumed | ResumeResult<Output>> {
  if (resumed?.status === "busy") return resumed;
  const { run } = await goOn(graph, options);
  if (!run) return resumed;
  const pending = await new Thread(graph, options).pending();
  return { status: "resumed", result: run.result, pending };
}

/**
 * The messages for which a thread was stranded: who called off what it waited for has died before its input was saved.
 * Results and messages are one input (PROTOCOL.md §17), so the thread is not run without them. Null if there are none.
 */
export async function withCalledOff<Output>(
  graph: ResumableGraph<Output>,
  options: DeliverOptions,
): Promise<ResumeResult<Output> | null> {
  const { state, until, run } = await deliver(graph as MessageGraph<Output>, options);
  // Without a time nobody holds the messages: what they wait for is the run that is stranded.
  if (!run && (state !== "busy" || until === null)) return null;
  const pending = await new Thread(graph, options).pending();
  return run ? { status: "resumed", result: run.result, pending } : { status: "busy", until, pending };
}
