/** One change to a trail, of any kind that whoever can write to the database may make. */
import fc from "fast-check";
import type { JsonObject, JsonValue } from "holdpoint";
import { hashOf } from "../../src/audit/hash.ts";
import type { AuditEvent, AuditTrail } from "../../src/audit/index.ts";
import { eventContent } from "../../src/audit/verify/format.ts";

type Mutable<T> = { -readonly [key in keyof T]: T[key] };
interface Copy {
  record: Mutable<AuditTrail["record"]>;
  events: Mutable<AuditEvent>[];
}

export interface Tampering {
  readonly name: string;
  /** The changed trail, or null if this one cannot be changed so. */
  readonly apply: (trail: AuditTrail) => AuditTrail | null;
}

const copied = (trail: AuditTrail): Copy => structuredClone(trail) as unknown as Copy;
const at = <T>(items: readonly T[], index: number): T => items[index % items.length] as T;
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

type Path = readonly (string | number)[];

function paths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return [
    ...(path.length > 0 ? [path] : []),
    ...entries.flatMap(([key, item]) => paths(item, [...path, key])),
  ];
}

function replaceAt(target: unknown, path: Path, make: (before: unknown) => unknown): boolean {
  const holder = path.slice(0, -1).reduce<unknown>((now, key) => (now as JsonObject)[key as string], target);
  const key = path.at(-1) as string;
  const before = (holder as JsonObject)[key];
  const after = make(before);
  if (isSame(before, after)) return false;
  if (after === undefined) delete (holder as JsonObject)[key];
  else
    Object.defineProperty(holder, key, {
      value: after,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  return true;
}

const renumbered = (events: readonly AuditEvent[]): AuditEvent[] =>
  events.map((event, index) => ({ ...event, seq: index + 1 }));

/** Everything but the store's own time, which is not proved. */
const editable = (event: AuditEvent): Path[] => paths(event).filter(([first]) => first !== "at");

const edit = fc
  .record({
    event: fc.nat(),
    path: fc.nat(),
    value: fc.option(fc.jsonValue({ maxDepth: 1 }), { nil: undefined }),
  })
  .map(
    ({ event, path, value }): Tampering => ({
      name: "an event is edited",
      apply: (trail) => {
        const copy = copied(trail);
        const one = at(copy.events, event);
        return replaceAt(one, at(editable(one as AuditEvent), path), () => value) ? copy : null;
      },
    }),
  );

const addition = fc.record({ event: fc.nat(), key: fc.string({ minLength: 1 }), inData: fc.boolean() }).map(
  ({ event, key, inData }): Tampering => ({
    name: "something is added to an event",
    apply: (trail) => {
      const copy = copied(trail);
      const one = at(copy.events, event);
      const holder = (inData ? (one.data ??= {}) : one) as JsonObject;
      if (Object.hasOwn(holder, key)) return null;
      return replaceAt(holder, [key], () => "added") ? copy : null;
    },
  }),
);

const removal = fc.record({ event: fc.nat(), renumber: fc.boolean() }).map(
  ({ event, renumber }): Tampering => ({
    name: `an event is removed${renumber ? ", and the others numbered anew" : ""}`,
    apply: (trail) => {
      const copy = copied(trail);
      const events = copy.events.toSpliced(event % copy.events.length, 1);
      return { ...copy, events: renumber ? renumbered(events) : events };
    },
  }),
);

const insertion = fc
  .record({
    from: fc.nat(),
    to: fc.nat(),
    type: fc.constantFrom("changed", "approved"),
    linked: fc.boolean(),
  })
  .map(
    ({ from, to, type, linked }): Tampering => ({
      name: `an event is inserted${linked ? "" : " without a link"}`,
      apply: (trail) => {
        const copy = copied(trail);
        const { audit, ...rest } = at(copy.events, from);
        const one: AuditEvent = { ...rest, ...(linked && audit ? { audit } : {}), type };
        return { ...copy, events: renumbered(copy.events.toSpliced(to % (copy.events.length + 1), 0, one)) };
      },
    }),
  );

const swap = fc.record({ a: fc.nat(), b: fc.nat(), renumber: fc.boolean() }).map(
  ({ a, b, renumber }): Tampering => ({
    name: `two events change places${renumber ? " and numbers" : ""}`,
    apply: (trail) => {
      const copy = copied(trail);
      const [i, j] = [a % copy.events.length, b % copy.events.length];
      if (i === j) return null;
      const events: AuditEvent[] = [...copy.events];
      [events[i], events[j]] = [copy.events[j] as AuditEvent, copy.events[i] as AuditEvent];
      return { ...copy, events: renumber ? renumbered(events) : events };
    },
  }),
);

/** As somebody would who knows how links are made, and not that the next one names this one. */
const rewriting = fc.record({ event: fc.nat(), type: fc.constantFrom("approved", "é") }).map(
  ({ event, type }): Tampering => ({
    name: "an event is written anew, with the hash that it has then",
    apply: (trail) => {
      const copy = copied(trail);
      const one = at(copy.events, event);
      if (!one.audit || one.type === type) return null;
      one.type = type;
      one.audit = { ...one.audit, hash: hashOf(eventContent(one, one.audit)) };
      return copy;
    },
  }),
);

const RECORD_FIELDS = ["id", "kind", "tenant_id", "status", "value"] as const;
const HEAD_FIELDS = ["seq", "hash", "value", "state", "notes"] as const;

const recordEdit = fc
  .record({
    field: fc.constantFrom(
      ...RECORD_FIELDS,
      ...HEAD_FIELDS.map((name) => `head.${name}` as const),
      "keys",
      "head",
    ),
    text: fc.constantFrom("other", "0".repeat(64), "f".repeat(64)),
    number: fc.nat({ max: 20 }),
  })
  .map(
    ({ field, text, number }): Tampering => ({
      name: `the record's ${field} is edited`,
      apply: (trail) => {
        const copy = copied(trail);
        const path = field.split(".");
        const make = (before: unknown): unknown => {
          if (field === "keys") return { ...(before as JsonObject), assignee: text };
          if (field === "head") return null;
          return typeof before === "number" || field === "head.notes" ? number : text;
        };
        if (field === "head.notes" && number === (copy.record.head?.notes ?? 0)) return null;
        return replaceAt(copy.record, path, make as (before: unknown) => JsonValue) ? copy : null;
      },
    }),
  );

export const tampering: fc.Arbitrary<Tampering> = fc.oneof(
  { weight: 4, arbitrary: edit },
  addition,
  { weight: 2, arbitrary: rewriting },
  { weight: 2, arbitrary: removal },
  { weight: 2, arbitrary: insertion },
  { weight: 2, arbitrary: swap },
  { weight: 2, arbitrary: recordEdit },
);
