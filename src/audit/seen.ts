/** A record as the store keeps it, with its head, and as everybody else sees it, without. */
import { handOutAgain, keepSource } from "../backends/held.ts";
import type { ChangeHint, RecordEvent, StoredRecord } from "../backends/record-store.ts";
import { HoldpointError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { AUDIT_NAME, AUDIT_SCHEMA_VERSION, type AuditHead, type AuditLink } from "./verify/format.ts";

/** The head as it is stored, with what only the decorator needs. */
export interface StoredHead extends AuditHead {
  /** The last appended event: the store's version after it, and `updated_at` as it was before it. */
  readonly noted?: { readonly version: number; readonly updated_at: number };
}

/** The link as it is stored in an event's data. */
export interface StoredLink extends AuditLink {
  /** The event has data, and they are empty. */
  readonly empty?: true;
}

function checkVersion(found: JsonObject, what: string): void {
  if (found["schema_version"] === AUDIT_SCHEMA_VERSION) return;
  throw new HoldpointError(
    "ERR_HITL_SCHEMA_VERSION",
    `The audit trail of ${what} has schema_version ${JSON.stringify(found["schema_version"])}; this release reads ${AUDIT_SCHEMA_VERSION}. Upgrade holdpoint on this machine.`,
  );
}

/** A store may have frozen the value. The head is its last property: a copy that loses it keeps its layout. */
function without(value: JsonObject): JsonObject {
  const rest = { ...value };
  delete rest[AUDIT_NAME];
  return rest;
}

function headIn(value: JsonObject, id: string): StoredHead | null {
  const found = Object.hasOwn(value, AUDIT_NAME) ? value[AUDIT_NAME] : undefined;
  if (typeof found !== "object" || found === null || Array.isArray(found)) return null;
  checkVersion(found, id);
  return found as unknown as StoredHead;
}

/** What was last seen of a record. Nobody else has its value, and nobody changes it. */
export class Seen {
  readonly raw: StoredRecord;
  #head: StoredHead | null | undefined;

  constructor(raw: StoredRecord, head?: StoredHead) {
    this.raw = handOutAgain(raw);
    this.#head = head;
  }

  get head(): StoredHead | null {
    if (this.#head === undefined) this.#head = headIn(this.raw.value, this.raw.id);
    return this.#head;
  }

  /** Whoever has read the same version of the record says what its head is: the value need not be read twice. */
  know(raw: StoredRecord, head: StoredHead | null): void {
    if (raw.version === this.raw.version && raw.created_at === this.raw.created_at) this.#head ??= head;
  }

  get notes(): number {
    return this.head?.notes ?? 0;
  }

  /** As callers count: without appended events. */
  get version(): number {
    return this.raw.version - this.notes;
  }

  get updated_at(): number {
    const noted = this.head?.noted;
    return noted?.version === this.raw.version ? noted.updated_at : this.raw.updated_at;
  }

  /** With the head, to be written again under a new one. */
  get stored(): JsonObject {
    return this.raw.value;
  }

  get value(): JsonObject {
    return without(this.raw.value);
  }
}

const OPENED = Symbol("opened");

interface Opened {
  readonly raw: StoredRecord;
  readonly seen: Seen | undefined;
  made: Pick<StoredRecord, "version" | "updated_at" | "value"> | undefined;
}

function openedIn(record: {
  readonly [OPENED]: Opened;
}): Pick<StoredRecord, "version" | "updated_at" | "value"> {
  const opened = record[OPENED];
  if (opened.made) return opened.made;
  const { raw, seen } = opened;
  const { value } = raw;
  const head = headIn(value, raw.id);
  seen?.know(raw, head);
  return (opened.made = {
    version: raw.version - (head?.notes ?? 0),
    updated_at: head?.noted?.version === raw.version ? head.noted.updated_at : raw.updated_at,
    value: without(value),
  });
}

/** One getter each for all records, as in `backends/held.ts`: the value is only read where somebody looks. */
const PROPERTIES = Object.fromEntries(
  (["version", "updated_at", "value"] as const).map((name) => [
    name,
    {
      get(this: { readonly [OPENED]: Opened }): unknown {
        return openedIn(this)[name];
      },
      enumerable: true,
      configurable: true,
    },
  ]),
);

/**
 * The record as its callers know it. They own it, so `raw` has to be nobody else's.
 *
 * @param seen - what is known of it besides
 */
export function visible(raw: StoredRecord, seen?: Seen): StoredRecord {
  const record = {
    id: raw.id,
    kind: raw.kind,
    tenant_id: raw.tenant_id,
    status: raw.status,
    keys: raw.keys,
    due_at: raw.due_at,
    lease: raw.lease,
    fence: raw.fence,
    touches: raw.touches,
    created_at: raw.created_at,
  };
  const opened: Opened = { raw, seen, made: undefined };
  Object.defineProperty(record, OPENED, { value: opened });
  keepSource(record, () => without(handOutAgain(raw).value));
  return Object.defineProperties(record, PROPERTIES) as StoredRecord;
}

/** The link of a stored event, and the event as its callers know it. */
export function openEvent(event: RecordEvent, id: string): { event: RecordEvent; link: StoredLink | null } {
  const found = event.data?.[AUDIT_NAME];
  if (!event.data || typeof found !== "object" || found === null || Array.isArray(found))
    return { event, link: null };
  checkVersion(found, id);
  const link = found as unknown as StoredLink;
  const { data, ...rest } = event;
  const inner = without(data);
  const hasData = link.empty === true || Object.keys(inner).length > 0;
  const version = event.version - (link.notes ?? 0);
  return { event: { ...rest, ...(hasData ? { data: inner } : {}), version }, link };
}

/** A hint as far as is known: the versions of one who appends elsewhere are ahead until the record is read. */
export function visibleHint(hint: ChangeHint, seen: Seen | undefined): ChangeHint {
  return { ...hint, version: hint.version - (seen?.notes ?? 0) };
}
