/** What the trail must not hold: declared by paths or a function, replaced by a salted hash before anything is hashed. */
import { createHmac } from "node:crypto";
import type { NewEvent } from "../backends/record-store.ts";
import { HoldpointError } from "../core/errors.ts";
import { canonicalJson, cloneJson, type JsonObject, type JsonValue, toJsonObject } from "../core/json.ts";
import type { Actor } from "../core/record.ts";
import { PART_LIMITS, REDACTED_PREFIX, type Redacted } from "./verify/redacted.ts";

/** A part of what is written, which may hold secrets. */
export interface AuditPart {
  /** `data`, `actor_meta`: of the event. `value`: the record's value, which is hashed only. */
  readonly part: "data" | "actor_meta" | "value";
  readonly kind: string;
  readonly tenant_id: string;
  /** The type of the event; null for a value. */
  readonly type: string | null;
  /** A copy: it may be changed and returned. */
  readonly value: JsonObject;
}

/** Gives what stands in the place of a secret. */
export type Hide = (value: JsonValue) => Redacted & JsonObject;

/**
 * Returns the part as the trail may have it. It is called for every write, must not wait, and has to return the same for the
 * same value: else a record looks edited.
 */
export type RedactFunction = (part: AuditPart, hide: Hide) => JsonObject;

export interface RedactPaths {
  /**
   * `data.card.number`, `value.user_response.*.secret`, `actor.meta.email`, `reason`: `*` stands for every key or every
   * entry of a list. A path to nothing does nothing.
   */
  readonly paths: readonly string[];
}

export interface Redactor {
  event(event: NewEvent, of: PartOf): NewEvent;
  value(value: JsonObject, of: PartOf): JsonObject;
}

type PartOf = Pick<AuditPart, "kind" | "tenant_id" | "type">;
type Path = readonly string[];

const MAX_PATHS = 200;
const MAX_STEPS = 32;
const MAX_PATH = 1024;
const FORBIDDEN: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const ROOTS = ["data", "value", "actor.meta", "reason"] as const;
type Root = (typeof ROOTS)[number];

function invalid(message: string, details: Record<string, unknown> = {}, cause?: unknown): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message, { details, cause });
}

/** The paths by root, outer ones first: what is redacted as a whole is hashed as it was. */
function pathsOf(given: unknown): ReadonlyMap<Root, readonly Path[]> {
  if (!Array.isArray(given) || given.length > MAX_PATHS)
    return invalid(`redact.paths has to be a list of at most ${MAX_PATHS} paths.`);
  const paths = new Map<Root, Path[]>(ROOTS.map((root) => [root, []]));
  for (const path of given) {
    const [root, steps] = pathOf(path);
    paths.get(root)?.push(steps);
  }
  for (const list of paths.values()) list.sort((a, b) => a.length - b.length);
  return paths;
}

function pathOf(path: unknown): [Root, Path] {
  if (typeof path !== "string" || path.length > MAX_PATH || !path.isWellFormed() || /\p{Cc}/u.test(path))
    return invalid(`A redacted path has to be a text of at most ${MAX_PATH} characters.`);
  const root = ROOTS.find((name) => path === name || path.startsWith(`${name}.`));
  if (!root) return invalid(`${JSON.stringify(path)}: a path begins with ${ROOTS.join(", ")}.`, { path });
  const steps = path === root ? [] : path.slice(root.length + 1).split(".");
  const bad = steps.find((step) => step === "" || step === "**" || FORBIDDEN.has(step));
  if (bad !== undefined || steps.length > MAX_STEPS || (root === "reason") !== (steps.length === 0))
    return invalid(
      `${JSON.stringify(path)} is no path: names and "*" with dots between, at most ${MAX_STEPS}, after ${root}${root === "reason" ? " nothing" : ""}.`,
      { path },
    );
  return [root, steps];
}

function hiddenAt(value: JsonValue, steps: Path, hide: Hide, from = 0): JsonValue {
  const step = steps[from];
  if (step === undefined) return hide(value);
  if (typeof value !== "object" || value === null) return value;
  const inner = (item: JsonValue): JsonValue => hiddenAt(item, steps, hide, from + 1);
  if (Array.isArray(value))
    return value.map((item, index) => (step === "*" || step === String(index) ? inner(item) : item));
  if (step === "*") return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(item)]));
  const item = Object.hasOwn(value, step) ? value[step] : undefined;
  return item === undefined ? value : { ...value, [step]: inner(item) };
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function checkRedact(redact: unknown): void {
  if (typeof redact === "function") return;
  if (typeof redact !== "object" || redact === null) invalid("redact has to be { paths } or a function.");
  pathsOf((redact as RedactPaths).paths);
}

export function redactorOf(redact: RedactPaths | RedactFunction, salt: string): Redactor {
  const hash = (value: JsonValue): string =>
    createHmac("sha256", salt).update(canonicalJson(value)).digest("hex");
  const hide: Hide = (value) => ({ redacted: hash(value) });
  return typeof redact === "function" ? byFunction(redact, hide) : byPaths(pathsOf(redact.paths), hide, hash);
}

function byPaths(
  paths: ReadonlyMap<Root, readonly Path[]>,
  hide: Hide,
  hash: (value: JsonValue) => string,
): Redactor {
  const part = (root: Root, value: JsonObject): JsonObject =>
    (paths.get(root) ?? []).reduce((now, steps) => hiddenAt(now, steps, hide) as JsonObject, value);
  const reasons = (paths.get("reason") ?? []).length > 0;
  return {
    value: (value) => part("value", value),
    event: (event) =>
      replaced(event, {
        data: (data) => part("data", data),
        meta: (meta) => part("actor.meta", meta),
        reason: (reason) => (reasons ? `${REDACTED_PREFIX}${hash(reason)}` : reason),
      }),
  };
}

function byFunction(redact: RedactFunction, hide: Hide): Redactor {
  const part = (name: AuditPart["part"], of: PartOf, value: JsonObject): JsonObject => {
    try {
      return toJsonObject(redact({ part: name, ...of, value: cloneJson(value) }, hide), name, PART_LIMITS);
    } catch (cause) {
      return invalid(
        `redact failed on ${name} of a record of kind ${of.kind}; nothing was written.`,
        {},
        cause,
      );
    }
  };
  return {
    value: (value, of) => part("value", of, value),
    event: (event, of) =>
      replaced(event, {
        data: (data) => part("data", of, data),
        meta: (meta) => part("actor_meta", of, meta),
        reason: (reason) => reason,
      }),
  };
}

interface Replacements {
  data(data: JsonObject): JsonObject;
  meta(meta: JsonObject): JsonObject;
  reason(reason: string): string;
}

function replaced(event: NewEvent, by: Replacements): NewEvent {
  const { data, actor, reason } = event;
  const meta = actor?.meta;
  return {
    ...event,
    ...(data === undefined ? {} : { data: by.data(data) }),
    ...(reason === undefined ? {} : { reason: by.reason(reason) }),
    ...(meta === undefined ? {} : { actor: { ...actor, meta: by.meta(meta) } as Actor }),
  };
}
