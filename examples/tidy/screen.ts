/** The terminal: questions and calls of tools as blocks, and the program's own lines between them. */
import type { HITLRecord } from "holdpoint";
import {
  type BlockEvent,
  createBlockStore,
  hitlBlock,
  renderBlockText,
  type RenderOptions,
} from "holdpoint/blocks";
import type { GrantSuggestion } from "holdpoint/policy";
import { grantText } from "./approvals.ts";

export interface ShowOptions {
  readonly whole?: boolean;
  /** What may be answered is listed below it, with numbers. */
  readonly listed?: boolean;
}

export interface Screen {
  /** A line of the program's own; other people's words in it are made `visible` before. */
  readonly say: (line: string) => void;
  /** A question: who asks, what, with which options. Of a long list only the first lines, unless it is to be whole. */
  readonly show: (record: HITLRecord, how?: ShowOptions) => void;
  /** What a run tells. Calls of tools are drawn as they begin, wait, succeed or fail; questions when it is their turn. */
  readonly onBlock: (event: BlockEvent) => void;
}

/** A call that takes longer is seen to run; one that is done or waits before is drawn once. */
const SOON_MS = 250;
const WIDEST = 100;

export function createScreen(print: (text: string) => void, options: RenderOptions = {}): Screen {
  const layout = { maxLines: 25, ...options };
  const store = createBlockStore();
  const drawn = new Map<string, unknown>();
  const touched = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  function draw(): void {
    clearTimeout(timer);
    timer = undefined;
    for (const id of touched) {
      const { name, status, error } = store.getBlock(id)?.data ?? {};
      if (status === "pending" || status === drawn.get(id)) continue;
      drawn.set(id, status);
      // Its arguments are in the question, what it did is said as it happens.
      const data = { name: name ?? null, status: status ?? null, ...(error === undefined ? {} : { error }) };
      print(renderBlockText({ kind: "tool_use", data }, layout));
    }
    touched.clear();
  }

  return {
    say: (line) => {
      draw();
      print(line);
    },
    show: (record, { whole = false, listed = false } = {}) => {
      draw();
      const lines = whole ? { ...layout, maxLines: Infinity } : layout;
      print(renderBlockText(hitlBlock({ ...record, data: readable(record.data, whole, listed) }), lines));
    },
    onBlock: (event) => {
      store.dispatch(event);
      if (event.kind !== "tool_use") return;
      touched.add(event.block_id);
      timer ??= setTimeout(draw, SOON_MS).unref();
    },
  };
}

/** A preview says what the arguments say, and more; what approve always would give is said in words, once. */
function readable(data: HITLRecord["data"], whole: boolean, listed: boolean): HITLRecord["data"] {
  const { args, suggestions, allowed_decisions, ...rest } = data;
  const offered = Array.isArray(suggestions) ? (suggestions as unknown as GrantSuggestion[]) : [];
  const tool = String(data["tool"]);
  return {
    ...rest,
    ...(args === undefined || (data["preview"] !== undefined && !whole) ? {} : { args }),
    ...(allowed_decisions === undefined || listed ? {} : { allowed_decisions }),
    ...(offered.length === 0 || listed
      ? {}
      : { suggestions: offered.map((offer) => grantText({ tool, ...offer })) }),
  };
}

/** How to draw on this stream: https://no-color.org, `TERM=dumb`, and `COLUMNS` where there is no terminal to ask. */
export function renderOptionsFor(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  environment: NodeJS.ProcessEnv,
  plain: boolean,
): RenderOptions {
  const dumb = environment["TERM"] === "dumb";
  const columns = Number(environment["COLUMNS"]) || stream.columns || 80;
  return {
    width: Math.min(columns, WIDEST),
    color: stream.isTTY === true && !environment["NO_COLOR"] && !dumb,
    plain: plain || dumb,
  };
}
