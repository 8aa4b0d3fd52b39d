import { ToolInputParsingException } from "@langchain/core/tools";
import { Validator } from "@langchain/core/utils/json_schema";
import { interopSafeParseAsync, isInteropZodSchema } from "@langchain/core/utils/types";

/**
 * True if the tool has surely not begun: its own schema refuses these arguments. The error alone does not say so, since a
 * tool may call another one.
 *
 * @param schema - of the tool: zod, or JSON Schema
 */
export async function refusedArgs(error: unknown, schema: unknown, args: unknown): Promise<boolean> {
  if (!(error instanceof ToolInputParsingException)) return false;
  try {
    if (isInteropZodSchema(schema)) return !(await interopSafeParseAsync(schema, args)).success;
    return typeof schema === "object" && schema !== null && !new Validator(schema).validate(args).valid;
  } catch {
    return false;
  }
}
