import { type ComponentType, memo, type ReactElement, type ReactNode } from "react";
import type { AnswerStore } from "../answer-store.ts";
import { HitlBlock, type HitlViewProps } from "../hitl/hitl-block.tsx";
import { hitlIdOf } from "../hitl/question.ts";
import { TextsContext, useTextsWith } from "../texts-context.ts";
import type { ViewBlock } from "../types.ts";
import { type KindProps, kindView } from "./kinds.tsx";

export interface BlockViewProps extends HitlViewProps {
  readonly block: ViewBlock;
  readonly answers?: AnswerStore | undefined;
  /** Views of the application, by kind. One for `hitl` shows all questions. */
  readonly kinds?: Readonly<Record<string, ComponentType<KindProps>>> | undefined;
  readonly className?: string | undefined;
  /** The blocks within this one. */
  readonly children?: ReactNode;
}

function View(props: BlockViewProps): ReactElement {
  const { block, kinds, className, children } = props;
  const texts = useTextsWith(props.texts);
  const asks = hitlIdOf(block) !== null && !(kinds && Object.hasOwn(kinds, "hitl"));
  const Kind = kindView(block.kind, kinds);
  return (
    <TextsContext.Provider value={texts}>
      <div
        className={className ? `holdpoint-block ${className}` : "holdpoint-block"}
        data-block-id={block.block_id}
        data-kind={block.kind}
      >
        {asks ? (
          <HitlBlock
            block={block}
            respond={props.respond}
            cancel={props.cancel}
            answers={props.answers}
            renderers={props.renderers}
          />
        ) : (
          <Kind block={block} />
        )}
        {children}
      </div>
    </TextsContext.Provider>
  );
}

/** One block of any kind: a question to answer, or text, thinking, tool call, plan, node, error. */
export const BlockView = memo(View);
