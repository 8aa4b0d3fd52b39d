/** One chain, event by event: what does not fit is noted, and the walk goes on. */
import type { JsonValue } from "../../core/json.ts";
import { digestJson } from "./digest.ts";
import {
  type AuditAnchor,
  type AuditedRecord,
  type AuditEvent,
  type AuditLink,
  eventContent,
  stateContent,
} from "./format.ts";
import { readEvent, readRecord } from "./read-event.ts";

/**
 * `edited`: an event is not what was linked. `removed`: events are missing. `inserted`: an event of another record, or one
 * past the head. `reordered`: an event stands at another place. `unlinked`: an event was written past the trail.
 * `forged_head`: the record's head is not the end of its chain. `record_edited`: status, keys or value are not what was
 * linked. `cut_off`: an anchor is not reached. `malformed`: it cannot be read.
 */
export type AuditProblemKind =
  | "edited"
  | "removed"
  | "inserted"
  | "reordered"
  | "unlinked"
  | "forged_head"
  | "record_edited"
  | "cut_off"
  | "malformed";

export interface AuditProblem {
  readonly kind: AuditProblemKind;
  /** Of the event, where it is one. */
  readonly seq: number | null;
  readonly message: string;
}

export interface AuditReport {
  readonly ok: boolean;
  readonly record_id: string | null;
  readonly events: number;
  /** Events before the chain began; only with `unlinked: "allowed"`. */
  readonly unlinked: number;
  /** The end of the chain: keep it elsewhere, as an anchor. */
  readonly head: AuditAnchor | null;
  /**
   * `event`: status, keys and value are those after the last event. `head`: they have changed since without an event, as
   * the record's head says. `unchecked`: nobody gave the record, or its value was redacted and could not be hashed.
   */
  readonly record: "event" | "head" | "unchecked";
  readonly problems: readonly AuditProblem[];
}

export interface VerifyOptions {
  /** An earlier `head` of this record, from where nobody could change it. */
  readonly anchor?: AuditAnchor | undefined;
  /** `allowed`: the record is older than its trail. Only the number of the events before it is proved then. */
  readonly unlinked?: "allowed" | undefined;
}

export interface ChainOptions extends VerifyOptions {
  /** The first events may be missing: an export was filtered, or goes on from a cursor. */
  readonly partial?: boolean;
}

export class ChainVerifier {
  readonly problems: AuditProblem[] = [];
  readonly #options: ChainOptions;
  #first: AuditEvent | undefined;
  #last: AuditEvent | undefined;
  /** The last event that has a link. */
  #linked: (AuditEvent & { readonly audit: AuditLink }) | undefined;
  #linkedHash = "";
  #events = 0;
  #unlinked = 0;
  #anchored = false;

  constructor(options: ChainOptions) {
    this.#options = options;
  }

  get record_id(): string | null {
    return this.#first?.record_id ?? null;
  }

  /** The seq of the last event. */
  get last(): AuditEvent | undefined {
    return this.#last;
  }

  problem(kind: AuditProblemKind, seq: number | null, message: string): void {
    this.problems.push({ kind, seq, message });
  }

  async add(given: unknown): Promise<void> {
    this.#events += 1;
    const event = readEvent(given);
    if (!event) return this.problem("malformed", null, `Event ${this.#events} cannot be read.`);
    if (this.#first && !sameRecord(this.#first, event))
      return this.problem("inserted", event.seq, "The event belongs to another record.");
    const place = this.#place(event);
    this.#first ??= event;
    if (event.audit) await this.#link(event, event.audit, place);
    else this.#unlink(event);
    if (place !== "before") this.#last = event;
    this.#meetAnchor(event);
  }

  /** Whether the event stands where its seq says. */
  #place({ seq }: AuditEvent): "next" | "after_gap" | "before" {
    const last = this.#last?.seq ?? 0;
    if (seq === last + 1) return "next";
    if (seq <= last) {
      this.problem("reordered", seq, `Event ${seq} stands behind event ${last}.`);
      return "before";
    }
    if (this.#last || !this.#options.partial) {
      const missing = seq - last === 2 ? `Event ${last + 1} is` : `Events ${last + 1} to ${seq - 1} are`;
      this.problem("removed", seq, `${missing} missing.`);
    }
    return "after_gap";
  }

  async #link(event: AuditEvent, audit: AuditLink, place: "next" | "after_gap" | "before"): Promise<void> {
    const hash = await hashOf(eventContent(event, audit));
    if (hash !== audit.hash) this.problem("edited", event.seq, `Event ${event.seq} is not what was linked.`);
    if (place === "before") return;
    const before = this.#linked;
    if (before === undefined) {
      const mayMiss = this.#options.partial === true && this.#first === event;
      if (audit.prev !== null && !mayMiss)
        this.problem("removed", event.seq, `The event that event ${event.seq} was linked to is missing.`);
    } else if (audit.prev === null) {
      this.problem("edited", event.seq, `A new chain begins at event ${event.seq}.`);
    } else if (place === "next" && audit.prev !== before.audit.hash && audit.prev !== this.#linkedHash) {
      this.problem("edited", before.seq, `Event ${event.seq} was linked to another event ${before.seq}.`);
    }
    this.#linked = { ...event, audit };
    this.#linkedHash = hash ?? "";
  }

  #unlink({ seq }: AuditEvent): void {
    this.#unlinked += 1;
    if (this.#linked) this.problem("unlinked", seq, `Event ${seq} was written past the trail.`);
    else if (this.#options.unlinked !== "allowed")
      this.problem(
        "unlinked",
        seq,
        `Event ${seq} has no link: it is older than the trail, or was written past it.`,
      );
  }

  #meetAnchor({ seq, audit }: AuditEvent): void {
    const { anchor } = this.#options;
    if (seq !== anchor?.seq) return;
    this.#anchored = true;
    if (audit?.hash !== anchor.hash)
      this.problem(
        "edited",
        seq,
        `Event ${seq} has another hash than the anchor: the chain was written anew.`,
      );
  }

  /** The state that the record is in, against its head and the last event. */
  async #record(given: unknown): Promise<AuditReport["record"]> {
    const record = readRecord(given);
    if (!record) {
      this.problem("malformed", null, "The record cannot be read.");
      return "unchecked";
    }
    if (this.#first && !sameRecord(this.#first, { ...record, record_id: record.id })) {
      this.problem("inserted", null, "The events are not those of the record.");
      return "unchecked";
    }
    const { head } = record;
    if (!head) {
      if (this.#linked || this.#options.unlinked !== "allowed")
        this.problem("forged_head", null, "The record has no head: it was written past the trail.");
      return "unchecked";
    }
    const end = this.#linked;
    if (head.seq > (end?.seq ?? 0))
      this.problem("removed", null, `The record's head is event ${head.seq}, which is missing.`);
    else if (head.seq < (end?.seq ?? 0))
      this.problem(
        "forged_head",
        end?.seq ?? null,
        `The record's head is event ${head.seq}; there are more.`,
      );
    else if (head.hash !== (end?.audit.hash ?? null) || (head.notes ?? 0) !== (end?.audit.notes ?? 0))
      this.problem("forged_head", head.seq, "The record's head is not the end of its chain.");
    if (record.version < (end?.version ?? 0))
      this.problem("record_edited", null, "The record's version is older than its last event.");
    return this.#state(record, head.value, head.state);
  }

  async #state(record: AuditedRecord, headValue: string, headState: string): Promise<AuditReport["record"]> {
    const value = record.value ?? headValue;
    const state = await hashOf(stateContent({ ...record, value }));
    if (value !== headValue || state !== headState) {
      this.problem("record_edited", null, "The record's status, keys or value are not what was linked.");
      return "unchecked";
    }
    if (record.value === null) return "unchecked";
    return this.#linked?.audit.state === state ? "event" : "head";
  }

  /** @param record - the record that the events are of, if the caller has it */
  async finish(record?: unknown): Promise<AuditReport> {
    const { anchor } = this.#options;
    if (anchor && !this.#anchored)
      this.problem("cut_off", anchor.seq, `Event ${anchor.seq}, which is known from elsewhere, is missing.`);
    const state = record === undefined ? "unchecked" : await this.#record(record);
    return {
      ok: this.problems.length === 0,
      record_id: this.record_id ?? readRecord(record)?.id ?? null,
      events: this.#events,
      unlinked: this.#unlinked,
      head: this.#linked ? { seq: this.#linked.seq, hash: this.#linked.audit.hash } : null,
      record: state,
      problems: this.problems,
    };
  }
}

type Owner = Pick<AuditEvent, "record_id" | "kind" | "tenant_id">;

function sameRecord(a: Owner, b: Owner): boolean {
  return a.record_id === b.record_id && a.kind === b.kind && a.tenant_id === b.tenant_id;
}

/** Null for what has no canonical form, and so cannot have been linked. */
async function hashOf(content: JsonValue): Promise<string | null> {
  try {
    return await digestJson(content);
  } catch {
    return null;
  }
}
