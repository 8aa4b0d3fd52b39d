/** Names that a human or a model may give to a file or a folder. */
import { z } from "zod";

/** Stands for "leave it as it is". Paths inside the folder never begin with `/`, so no file can be taken for it. */
export const LEAVE = "/leave";

/** No separators, no control or invisible characters, not hidden, not endless, no blank at an end. */
const NAME = "(?![.\\s])[^/\\\\\\p{C}\\p{Zl}\\p{Zp}]{0,119}[^/\\\\\\s\\p{C}\\p{Zl}\\p{Zp}]";

const IN_WORDS = "A name has no slashes and no control characters, and does not begin with a dot or a space.";

/** JSON Schema: the answer is checked before it is stored, so no tool ever sees another name. */
export const NAME_OR_LEAVE = {
  type: "string",
  pattern: `^(?:${LEAVE}|${NAME})$`,
  description: IN_WORDS,
} as const;

/** Of an argument: what a model calls with, and what a human makes of that. */
export const NAME_SCHEMA = z
  .string()
  .regex(new RegExp(`^${NAME}$`, "u"), IN_WORDS)
  .describe(IN_WORDS);

const IS_NAME = new RegExp(`^${NAME}$`, "u");

export function isName(text: string): boolean {
  return IS_NAME.test(text);
}
