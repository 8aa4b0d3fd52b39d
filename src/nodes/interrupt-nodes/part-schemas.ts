/** A response schema of which some parts have schemas of their own. */
import { type JsonObject, type JsonValue, toJsonObject } from "../../core/json.ts";
import {
  assertUsableSchema,
  checkStandard,
  isStandardSchema,
  type ResponseIssue,
  type StandardSchema,
  toJsonSchema,
} from "../../core/response-schema.ts";

/** JSON Schema, or a Standard Schema, of which everything is checked in the process that asks (P3). */
export type PartSchema = StandardSchema | Readonly<Record<string, unknown>>;

/**
 * References within the part's schema stay within it.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for a JSON Schema that cannot be used
 */
export function jsonSchemaOf(name: string, schema: PartSchema): JsonValue {
  const json = isStandardSchema(schema) ? toJsonSchema(schema) : toJsonObject(schema, name);
  if (!isStandardSchema(schema)) assertUsableSchema(json);
  return typeof json === "object" && !("$id" in json) && JSON.stringify(json).includes('"$ref"')
    ? { $id: `urn:holdpoint:${encodeURIComponent(name)}`, ...json }
    : json;
}

/** @param check - the answer with what its parts' schemas make of it, or what is wrong */
export function schemaWithParts(
  json: JsonObject,
  check: (answer: Readonly<Record<string, JsonValue>>) => Promise<PartsChecked>,
): StandardSchema {
  return {
    "~standard": {
      version: 1,
      vendor: "holdpoint",
      jsonSchema: { input: () => json },
      validate: async (answer) => {
        if (typeof answer !== "object" || answer === null || Array.isArray(answer))
          return { issues: [{ message: "must be an object" }] };
        const checked = await check(answer as Record<string, JsonValue>);
        return "value" in checked
          ? { value: checked.value }
          : { issues: checked.issues.map(({ path, message }) => ({ path: [...path], message })) };
      },
    },
  };
}

export type PartsChecked = { readonly value: unknown } | { readonly issues: readonly ResponseIssue[] };

export async function checkPart(
  path: readonly string[],
  schema: PartSchema,
  value: JsonValue,
): Promise<PartsChecked> {
  if (!isStandardSchema(schema)) return { value };
  const checked = await checkStandard(schema, value);
  if ("value" in checked) return checked;
  return { issues: checked.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] })) };
}
