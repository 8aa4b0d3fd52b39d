/** Blocks as text for a terminal, a log, or a chat that shows no markup. */
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { BlockKind } from "./events.ts";
import { hitlLines } from "./render-question.ts";
import { visible } from "./safe-text.ts";
import { type Block, type BlockState, childBlocks, rootBlocks } from "./state.ts";
import {
  type Layout,
  layoutOf,
  type Line,
  printed,
  quote,
  type RenderOptions,
  type Style,
  tree,
} from "./text-lines.ts";

/** What is drawn of a block: a stored one will do, or an event that has all of it, such as that of `hitlBlock`. */
export interface TextBlock {
  readonly kind: BlockKind;
  readonly data?: JsonObject | null | undefined;
  readonly branch?: string | null | undefined;
}

const STYLES: Readonly<Record<string, Style>> = {
  pending: "yellow",
  waiting: "yellow",
  suspended: "yellow",
  paused: "yellow",
  running: "cyan",
  success: "green",
  completed: "green",
  failed: "red",
  error: "red",
  expired: "red",
  aborted: "red",
  cancelled: "dim",
};
const MARKS: Readonly<Record<string, readonly [mark: string, plain: string]>> = {
  hitl: ["?", "?"],
  tool_use: ["▸", ">"],
  node: ["■", "#"],
  plan: ["☰", "="],
  artifact: ["▤", "@"],
  error: ["!", "!"],
};

function word(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "";
  return visible(typeof value === "string" ? value : JSON.stringify(value));
}

function title(kind: string, words: readonly string[], status: string, layout: Layout): Line {
  const [mark, plain] = (Object.hasOwn(MARKS, kind) ? MARKS[kind] : undefined) ?? ["•", "*"];
  const said = [visible(kind), ...words, status].filter((part) => part !== "");
  const style = Object.hasOwn(STYLES, status) ? STYLES[status] : "title";
  return {
    text: `${layout.plain ? plain : mark} ${said.join(layout.plain ? " - " : " · ")}`,
    style,
    hang: 2,
  };
}

function without(data: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(data).filter(([name]) => !names.includes(name)));
}

function rest(data: JsonObject, names: readonly string[], layout: Layout): Line[] {
  const left = without(data, names);
  return Object.keys(left).length === 0 ? [] : tree(left, layout);
}

function toolLines(data: JsonObject, layout: Layout): Line[] {
  const { arguments: args, progress, error } = data;
  return [
    ...(args === undefined ? [] : tree(args, layout)),
    ...(progress === undefined ? [] : tree({ progress }, layout)),
    ...(typeof error === "string" ? quote(error, layout, { style: "red" }) : []),
    ...rest(data, ["name", "call_id", "arguments", "status", "progress", "error"], layout),
  ];
}

function planLines(data: JsonObject, layout: Layout): Line[] {
  const { steps, current } = data;
  const list = Array.isArray(steps) ? steps : [];
  return [
    ...list.map((step, index): Line => {
      const isObject = typeof step === "object" && step !== null && !Array.isArray(step);
      const name = isObject ? (step["title"] ?? step["content"] ?? step["name"] ?? step["id"]) : step;
      const isDone =
        isObject && typeof step["status"] === "string"
          ? step["status"] === "completed"
          : index < Number(current);
      const mark = isDone ? "[x]" : index === current ? "[>]" : "[ ]";
      return { text: `${mark} ${word(name ?? step)}`, indent: 2, hang: 4, style: isDone ? "dim" : undefined };
    }),
    ...rest(data, ["steps", "current"], layout),
  ];
}

function linesOf({ kind, data: given, branch }: TextBlock, layout: Layout): Line[] {
  const data = given ?? {};
  const where = typeof branch === "string" ? visible(branch) : "";
  const status = word(data["status"]);
  const headed = (words: readonly (JsonValue | undefined)[], lines: readonly Line[]): Line[] => [
    title(kind, [where, ...words.map(word)], status, layout),
    ...lines,
  ];
  switch (kind) {
    case "text":
    case "thinking": {
      const { content } = data;
      const style = kind === "thinking" ? "dim" : undefined;
      const said = typeof content === "string" ? content : "";
      return headed([], [...quote(said, layout, { style }), ...rest(data, ["content"], layout)]);
    }
    case "hitl":
      return headed([data["hitl_type"], data["tool_name"]], hitlLines(data, layout));
    case "tool_use":
      return headed([data["name"]], toolLines(data, layout));
    case "node": {
      const { duration_ms: took, error } = data;
      const said = [data["node_id"], data["agent"], typeof took === "number" ? `${took} ms` : undefined];
      const known = ["node_id", "agent", "status", "duration_ms", "error"];
      const failure = typeof error === "string" ? quote(error, layout, { style: "red" }) : [];
      return headed(said, [...failure, ...rest(data, known, layout)]);
    }
    case "plan":
      return headed([], planLines(data, layout));
    case "artifact":
      return headed([data["title"] ?? data["artifact_id"]], rest(data, ["title", "status"], layout));
    case "error": {
      const { code, message } = data;
      const said = quote(typeof message === "string" ? message : "", layout, { style: "red" });
      return headed([code], [...said, ...rest(data, ["code", "message"], layout)]);
    }
    default:
      return headed([], rest(data, ["status"], layout));
  }
}

function indented(block: TextBlock, depth: number, layout: Layout): string[] {
  // Deeper ones are not indented further: a narrow screen has to show them, too.
  const indent = Math.min(depth, 4) * 2;
  const inner = { ...layout, width: layout.width - indent };
  return linesOf(block, inner)
    .flatMap((line) => printed(line, inner))
    .map((line) => " ".repeat(indent) + line);
}

function isState(what: TextBlock | Block | BlockState): what is BlockState {
  return "roots" in what && "entries" in what;
}

/**
 * A block, or all blocks of a state, as text. Every character of other people's text is shown as what it is: controls,
 * escape sequences, bidi controls and characters that nobody sees are spelled out, as `\u{202e}`; their lines have a bar
 * before them, so that none can be taken for a line of the renderer. No line is wider than `width` columns.
 *
 * @example
 * ```ts
 * import { renderBlockText } from "holdpoint/blocks";
 *
 * const data = { hitl_type: "confirm", status: "pending", message: "Refund 40 EUR?", risk_level: "high" };
 * console.log(renderBlockText({ kind: "hitl", data }, { plain: true }));
 * // ? hitl - confirm - pending
 * // | Refund 40 EUR?
 * //   Risk: high
 * ```
 */
export function renderBlockText(what: TextBlock | Block | BlockState, options: RenderOptions = {}): string {
  const layout = layoutOf(options);
  if (!isState(what)) return indented(what, 0, layout).join("\n");
  const lines: string[] = [];
  // A tree may be deeper than the stack of calls.
  const waiting = rootBlocks(what)
    .map((block) => ({ block, depth: 0 }))
    .toReversed();
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { block, depth } = next;
    lines.push(...indented(block, depth, layout));
    const children = childBlocks(what, block.block_id).map((child) => ({ block: child, depth: depth + 1 }));
    waiting.push(...children.toReversed());
  }
  return lines.join("\n");
}
