"use client";
/**
 * holdpoint/react: questions and blocks in React 18 and 19. Headless hooks for an application's own components, and
 * plain accessible ones that work as they are.
 *
 * @module holdpoint/react
 */
export { type AnswerStore, type AnswerStoreOptions, createAnswerStore } from "./answer-store.ts";
export { BlockList, type BlockListProps } from "./blocks/block-list.tsx";
export { BlockView, type BlockViewProps } from "./blocks/block-view.tsx";
export type { KindProps } from "./blocks/kinds.tsx";
export { AnswerForm, type AnswerFormProps, type FormAction } from "./form/answer-form.tsx";
export {
  type BooleanLabels,
  type Bounds,
  type Choice,
  type ChoiceField,
  type Field,
  fieldOf,
  type JsonField,
  type ListField,
  type MultiField,
  type NumberField,
  type ObjectField,
  type Property,
  type TextField,
  type TextFormat,
} from "./form/field.ts";
export type { HitlBodyProps } from "./hitl/body-props.ts";
export { HitlBlock, type HitlBlockProps, type HitlViewProps } from "./hitl/hitl-block.tsx";
export type { HitlRenderer } from "./hitl/renderers.ts";
export { useAnswerStore } from "./hooks/use-answer-store.ts";
export { type BlockSource, type IsEqual, useBlock, useBlocks } from "./hooks/use-blocks.ts";
export { type HitlQuestion, type HitlQuestions, useAnswerState, useHitl } from "./hooks/use-hitl.ts";
export { JsonView, type JsonViewProps, SafeText, type SafeTextProps } from "./text/safe-text-view.tsx";
export { hiddenCharacters, type SafeLink, safeLink, visibleText } from "./text/safe-text.ts";
export { ENGLISH, type HitlTexts, type TextOverrides } from "./texts.ts";
export type {
  AnswerState,
  Cancel,
  CancelOutcome,
  Ending,
  Respond,
  RespondOutcome,
  ViewBlock,
} from "./types.ts";
