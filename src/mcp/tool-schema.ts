/** The arguments of a tool, as a server says them to its clients. */
import type { StructuredToolInterface } from "@langchain/core/tools";
import { toJsonSchema } from "@langchain/core/utils/json_schema";
import { z } from "zod";
import { type JsonObject, toJsonObject } from "../core/json.ts";

/**
 * A schema that both SDKs can register: it shows the tool's own, and hands on what came as it came. The tool checks its
 * arguments itself, once; a schema that transforms them would do so twice.
 *
 * @throws HoldpointError `ERR_HITL_NOT_JSON` for a schema that has no JSON Schema
 */
export function shownSchema({ schema }: Pick<StructuredToolInterface, "schema">): z.ZodType {
  const { $schema: _, ...shown } = toJsonObject(toJsonSchema(schema as never), "the schema of the tool");
  return z.looseObject({}).meta({ ...objectSchema(shown) });
}

/** The arguments of an MCP tool are always an object. */
function objectSchema(shown: JsonObject): JsonObject {
  return shown["type"] === "object" ? shown : { ...shown, type: "object" };
}
