import { useCallback, useMemo, useSyncExternalStore } from "react";
import { listQuestions } from "../../blocks/state.ts";
import type { JsonValue } from "../../core/json.ts";
import type { AnswerStore, AnswerStoreOptions } from "../answer-store.ts";
import { answerOf, hitlIdOf, hitlTypeOf, isEnded } from "../hitl/question.ts";
import { type Dict, objectOf } from "../read.ts";
import type { AnswerState, ViewBlock } from "../types.ts";
import { useAnswerStore } from "./use-answer-store.ts";
import { type BlockSource, sameItems } from "./use-blocks.ts";

/** One question, as `useHitl` gives it. */
export interface HitlQuestion {
  readonly hitl_id: string;
  readonly hitl_type: string;
  readonly block: ViewBlock;
  /** What is asked (PROTOCOL.md §3), with the fields that a `hitl` block has beside it. From outside: check it. */
  readonly data: Dict;
  readonly answer: AnswerState;
  /** Resolves with what the server said; never rejects. */
  readonly respond: (response: JsonValue) => Promise<AnswerState>;
  readonly cancel: (reason?: string) => Promise<AnswerState>;
}

export interface HitlQuestions {
  /** In the order in which they were asked (P10). */
  readonly open: readonly HitlQuestion[];
  readonly ended: readonly HitlQuestion[];
  /** For `<HitlBlock answers={…}>`, so that hooks and components share what they know. */
  readonly answers: AnswerStore;
}

const NO_BLOCKS: readonly ViewBlock[] = [];
const noSource = (): (() => void) => () => undefined;

function isSource(source: BlockSource | readonly ViewBlock[]): source is BlockSource {
  return "getSnapshot" in source;
}

/** The blocks that ask, the same array while none of them has changed. */
function useHitlBlocks(source: BlockSource | readonly ViewBlock[]): readonly ViewBlock[] {
  const store = isSource(source) ? source : undefined;
  const getAsking = useMemo(() => {
    let snapshot: unknown;
    let asking: readonly ViewBlock[] = NO_BLOCKS;
    return () => {
      const now = store?.getSnapshot();
      if (!now || now === snapshot) return asking;
      snapshot = now;
      const next = listQuestions(now).filter((block) => hitlIdOf(block) !== null);
      if (!sameItems(asking, next)) asking = next;
      return asking;
    };
  }, [store]);
  const stored = useSyncExternalStore(store?.subscribe ?? noSource, getAsking, getAsking);
  return useMemo(
    () => (isSource(source) ? stored : source.filter((block) => hitlIdOf(block) !== null)),
    [source, stored],
  );
}

/**
 * All questions of a store of blocks, or of a list of blocks, with what has become of the answers given here.
 *
 * @param options - `respond`, and `cancel` if people may: see {@link Respond}. Their newest version is called.
 *
 * @example
 * ```tsx
 * import type { BlockStore } from "holdpoint/blocks";
 * import { type Respond, useHitl } from "holdpoint/react";
 *
 * export function Open({ store, respond }: { store: BlockStore; respond: Respond }) {
 *   const { open } = useHitl(store, { respond });
 *   return open.map(({ hitl_id, data, answer, respond }) => (
 *     <button key={hitl_id} disabled={answer.state === "sending"} onClick={() => respond({ confirmed: true })}>
 *       {String(data.message)}
 *     </button>
 *   ));
 * }
 * ```
 */
export function useHitl(
  source: BlockSource | readonly ViewBlock[],
  options: AnswerStoreOptions,
): HitlQuestions {
  const answers = useAnswerStore(options);
  const blocks = useHitlBlocks(source);
  const states = useSyncExternalStore(answers.subscribe, answers.getSnapshot, answers.getSnapshot);
  return useMemo(() => {
    const questions = blocks.map((block): HitlQuestion => {
      const hitl_id = hitlIdOf(block) as string;
      return {
        hitl_id,
        hitl_type: hitlTypeOf(block),
        block,
        data: objectOf(block.data),
        answer: answerOf(block, states.get(hitl_id) ?? answers.getState(hitl_id)),
        respond: (response) => answers.respond(hitl_id, response),
        cancel: (reason) => answers.cancel(hitl_id, reason),
      };
    });
    return {
      open: questions.filter(({ answer }) => !isEnded(answer)),
      ended: questions.filter(({ answer }) => isEnded(answer)),
      answers,
    };
  }, [answers, blocks, states]);
}

/** Where the answer to one block's question is. The component renders again only if that changes. */
export function useAnswerState(answers: AnswerStore, block: ViewBlock): AnswerState {
  const hitl_id = hitlIdOf(block) ?? "";
  const getState = useCallback(() => answers.getState(hitl_id), [answers, hitl_id]);
  const own = useSyncExternalStore(answers.subscribe, getState, getState);
  return useMemo(() => answerOf(block, own), [block, own]);
}
