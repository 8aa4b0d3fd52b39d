/**
 * Tools that the model itself may call: it asks the user a question, or for a go-ahead (aury's `ask_user` and
 * `confirm`). What they return is text that a model understands, also when nobody answered (P8).
 */
import { type DynamicStructuredTool, tool } from "@langchain/core/tools";
import { z } from "zod";
import { isHITLCancelledError, isHITLExpiredError } from "../core/errors.ts";
import { askUser, confirm } from "./ask.ts";

/** A model's text is shown to people: longer than this it is a mistake, which the model can mend itself. */
const MAX_TEXT = 8000;
const MAX_OPTIONS = 50;
const MAX_OPTION = 500;

const words = (max: number, says: string) => z.string().min(1).max(max).describe(says);

const AskUserArgs = z.object({
  question: words(MAX_TEXT, "The question, as the user will read it."),
  options: z
    .array(words(MAX_OPTION, "One answer that the user can choose."))
    .max(MAX_OPTIONS)
    .optional()
    .describe("Likely answers, to choose from. The user may also answer in other words."),
  context: words(MAX_TEXT, "Why the answer is needed.").optional(),
});

const ConfirmArgs = z.object({
  action: words(MAX_TEXT, "What is going to be done, in one sentence."),
  details: words(MAX_TEXT, "What the user should know before deciding.").optional(),
  risk_level: z.enum(["low", "medium", "high"]).optional().describe("Default: medium."),
});

/**
 * `ask_user`: the model asks the user a question, with options to choose from if it gives some. It reads the answer
 * as text. A value, not a function: `tools: [askUserTool]`, in `HITLToolNode`, `holdpointTools` or an agent with
 * `hitlMiddleware`.
 *
 * @example
 * ```ts
 * import { askUserTool, confirmTool, HITLToolNode, InMemoryHITLBackend } from "holdpoint";
 *
 * export const node = new HITLToolNode([askUserTool, confirmTool], { backend: new InMemoryHITLBackend() });
 * ```
 */
export const askUserTool: DynamicStructuredTool<
  typeof AskUserArgs,
  z.output<typeof AskUserArgs>,
  z.input<typeof AskUserArgs>,
  string,
  unknown,
  "ask_user"
> = /* @__PURE__ */ tool(
  ({ question, options, context }, runtime): Promise<string> =>
    heard(async () => {
      const choices = options && [...new Set(options)];
      const { answer } = await askUser(
        {
          message: question,
          // A model guesses what could be answered; the user may know better.
          ...(choices && choices.length > 0 ? { options: choices, allow_free_text: true } : {}),
          ...(context === undefined ? {} : { metadata: { context } }),
        },
        runtime,
      );
      return answer.trim() === "" ? "The user answered with an empty text." : answer;
    }),
  {
    name: "ask_user",
    description:
      "Asks the user a question and waits for the answer. Use it when you need information, a choice or a preference that only the user has.",
    schema: AskUserArgs,
  },
);

/**
 * `confirm`: the model asks the user for a go-ahead before it acts. It reads whether the user agreed, and what the
 * user said. It binds nothing: what has to be approved by a human is guarded in the tool that does it.
 */
export const confirmTool: DynamicStructuredTool<
  typeof ConfirmArgs,
  z.output<typeof ConfirmArgs>,
  z.input<typeof ConfirmArgs>,
  string,
  unknown,
  "confirm"
> = /* @__PURE__ */ tool(
  ({ action, details, risk_level = "medium" }, runtime): Promise<string> =>
    heard(async () => {
      const { confirmed, comment } = await confirm(
        { message: action, risk_level, ...(details === undefined ? {} : { details }) },
        runtime,
      );
      const verdict = confirmed
        ? "The user confirmed: go ahead."
        : "The user declined: do not do it, and do not try it another way.";
      return comment ? `${verdict} The user said: ${comment}` : verdict;
    }),
  {
    name: "confirm",
    description:
      "Asks the user to confirm an action and waits for the decision. Use it before anything that is risky or cannot be undone.",
    schema: ConfirmArgs,
  },
);

/** P8: a question that nobody answered is no answer, and no reason for the run to fail. */
async function heard(ask: () => Promise<string>): Promise<string> {
  try {
    return await ask();
  } catch (error) {
    if (isHITLExpiredError(error)) return unheard("expired before the user answered");
    if (isHITLCancelledError(error)) return unheard("was cancelled");
    throw error;
  }
}

function unheard(why: string): string {
  return `The question ${why}. Nothing was approved; do not act as if it were.`;
}
