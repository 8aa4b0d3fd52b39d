/** The paths of a patch: `key`, `a.b.c`, `items[0]`, `items[0].name` (B12). */
import { HoldpointError } from "../core/errors.ts";

/** A name of an object, or an index of a list. */
export type Step = string | number;
/** The first step is a name: a block's data is an object. */
export type Path = readonly [string, ...Step[]];

export const MAX_STEPS = 32;
const FORBIDDEN: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const PLAIN = /^[^.[\]]+$/;
/** A name, or one index; sticky, so that each match begins where the last one ended. */
const STEP = /(?:^|(?!^)\.)([^.[\]]+)|\[(0|[1-9]\d{0,4})\]/y;

function refuse(path: string, what: string): never {
  const shown = path.length > 80 ? `${path.slice(0, 80)}…` : path;
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", `The path ${JSON.stringify(shown)} ${what}.`, {
    details: { path: shown },
  });
}

/**
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for what is no path, has more than 32 steps, an index above 99 999,
 * or a step that reaches a prototype
 */
export function pathOf(text: string): Path {
  if (PLAIN.test(text)) return FORBIDDEN.has(text) ? refuse(text, "names a prototype") : [text];
  const steps: Step[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < text.length) {
    const [, name, index] = STEP.exec(text) ?? [];
    if (name === undefined && index === undefined) return refuse(text, "is no path such as items[0].name");
    if (name !== undefined && FORBIDDEN.has(name)) return refuse(text, "names a prototype");
    steps.push(name ?? Number(index));
    if (steps.length > MAX_STEPS) return refuse(text, `has more than ${MAX_STEPS} steps`);
  }
  const [first, ...rest] = steps;
  return typeof first === "string" ? [first, ...rest] : refuse(text, "does not begin with a name");
}
