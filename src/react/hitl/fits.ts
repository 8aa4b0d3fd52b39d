/** Whether a named type is asked in its own way: its author may have given another response schema. */
import { isObject, listOf, textOf } from "../read.ts";

/**
 * Whether answers of the form `{ [name of known]: … }` are what `schema` asks for. If it names other fields, or is not
 * for objects, its own form has to be shown instead.
 */
export function fitsSchema(schema: unknown, known: readonly string[]): boolean {
  if (schema === null || schema === undefined || schema === true) return true;
  if (!isObject(schema)) return false;
  const { properties, type } = schema;
  if (type !== undefined && type !== "object") return false;
  if (["anyOf", "oneOf", "$ref"].some((keyword) => keyword in schema)) return false;
  if (!listOf(schema["required"]).every((name) => known.includes(textOf(name) ?? ""))) return false;
  return !isObject(properties) || Object.keys(properties).every((name) => known.includes(name));
}
