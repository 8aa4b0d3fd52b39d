/** What each op does to the data of a block. Nothing is edited in place: parts that do not change are shared. */
import { HoldpointError } from "../core/errors.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { BlockOp } from "./events.ts";
import { type Path, pathOf, type Step } from "./paths.ts";

/**
 * How an event changes the data of a block. `data` is what the block holds (`{}` if it is new), `change` what the event
 * brings. It returns the new data, and leaves both as they are.
 */
export type Merge = (data: JsonObject, change: JsonObject) => JsonObject;

/** The ops that a kind merges in its own way. */
export type BlockMerger = Readonly<Partial<Record<BlockOp, Merge>>>;
/** Mergers by kind. */
export type BlockMergers = Readonly<Record<string, BlockMerger>>;

/** A short path must not make a long list. */
const MAX_PADDING = 1024;

function has(value: JsonObject, key: string): boolean {
  return Object.hasOwn(value, key);
}

const apply: Merge = (_data, change) => change;

const delta: Merge = (data, change) => {
  const result: JsonObject = { ...data };
  for (const key of Object.keys(change)) {
    const more = change[key] as JsonValue;
    const old = has(data, key) ? data[key] : undefined;
    if (typeof old === "string" && typeof more === "string") result[key] = old + more;
    else if (Array.isArray(old) && Array.isArray(more)) result[key] = [...old, ...more];
    else result[key] = more;
  }
  return result;
};

interface Filling {
  left: number;
}

function padded(
  list: readonly JsonValue[],
  length: number,
  onTheWay: boolean,
  filling: Filling,
): JsonValue[] {
  const missing = Math.max(0, length - list.length);
  filling.left -= missing;
  if (filling.left < 0) {
    throw new HoldpointError(
      "ERR_HITL_TOO_LARGE",
      `A patch would add more than ${MAX_PADDING} empty entries to a list.`,
      { details: { maxPadding: MAX_PADDING } },
    );
  }
  const result = [...list];
  for (let index = 0; index < missing; index += 1) result.push(onTheWay ? {} : null);
  return result;
}

function setAt(
  value: JsonValue | undefined,
  steps: readonly Step[],
  at: number,
  leaf: JsonValue,
  filling: Filling,
): JsonValue {
  const step = steps[at];
  if (step === undefined) return leaf;
  if (typeof step === "number") {
    const list = padded(Array.isArray(value) ? value : [], step, at < steps.length - 1, filling);
    list[step] = setAt(list[step], steps, at + 1, leaf, filling);
    return list;
  }
  const object = typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  const child = has(object, step) ? object[step] : undefined;
  return { ...object, [step]: setAt(child, steps, at + 1, leaf, filling) };
}

const patch: Merge = (data, change) => {
  const result: JsonObject = { ...data };
  const filling = { left: MAX_PADDING };
  for (const key of Object.keys(change)) {
    const [first, ...rest]: Path = pathOf(key);
    const old = has(result, first) ? result[first] : undefined;
    result[first] = setAt(old, rest, 0, change[key] as JsonValue, filling);
  }
  return result;
};

export const DEFAULT_MERGES: Readonly<Record<BlockOp, Merge>> = { apply, delta, patch };

/** Roughly the bytes of a value, for limits. */
export function weigh(value: JsonValue): number {
  if (typeof value === "string") return value.length + 3;
  if (typeof value !== "object" || value === null) return 8;
  let sum = 2;
  if (Array.isArray(value)) for (const item of value) sum += weigh(item);
  else for (const key of Object.keys(value)) sum += key.length + 3 + weigh(value[key] as JsonValue);
  return sum;
}
