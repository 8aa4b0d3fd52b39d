import type { JsonValue } from "../../core/json.ts";
import type { Dict } from "../read.ts";
import type { AnswerState } from "../types.ts";

/** What the part of a question is given that people answer with. */
export interface HitlBodyProps {
  readonly data: Dict;
  readonly answer: AnswerState;
  readonly onAnswer: (answer: JsonValue) => void;
}
