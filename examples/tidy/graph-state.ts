/** What the graph knows. */
import { Annotation, MessagesAnnotation } from "@langchain/langgraph";
import type { Kind } from "./proposal.ts";

export const TidyAnnotation = Annotation.Root({
  ...MessagesAnnotation.spec,
  /** Which kinds of changes are proposed; once the human has agreed, those that he wants. */
  changes: Annotation<Kind[]>,
});

export type TidyState = typeof TidyAnnotation.State;
