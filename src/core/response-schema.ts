/**
 * Checking answers (P3): JSON Schema lives in the record and is checked wherever the answer arrives; any
 * Standard Schema is checked too in the process that asked.
 */
import { dereference, type Schema, validate, type ValidationResult } from "@cfworker/json-schema";
import { z } from "zod";
import { HoldpointError } from "./errors.ts";
import { cloneJson, type JsonObject, type JsonValue, toJson } from "./json.ts";

/** What is wrong with an answer. `path` leads to the value; empty for the answer itself. */
export interface ResponseIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The part of Standard Schema (version 1) that is used here. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    readonly jsonSchema?: {
      readonly input: (options: { readonly target: string }) => Record<string, unknown>;
    };
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The output type of a Standard Schema; `Fallback` for anything else. */
export type InferOutput<S, Fallback = unknown> = S extends {
  readonly "~standard": { readonly types?: { readonly output: infer Output } | undefined };
}
  ? Output
  : Fallback;

export function isStandardSchema(value: unknown): value is StandardSchema {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    "~standard" in value &&
    typeof (value as StandardSchema)["~standard"]?.validate === "function"
  );
}

/**
 * The JSON Schema that goes into the record. What a Standard Schema cannot say in JSON Schema (a refinement)
 * is left to the check in the process. A library without JSON Schema support gives `true`: anything.
 */
export function toJsonSchema(schema: StandardSchema): JsonObject | boolean {
  const standard = schema["~standard"];
  if (standard.vendor === "zod") {
    const { $schema: _, ...rest } = z.toJSONSchema(schema as unknown as z.ZodType, {
      io: "input",
      unrepresentable: "any",
    });
    return toJson(rest, "response_schema") as JsonObject;
  }
  if (!standard.jsonSchema) return true;
  const { $schema: _, ...rest } = standard.jsonSchema.input({ target: "draft-2020-12" });
  return toJson(rest, "response_schema") as JsonObject;
}

/** As many as a check takes about a second for; an answer of the largest size takes a tenth of them. */
const MAX_VISITS = 500_000;

/**
 * Ends a check that takes too long: alternatives that contain each other are tried inside of each other, as deep as the
 * answer goes, and whoever answers chooses how deep that is. The validator reads this keyword of older drafts once for each
 * visit of a part.
 */
class Budget {
  #left = 0;

  constructor(lookup: Readonly<Record<string, Schema | boolean>>) {
    const get = (): undefined => {
      this.#left -= 1;
      if (this.#left < 0) throw new Error("it takes too long");
    };
    for (const part of new Set(Object.values(lookup)))
      if (typeof part === "object") Object.defineProperty(part, "$recursiveAnchor", { get });
  }

  renew(): void {
    this.#left = MAX_VISITS;
  }
}

/** @throws Error for a value that cannot be checked, or not in time */
type Check = (value: JsonValue) => ValidationResult;

const MAX_COMPILED = 500;
const compiled = new Map<string, Check>();
/** Checked already; most questions have a schema with which another was asked before. */
const usable = new WeakSet<Check>();

/** The same one for the same schema. @throws Error for what is no schema */
export function compile(schema: JsonObject | boolean): Check {
  const text = JSON.stringify(schema);
  const known = compiled.get(text);
  if (known) return known;
  // The validator writes into its schema.
  const own = typeof schema === "object" ? cloneJson(schema) : schema;
  const lookup = dereference(own);
  const budget = text.includes('"$ref"') ? new Budget(lookup) : null;
  const check: Check = (value) => {
    budget?.renew();
    return validate(value, own, "2020-12", lookup, false);
  };
  if (compiled.size >= MAX_COMPILED) compiled.delete(compiled.keys().next().value as string);
  compiled.set(text, check);
  return check;
}

const TYPES: ReadonlySet<unknown> = new Set([
  "null",
  "boolean",
  "object",
  "array",
  "number",
  "string",
  "integer",
]);

/** Throws for what the validator would only notice at an answer that reaches it, when it is too late (P3). */
function assertParts(schema: JsonObject): void {
  const lookup = dereference(structuredClone(schema) as Schema);
  for (const part of Object.values(lookup)) {
    if (typeof part !== "object") continue;
    const { $ref, type, pattern, patternProperties } = part;
    if ($ref !== undefined && lookup[part.__absolute_ref__ ?? $ref] === undefined)
      throw new Error(`there is no ${$ref}`);
    for (const name of type === undefined ? [] : Array.isArray(type) ? type : [type]) {
      if (!TYPES.has(name)) throw new Error(`there is no type ${JSON.stringify(name)}`);
    }
    for (const source of [
      ...(pattern === undefined ? [] : [pattern]),
      ...Object.keys(patternProperties ?? {}),
    ]) {
      new RegExp(source, "u");
    }
  }
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` for a schema that cannot be used, before anything is asked. */
export function assertUsableSchema(schema: JsonObject | boolean): void {
  try {
    const check = compile(schema);
    if (usable.has(check)) return;
    if (typeof schema === "object") assertParts(schema);
    check(null);
    usable.add(check);
  } catch (cause) {
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      `response_schema is not a JSON Schema (draft 2020-12) that can be checked: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Empty when `value` satisfies the schema. A check that breaks off is a refusal (P8). */
export function checkJsonSchema(schema: JsonObject | boolean, value: JsonValue): ResponseIssue[] {
  let result: ValidationResult;
  try {
    result = compile(schema)(value);
  } catch (cause) {
    return [{ path: [], message: `cannot be checked against the schema: ${(cause as Error).message}` }];
  }
  if (result.valid) return [];
  // The validator reports each enclosing keyword too; the innermost errors are those that help a person.
  const leaves = result.errors.filter(
    (error) =>
      ![
        "properties",
        "items",
        "prefixItems",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "$ref",
        "additionalProperties",
      ].includes(error.keyword),
  );
  const errors = leaves.length > 0 ? leaves : result.errors;
  return errors.map((error) => ({ path: pointerToPath(error.instanceLocation), message: error.error }));
}

function pointerToPath(pointer: string): (string | number)[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^(0|[1-9][0-9]*)$/.test(part) ? Number(part) : part));
}

/** Checks with a Standard Schema; the value that it makes of the answer, or what is wrong with it. */
export async function checkStandard<Output>(
  schema: StandardSchema<unknown, Output>,
  value: JsonValue,
): Promise<{ readonly value: Output } | { readonly issues: ResponseIssue[] }> {
  const result = await schema["~standard"].validate(value);
  if (!result.issues) return { value: result.value };
  return {
    issues: result.issues.map((issue) => ({
      path: (issue.path ?? []).map((part) => {
        const key = typeof part === "object" ? part.key : part;
        return typeof key === "symbol" ? String(key) : key;
      }),
      message: issue.message,
    })),
  };
}

/** One line for people: `answer: must be a string; comment: too long`. */
export function describeIssues(issues: readonly ResponseIssue[]): string {
  return issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message))
    .join("; ");
}
