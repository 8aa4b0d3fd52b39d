import { memo, type ReactElement, useCallback, useMemo, useSyncExternalStore } from "react";
import { type BlockState, childBlocks, rootIds } from "../../blocks/state.ts";
import { useAnswerStore } from "../hooks/use-answer-store.ts";
import { type BlockSource, selection, sameItems, useBlock, useBlocks } from "../hooks/use-blocks.ts";
import { TextsContext, useTextsWith } from "../texts-context.ts";
import { BlockView, type BlockViewProps } from "./block-view.tsx";

export interface BlockListProps extends Omit<BlockViewProps, "block" | "children" | "className"> {
  readonly store: BlockSource;
  readonly className?: string | undefined;
}

type ItemProps = Omit<BlockListProps, "texts" | "className"> & { readonly block_id: string };

/** Ids of the children of one block; only its own changes are listened to. */
function useChildIds(store: BlockSource, block_id: string): readonly string[] {
  const subscribe = useCallback(
    (listener: () => void) => store.subscribeBlock(block_id, listener),
    [store, block_id],
  );
  const getIds = useMemo(
    () =>
      selection<BlockState, readonly string[]>(
        store.getSnapshot,
        (state) => childBlocks(state, block_id).map((child) => child.block_id),
        sameItems,
      ),
    [store, block_id],
  );
  return useSyncExternalStore(subscribe, getIds, getIds);
}

const Item = memo(function BlockItem(props: ItemProps): ReactElement | null {
  const { store, block_id, ...view } = props;
  const block = useBlock(store, block_id);
  const children = useChildIds(store, block_id);
  if (!block) return null;
  return (
    <BlockView {...view} block={block}>
      {children.length === 0 ? null : (
        <div className="holdpoint-children">
          {children.map((id) => (
            <Item key={id} {...props} block_id={id} />
          ))}
        </div>
      )}
    </BlockView>
  );
});

/**
 * All blocks of a store, children within their parents. Each listens to its own block: a token of one text renders that
 * text and nothing else.
 *
 * @example
 * ```tsx
 * import type { BlockStore } from "holdpoint/blocks";
 * import { BlockList, type Respond } from "holdpoint/react";
 *
 * export function Run({ store, respond }: { store: BlockStore; respond: Respond }) {
 *   return <BlockList store={store} respond={respond} texts={{ decisions: { reject: "Ablehnen" } }} />;
 * }
 * ```
 */
export function BlockList(props: BlockListProps): ReactElement {
  const { store, className, texts: ownTexts, respond, cancel, answers, ...view } = props;
  const texts = useTextsWith(ownTexts);
  const own = useAnswerStore({ respond, cancel });
  const ids = useBlocks(store, rootIds);
  return (
    <TextsContext.Provider value={texts}>
      <div className={className ? `holdpoint-blocks ${className}` : "holdpoint-blocks"}>
        {ids.map((block_id) => (
          <Item
            key={block_id}
            {...view}
            store={store}
            block_id={block_id}
            respond={respond}
            cancel={cancel}
            answers={answers ?? own}
          />
        ))}
      </div>
    </TextsContext.Provider>
  );
}
