/** What a call would do, shown to the human who decides: a diff, the rows that go, the mail as it will look. */
import type { InferInteropZodOutput, InteropZodType } from "@langchain/core/utils/types";
import { HoldpointError } from "../../core/errors.ts";

const PREVIEW: unique symbol = Symbol.for("holdpoint.preview");

/** JSON, at most 64 KiB. Called only if somebody is asked, before the call runs: it must change nothing. */
export type Preview<Args = Readonly<Record<string, unknown>>> = (args: Args) => unknown;

/** The arguments of a tool, as its schema gives them. */
export type PreviewArgs<T> = T extends { readonly schema: infer S extends InteropZodType }
  ? Readonly<InferInteropZodOutput<S>>
  : Readonly<Record<string, unknown>>;

/**
 * Gives a tool its preview, and returns the tool: where a policy asks about a call of it, the question has what `preview`
 * says (`data.preview`; `data.preview_error` if it throws). The arguments are as the model, or a human, has written them:
 * not yet parsed by the tool's schema.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT`
 *
 * @example
 * ```ts
 * import { tool } from "@langchain/core/tools";
 * import { withPreview } from "holdpoint";
 * import { z } from "zod";
 *
 * const remove = tool(async ({ paths }) => `removed ${paths.length}`, {
 *   name: "remove",
 *   description: "Removes files.",
 *   schema: z.object({ paths: z.array(z.string()) }),
 * });
 *
 * export const removeWithPreview = withPreview(remove, ({ paths }) => ({ removes: paths, count: paths.length }));
 * ```
 */
export function withPreview<T extends object>(tool: T, preview: Preview<PreviewArgs<T>>): T {
  if (typeof preview !== "function")
    throw new HoldpointError("ERR_HITL_INVALID_INPUT", "A preview has to be a function of the arguments.");
  Object.defineProperty(tool, PREVIEW, { value: preview, configurable: true });
  return tool;
}

export function previewOf(tool: unknown): Preview | undefined {
  return typeof tool === "object" && tool !== null
    ? (tool as { readonly [PREVIEW]?: Preview })[PREVIEW]
    : undefined;
}
