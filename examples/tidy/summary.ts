/** What a run has come to, read from its messages: they were saved step by step, so no restart loses any of it. */
import { type BaseMessage, isToolMessage } from "@langchain/core/messages";
import { visible } from "holdpoint/blocks";
import { type Effect, TRASH } from "./files.ts";
import { count, formatBytes } from "./format.ts";
import type { Problem } from "./survey.ts";
import type { Report } from "./tools/context.ts";

export function effectLine(effect: Effect): string {
  const path = visible(effect.path);
  if (effect.outcome === "skipped") return `left alone: ${path} ${visible(effect.why ?? "")}`;
  const again = effect.outcome === "found_done" ? " (done before the interruption)" : "";
  switch (effect.op) {
    case "move":
      return `moved: ${path} → ${visible(effect.to ?? "")}${again}`;
    case "trash":
      return `to the trash folder: ${path} (${formatBytes(effect.bytes)})${again}`;
    case "delete":
      return `deleted: ${path} (${formatBytes(effect.bytes)})${again}`;
  }
}

export function summaryLines(messages: readonly BaseMessage[]): string[] {
  const tools = messages.filter(isToolMessage);
  const results = tools.map(resultOf);
  const effects = results.flatMap((result) => result.effects ?? []);
  const made = effects.filter((effect) => effect.outcome !== "skipped");
  const [moved, trashed, deleted] = (["move", "trash", "delete"] as const).map((op) =>
    made.filter((e) => e.op === op),
  ) as [Effect[], Effect[], Effect[]];
  const left = [
    ...effects.filter((effect) => effect.outcome === "skipped").map(({ path, why = "" }) => ({ path, why })),
    ...results.flatMap((result) => [...(result.left ?? []), ...(result.problems ?? [])]),
  ];
  const later = results.reduce((sum, result) => sum + (result.not_shown ?? 0), 0);
  const lines =
    made.length === 0
      ? ["Nothing was changed."]
      : [
          `${count(moved.length, "file")} moved or renamed, ${trashed.length} to the trash folder, ${deleted.length} deleted.`,
          `${formatBytes(sum(deleted))} freed${inTrash(trashed, deleted)}.`,
        ];
  const granted = tools.filter((message) => becauseOf(message) === "grant").length;
  if (granted > 0)
    lines.push(
      `${count(granted, "call")} not asked about: a standing approval allowed ${granted === 1 ? "it" : "them"}.`,
    );
  if (left.length > 0)
    lines.push("Left alone:", ...unique(left).map(({ path, why }) => `  ${visible(path)}: ${visible(why)}`));
  if (later > 0) lines.push(`${count(later, "more finding")} for the next run.`);
  return lines;
}

type Result = Partial<Report> & { readonly problems?: readonly Problem[]; readonly not_shown?: number };

/** What the policy has to do with it, as the message says. */
function becauseOf({ response_metadata }: BaseMessage): string | undefined {
  const { holdpoint } = response_metadata as { holdpoint?: { policy?: { because?: string } } };
  return holdpoint?.policy?.because;
}

/** A tool that failed says so in words, not in JSON. That a human did not want a change is no failure. */
function resultOf(message: BaseMessage): Result {
  const { name = "a tool", text } = message;
  if (becauseOf(message) === "rejected") return {};
  try {
    // Where a human has changed the arguments, a note for the model follows.
    return JSON.parse(text.split("\n\n", 1)[0] ?? "") as Result;
  } catch {
    // Its second line is advice for a model.
    return { left: [{ path: name, why: text.replace(/^Error: /, "").split("\n", 1)[0] ?? "" }] };
  }
}

function inTrash(trashed: readonly Effect[], deleted: readonly Effect[]): string {
  const gone = new Set(deleted.map((effect) => effect.path));
  const kept = trashed.filter((effect) => !gone.has(effect.to ?? ""));
  return kept.length === 0 ? "" : `, ${formatBytes(sum(kept))} wait in ${TRASH}`;
}

function sum(effects: readonly Effect[]): number {
  return effects.reduce((total, effect) => total + effect.bytes, 0);
}

function unique(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.path}\0${problem.why}`, problem])).values()];
}
