/**
 * Puts the messages that wait into the graph, in their order and each once: when the thread has come to rest, or, for
 * a message that says so, after what it waits for was called off. One process does so at a time, under the lease of
 * the thread's mailbox; what a process that died was doing, the next one finishes (P9).
 */
import type { HumanMessage } from "@langchain/core/messages";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import { HoldpointError } from "../../core/errors.ts";
import { slotOf } from "../../core/ids.ts";
import type { Actor } from "../../core/record.ts";
import { newestPause } from "../../suspend/supersede.ts";
import { headOf } from "../graph.ts";
import { type Lease, Thread } from "../thread.ts";
import { settleAnswering } from "./answering.ts";
import { arrivalOf } from "./arrival.ts";
import { type CancelOutcome, cancelOpen } from "./cancel-open.ts";
import { inputOf } from "./conversation.ts";
import { Mailbox, type MailboxLease, type StoredMessage } from "./mailbox.ts";
import { lookAt, type MessageGraph, type ThreadLook } from "./message-graph.ts";
import { humanMessageOf } from "./user-message.ts";

export interface DeliverOptions {
  readonly backend: StoreHITLBackend;
  readonly thread_id: string;
  readonly session_id: string;
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  readonly leaseMs?: number | undefined;
  readonly actor?: Actor | undefined;
}

export interface Delivery<Output> {
  /**
   * What keeps the messages that are left: `none`, there are none; `waiting`, the thread waits for humans; `answered`,
   * it has to be resumed with an answer first; `busy`, somebody is at work, until then (epoch ms; null: not known).
   */
  readonly state: "none" | "waiting" | "answered" | "busy";
  readonly until: number | null;
  /** The last run's result, if the graph ran. */
  readonly run: { readonly result: Output } | null;
}

const LEASE_MS = 60_000;
/** Each turn delivers, or follows a change that somebody else has made. */
const MAX_TURNS = 1000;
/** A process that stands still for longer than its lease so often in a row gets nothing done. */
const MAX_LOST = 20;

export async function deliver<Output>(
  graph: MessageGraph<Output>,
  options: DeliverOptions,
): Promise<Delivery<Output>> {
  const leaseMs = options.leaseMs ?? LEASE_MS;
  const mailbox = new Mailbox(options.backend, options.thread_id, leaseMs);
  // Nearly always nothing was ever sent: that costs one read of one record.
  if (!(await mailbox.exists()) || (await mailbox.open()).length === 0)
    return { state: "none", until: null, run: null };
  let run: Delivery<Output>["run"] = null;
  for (let lost = 0; lost < MAX_LOST; lost += 1) {
    const lease = await mailbox.acquire();
    if (!("fence" in lease)) return { state: "busy", until: lease.heldUntil, run };
    const stop = mailbox.keepAlive(lease);
    const delivering = new Delivering(graph, { ...options, leaseMs }, mailbox, lease);
    try {
      const ended = await delivering.all();
      run = delivering.run ?? run;
      // P9: without its lease it knows nothing of the thread any more, nor that it may go on without the messages.
      if (ended !== "lost") return { ...ended, run };
    } catch (error) {
      await mailbox.release(lease).catch(() => {});
      throw error;
    } finally {
      stop();
    }
  }
  return { state: "busy", until: options.backend.now(), run };
}

type Blocked = Pick<Delivery<unknown>, "state" | "until">;
const blocked = (state: Blocked["state"], until: number | null = null): Blocked => ({ state, until });

class Delivering<Output> {
  readonly #graph: MessageGraph<Output>;
  readonly #options: DeliverOptions & { readonly leaseMs: number };
  readonly #mailbox: Mailbox;
  readonly #lease: MailboxLease;
  readonly #thread: Thread<Output>;
  /** The last run of the graph. */
  run: { readonly result: Output } | null = null;

  constructor(
    graph: MessageGraph<Output>,
    options: DeliverOptions & { readonly leaseMs: number },
    mailbox: Mailbox,
    lease: MailboxLease,
  ) {
    this.#graph = graph;
    this.#options = options;
    this.#mailbox = mailbox;
    this.#lease = lease;
    this.#thread = new Thread(graph, options);
  }

  /** Until nothing can be delivered any more, and nobody has sent anything that was not looked at. */
  async all(): Promise<Blocked | "lost"> {
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const stopped = await this.#next();
      if (!stopped) continue;
      if (stopped === "lost") return "lost";
      // Whoever resumes the thread then looks again.
      const released = await this.#mailbox.release(this.#lease);
      if (released || stopped.state === "answered") return stopped;
    }
    throw new HoldpointError(
      "ERR_HITL_STORE",
      `The messages of thread ${this.#options.thread_id} changed ${MAX_TURNS} times while they were delivered.`,
    );
  }

  /** Delivers once; or why it could not. */
  async #next(): Promise<Blocked | "lost" | null> {
    const { backend, thread_id } = this.#options;
    const open = await this.#mailbox.open();
    const left = open.filter(({ status }) => status === "delivering");
    if (left.length > 0) return this.#finish(left);
    const waiting: StoredMessage[] = [];
    for (const message of open) {
      if (message.status === "waiting") waiting.push(message);
      else if (await settleAnswering(this.#mailbox, backend, message)) return null;
      // Those that were sent after it stay behind it: it may come back.
      else if (waiting.length > 0) break;
      else return blocked("busy", message.record.lease?.expires_at ?? null);
    }
    if (waiting.length === 0) return blocked("none");
    const cancels = waiting.some(({ value }) => value.when_pending === "cancel");
    const look = await lookAt(this.#graph, thread_id);
    if (look.standing === "rest") return this.#deliver(waiting, look);
    if (cancels) return this.#callOff(waiting, look);
    if (look.standing === "failed" && (await this.#thread.answered(look.head)).length === 0)
      return this.#deliver(waiting, look);
    return blocked(look.standing === "running" ? "busy" : "waiting");
  }

  /** The messages instead of what the thread waits for. */
  async #callOff(waiting: readonly StoredMessage[], look: ThreadLook): Promise<Blocked | "lost" | null> {
    const { backend, thread_id, session_id, leaseMs, actor } = this.#options;
    const { head } = look;
    if (head === null) return this.#deliver(waiting, look);
    // A run that nobody has recorded is taken for dead when it has saved nothing for as long as a lease lasts.
    const until = look.standing === "running" ? look.headAt + leaseMs : 0;
    if (until > backend.now()) return blocked("busy", until);
    const lease = await this.#thread.acquire(head);
    if (!lease) {
      const busy = await this.#thread.busy();
      return blocked("busy", busy.status === "busy" ? busy.until : null);
    }
    // Passed deadlines take effect: what has expired is not cancelled.
    await this.#thread.pending();
    const slot = slotOf(backend.tenant_id, session_id);
    let outcome: CancelOutcome | undefined;
    let next: Blocked | "lost" | null = null;
    let answered = false;
    try {
      outcome = await cancelOpen({ backend, thread_id, slot, head, lease, actor });
      const stands = (await headOf(this.#graph, thread_id)) === head;
      if (outcome.status === "cleared" && stands) next = await this.#deliver(waiting, look);
    } finally {
      answered = await this.#letGo(lease);
    }
    if (outcome.status === "answered" || (answered && outcome.status !== "cleared"))
      return blocked("answered");
    return outcome.status === "busy" ? blocked("busy", outcome.until) : next;
  }

  /** True if somebody found the pause held meanwhile: his answer has to be taken up by us. */
  async #letGo({ id, fence, touches }: Lease): Promise<boolean> {
    const { results } = await this.#options.backend.store.commit([
      { op: "update", id, optional: true, guard: { fence }, patch: { lease: "release" } },
    ]);
    const record = results[0]?.record;
    return record?.fence === fence && record.touches !== touches;
  }

  async #deliver(waiting: readonly StoredMessage[], look: ThreadLook): Promise<Blocked | "lost" | null> {
    const { backend, thread_id, session_id } = this.#options;
    const place = {
      graph: this.#graph,
      backend,
      thread_id,
      slot: slotOf(backend.tenant_id, session_id),
    };
    const sent = new Map<string, HumanMessage[]>();
    for (const { value } of waiting) {
      const { messages_key, message, message_id } = value;
      sent.set(messages_key, [...(sent.get(messages_key) ?? []), humanMessageOf(message, message_id)]);
    }
    const input = await inputOf(place, look, sent);
    const change = { from_checkpoint_id: look.head };
    const delivering = await this.#mailbox.moveAll(this.#lease, waiting, "delivering", change);
    // Sent again with another mode meanwhile, or the lease is lost: look again.
    if (!delivering) return this.#lost();
    try {
      this.run = { result: await this.#graph.invoke(input, this.#runConfig()) };
    } catch (error) {
      // If this fails too, whoever delivers next finds it out.
      await this.#finish(delivering, false).catch(() => {});
      throw error;
    }
    await this.#mailbox.moveAll(this.#lease, delivering, "delivered");
    return null;
  }

  /** Null while the lease is ours. */
  async #lost(): Promise<"lost" | null> {
    return (await this.#mailbox.moveAll(this.#lease, [], "waiting")) ? null : "lost";
  }

  /** What became of messages whose run died or failed: the thread knows whether they are in it. */
  async #finish(messages: readonly StoredMessage[], goOn = true): Promise<"lost" | null> {
    const { thread_id } = this.#options;
    const { arrived, newest, checkpoints } = await arrivalOf(this.#graph, thread_id, messages);
    if (!arrived) {
      const change = { from_checkpoint_id: null };
      return (await this.#mailbox.moveAll(this.#lease, messages, "waiting", change)) ? null : this.#lost();
    }
    const goesOn = goOn && newest && !(await this.#hasPaused(checkpoints));
    if (goesOn && (await lookAt(this.#graph, thread_id)).standing === "running") {
      this.run = { result: await this.#graph.invoke(null, this.#runConfig()) };
    }
    return (await this.#mailbox.moveAll(this.#lease, messages, "delivered")) ? null : this.#lost();
  }

  /** A run that has asked since then is resumed, if it has to be, from its pause. */
  async #hasPaused(checkpoints: ReadonlySet<string>): Promise<boolean> {
    const { backend, thread_id, session_id } = this.#options;
    const slot = slotOf(backend.tenant_id, session_id);
    const pause = await newestPause(backend, { tenant_id: backend.tenant_id, thread_id, slot });
    const at = pause?.value["checkpoint_id"];
    return typeof at === "string" && checkpoints.has(at);
  }

  #runConfig(): object {
    const { backend, session_id, thread_id, config = {} } = this.#options;
    const configurable = config["configurable"] as Record<string, unknown> | undefined;
    const own = (configurable?.["holdpoint"] ?? {}) as Record<string, unknown>;
    return {
      durability: "sync",
      ...config,
      configurable: { ...configurable, thread_id, holdpoint: { backend, session_id, ...own } },
    };
  }
}
