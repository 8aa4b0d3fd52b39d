/**
 * The messages that wait for a thread: records of their own, in the order of a number that the thread's mailbox gives
 * out. The mailbox also carries the lease of whoever puts messages into the graph.
 */
import { ENDED_MESSAGE_STATUSES, MAILBOX_KIND, MESSAGE_KIND } from "../../backends/kinds.ts";
import { MAX_PAGE_LIMIT, type StoredRecord, type StoreOp } from "../../backends/record-store.ts";
import { removableIn, type Retention } from "../../backends/retention/options.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import { HoldpointError } from "../../core/errors.ts";
import { defaultLeaseOwner, hashJson, makeId, slotOf, slotOfId } from "../../core/ids.ts";
import type { JsonObject } from "../../core/json.ts";
import { upcast } from "../../core/record.ts";
import type { WhenPending } from "./send-options.ts";

const MESSAGE_SCHEMA_VERSION = 1;
/** Nobody reads a hundred messages that were sent while he was asked one question. */
export const MAX_WAITING = 100;
/** Each attempt that is lost has been won by another sender. */
const MAX_ATTEMPTS = 1000;

/**
 * `waiting` → `delivering` → `delivered`; `waiting` → `answering` → `answered`; `waiting` → `withdrawn`. What a process
 * that died was delivering, or answering with, may come back to `waiting`.
 */
export type MessageStatus = "waiting" | "delivering" | "delivered" | "answering" | "answered" | "withdrawn";
const OPEN: readonly MessageStatus[] = ["waiting", "delivering", "answering"];

export interface MessageValue {
  readonly schema_version: number;
  readonly thread_id: string;
  readonly message_id: string;
  /** Its place among the thread's messages. */
  readonly seq: number;
  readonly messages_key: string;
  readonly when_pending: WhenPending;
  readonly message: JsonObject;
  /** The question that it answers. */
  readonly hitl_id: string | null;
  /** While it is delivered: the head of the thread on which its input is put. */
  readonly from_checkpoint_id: string | null;
}

export interface StoredMessage {
  readonly record: StoredRecord;
  readonly status: MessageStatus;
  readonly value: MessageValue;
}

/** @throws HoldpointError `ERR_HITL_SCHEMA_VERSION` */
export function messageOf(record: StoredRecord): StoredMessage {
  const value = upcast(record.value, [], `message ${record.id}`) as unknown as MessageValue;
  return { record, status: record.status as MessageStatus, value };
}

export interface MailboxLease {
  readonly fence: number;
  touches: number;
}

export type NewMessage = Pick<MessageValue, "message_id" | "messages_key" | "when_pending" | "message">;

function mailboxId(tenant_id: string, thread_id: string): string {
  return makeId(MAILBOX_KIND, slotOf(tenant_id, thread_id), [MAILBOX_KIND, tenant_id, thread_id]);
}

/**
 * Looks whether anything was ever sent to the thread, in a commit beside the record `id`: at most one operation, none
 * where the mailbox is in another slot.
 */
export function mailboxRead({ tenant_id }: StoreHITLBackend, id: string, thread_id: string): StoreOp[] {
  const mailbox = mailboxId(tenant_id, thread_id);
  return slotOfId(mailbox) === slotOfId(id) ? [{ op: "read", id: mailbox }] : [];
}

export class Mailbox {
  readonly id: string;
  readonly #backend: StoreHITLBackend;
  readonly #thread_id: string;
  /** Of the thread alone: a thread has one mailbox, whatever session its questions are listed by. */
  readonly #slot: number;
  readonly #leaseMs: number;

  constructor(backend: StoreHITLBackend, thread_id: string, leaseMs: number) {
    const { tenant_id } = backend;
    this.#backend = backend;
    this.#thread_id = thread_id;
    this.#leaseMs = leaseMs;
    this.#slot = slotOf(tenant_id, thread_id);
    this.id = mailboxId(tenant_id, thread_id);
  }

  idOf(message_id: string): string {
    return makeId(MESSAGE_KIND, this.#slot, [
      MESSAGE_KIND,
      this.#backend.tenant_id,
      this.#thread_id,
      message_id,
    ]);
  }

  /** False as long as nothing was sent to the thread. */
  async exists(): Promise<boolean> {
    return (await this.#backend.store.get([this.id]))[0] !== null;
  }

  async find(message_id: string): Promise<StoredMessage | null> {
    const [record] = await this.#backend.store.get([this.idOf(message_id)]);
    return record ? messageOf(record) : null;
  }

  /** Messages that have not come to their end, in the order in which they were sent. */
  async open(): Promise<readonly StoredMessage[]> {
    const { store, tenant_id } = this.#backend;
    const key = { name: "thread", value: this.#thread_id } as const;
    const query = { kind: MESSAGE_KIND, tenant_id, statuses: OPEN, key, slot: this.#slot };
    const { items } = await store.page({ ...query, limit: MAX_PAGE_LIMIT });
    return items.map(messageOf).toSorted((a, b) => a.value.seq - b.value.seq);
  }

  /**
   * Keeps a message; one that is sent again by its id is kept once. One that still waits takes the newest `when_pending`.
   *
   * @throws HoldpointError `ERR_HITL_INVALID_INPUT` if the id was another message's, `ERR_HITL_TOO_LARGE` if
   * {@link MAX_WAITING} wait already
   */
  async keep(sent: NewMessage): Promise<StoredMessage> {
    const { store, tenant_id } = this.#backend;
    const id = this.idOf(sent.message_id);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const [mailbox, known] = await store.get([this.id, id]);
      if (known) {
        const kept = await this.#sentAgain(messageOf(known), sent);
        if (kept) return kept;
        continue;
      }
      await this.#assertRoom();
      const seq = ((mailbox?.value["last_seq"] as number | undefined) ?? 0) + 1;
      const value: MessageValue = {
        schema_version: MESSAGE_SCHEMA_VERSION,
        thread_id: this.#thread_id,
        ...sent,
        seq,
        hitl_id: null,
        from_checkpoint_id: null,
      };
      const { status, results } = await store.commit([
        this.#numberOp(mailbox ?? null, seq),
        {
          op: "insert",
          if_exists: "abort",
          record: {
            id,
            kind: MESSAGE_KIND,
            tenant_id,
            status: "waiting",
            keys: { thread: this.#thread_id },
            value: json(value),
          },
          event: { type: "sent" },
        },
      ]);
      if (status === "committed") return messageOf(results[1]?.record as StoredRecord);
    }
    throw new HoldpointError(
      "ERR_HITL_STORE",
      `The mailbox of thread ${this.#thread_id} changed ${MAX_ATTEMPTS} times while a message was kept.`,
    );
  }

  async #sentAgain(known: StoredMessage, sent: NewMessage): Promise<StoredMessage | null> {
    const { value, status } = known;
    if (hashJson(value.message) !== hashJson(sent.message) || value.messages_key !== sent.messages_key) {
      throw new HoldpointError(
        "ERR_HITL_INVALID_INPUT",
        `The id ${sent.message_id} was given to another message of this thread. Give each message its own.`,
        { details: { message_id: sent.message_id } },
      );
    }
    if (status !== "waiting" || value.when_pending === sent.when_pending) return known;
    const { when_pending } = sent;
    return this.move(known, "waiting", { when_pending });
  }

  async #assertRoom(): Promise<void> {
    if ((await this.open()).length < MAX_WAITING) return;
    throw new HoldpointError(
      "ERR_HITL_TOO_LARGE",
      `${MAX_WAITING} messages wait for thread ${this.#thread_id} already. Answer or cancel what it waits for first.`,
      { details: { thread_id: this.#thread_id, max_waiting: MAX_WAITING } },
    );
  }

  #numberOp(mailbox: StoredRecord | null, last_seq: number): StoreOp {
    const value = { schema_version: MESSAGE_SCHEMA_VERSION, thread_id: this.#thread_id, last_seq };
    if (mailbox) return { op: "update", id: this.id, guard: { version: mailbox.version }, patch: { value } };
    const { tenant_id } = this.#backend;
    const keys = { thread: this.#thread_id };
    return {
      op: "insert",
      if_exists: "abort",
      record: { id: this.id, kind: MAILBOX_KIND, tenant_id, status: "active", keys, value },
    };
  }

  /** Null if the message has changed meanwhile. */
  async move(
    message: StoredMessage,
    status: MessageStatus,
    change: Partial<MessageValue> = {},
    lease?: "held" | "release",
  ): Promise<StoredMessage | null> {
    const op = moveOp(this.#backend.retention, message, status, change);
    const owner = { owner: defaultLeaseOwner(), durationMs: this.#leaseMs };
    const patch = lease ? { ...op.patch, lease: lease === "held" ? owner : lease } : op.patch;
    const { results } = await this.#backend.store.commit([{ ...op, patch, optional: true }]);
    const [result] = results;
    return result?.status === "updated" && result.record ? messageOf(result.record) : null;
  }

  /** Moves all of them, or none: false if one has changed meanwhile, or the lease is somebody else's now. */
  async moveAll(
    lease: MailboxLease,
    messages: readonly StoredMessage[],
    status: MessageStatus,
    change: Partial<MessageValue> = {},
  ): Promise<readonly StoredMessage[] | null> {
    const renewed: StoreOp = {
      op: "update",
      id: this.id,
      guard: { fence: lease.fence },
      patch: { lease: { renewMs: this.#leaseMs } },
    };
    const moves = messages.map((message) => moveOp(this.#backend.retention, message, status, change));
    const { status: outcome, results } = await this.#backend.store.commit([renewed, ...moves]);
    if (outcome === "refused") return null;
    return results.slice(1).map(({ record }) => messageOf(record as StoredRecord));
  }

  /** The right to put messages into the graph; the end of the lease that is in the way, or null if nothing was ever sent. */
  async acquire(): Promise<MailboxLease | { readonly heldUntil: number | null }> {
    const { results } = await this.#backend.store.commit([
      {
        op: "update",
        id: this.id,
        optional: true,
        touch: true,
        guard: { lease: "free" },
        patch: { lease: { owner: defaultLeaseOwner(), durationMs: this.#leaseMs } },
      },
    ]);
    const [result] = results;
    if (result?.status !== "updated" || !result.record)
      return { heldUntil: result?.record?.lease?.expires_at ?? null };
    return { fence: result.record.fence, touches: result.record.touches };
  }

  /** Signs of life until the function that is returned is called. Timers do not keep the process alive. */
  keepAlive({ fence }: MailboxLease): () => void {
    const renewMs = this.#leaseMs;
    const op: StoreOp = {
      op: "update",
      id: this.id,
      optional: true,
      guard: { fence },
      patch: { lease: { renewMs } },
    };
    // The next renewal, or a guarded write, decides.
    const timer = setInterval(() => void this.#backend.store.commit([op]).catch(() => {}), renewMs / 3);
    timer.unref();
    return () => clearInterval(timer);
  }

  /** False if somebody found the lease held meanwhile: his message may not have been seen. */
  async release(lease: MailboxLease): Promise<boolean> {
    const { fence, touches } = lease;
    const { results } = await this.#backend.store.commit([
      { op: "update", id: this.id, optional: true, guard: { fence, touches }, patch: { lease: "release" } },
    ]);
    const [result] = results;
    if (result?.status !== "stale" || result.record?.fence !== fence || result.record.touches === touches)
      return true;
    lease.touches = result.record.touches;
    return false;
  }
}

function moveOp(
  { messages }: Retention,
  { record, value }: StoredMessage,
  status: MessageStatus,
  change: Partial<MessageValue>,
): StoreOp & { readonly op: "update" } {
  return {
    op: "update",
    id: record.id,
    guard: { status: [record.status], version: record.version },
    patch: {
      status,
      value: json({ ...value, ...change }),
      ...(ENDED_MESSAGE_STATUSES.includes(status) ? { due_at: removableIn(messages) } : {}),
    },
    event: { type: status },
  };
}

function json(value: MessageValue): JsonObject {
  return value as unknown as JsonObject;
}
