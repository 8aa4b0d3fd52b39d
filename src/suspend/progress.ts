import { type JsonLimits, type JsonValue, toJson } from "../core/json.ts";
import { callScope } from "./call-scope.ts";

/** It is sent often, and gone with the next stage of the call. */
const PROGRESS_LIMITS: JsonLimits = { maxBytes: 16 * 1024, maxDepth: 16 };

/**
 * Tells user interfaces how far a running tool is: its `tool_use` block shows `progress` until the next report, or the
 * call's next stage (PROTOCOL.md §16, B15). Works in any tool that `HITLToolNode`, `holdpointTools` or
 * `hitlMiddleware` runs, in its `step`s too; each of several calls that run side by side reports on its own block.
 * Anywhere else, as in a unit test, and where nobody listens, it does nothing. It never waits, and a listener that
 * fails does not fail the tool.
 *
 * A report is for the screen: no log keeps it, and a reader may see only some of them. Report what a human can follow,
 * a few times a second at most.
 *
 * @param progress - any JSON, up to 16 KiB: a part from 0 to 1, a text, or `{ done, total?, message? }`
 * @throws HoldpointError `ERR_HITL_NOT_JSON`, `ERR_HITL_TOO_LARGE`, `ERR_HITL_TOO_DEEP`, whether or not somebody listens
 *
 * @example
 * ```ts
 * import { tool } from "@langchain/core/tools";
 * import { reportProgress } from "holdpoint";
 * import { z } from "zod";
 *
 * export const copy = tool(
 *   async ({ files }) => {
 *     for (const [done, file] of files.entries()) reportProgress({ done, total: files.length, message: file });
 *     return `copied ${files.length} files`;
 *   },
 *   { name: "copy", description: "Copies files.", schema: z.object({ files: z.array(z.string()) }) },
 * );
 * ```
 */
export function reportProgress(progress: JsonValue): void {
  const scope = callScope.getStore();
  // A number needs no copy and no limits; most reports are one.
  const checked = Number.isFinite(progress) ? progress : toJson(progress, "progress", PROGRESS_LIMITS);
  scope?.progress?.(checked);
}
