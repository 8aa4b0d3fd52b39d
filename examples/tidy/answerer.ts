/** Who answers: a person at the terminal, or the options --yes, --no and --answers. */
import { readFile } from "node:fs/promises";
import type { HITLRecord } from "holdpoint";
import { visible } from "holdpoint/blocks";
import { z } from "zod";
import { UnansweredError, UsageError } from "./exit.ts";
import { messageOf, oneLine } from "./one-line.ts";
import type { Screen } from "./screen.ts";

export interface Reply {
  readonly record: HITLRecord;
  readonly response: unknown;
}

export interface Answerer {
  /** The next answer to any of these; null: they stay open. */
  next(open: readonly HITLRecord[]): Promise<Reply | null>;
  /** The answer did not count; the question is still open. */
  refused(record: HITLRecord, reasons: readonly string[]): void;
}

const Match = z.union([
  z.string().min(1),
  z.strictObject({
    text: z.string().optional(),
    hitl_type: z.string().optional(),
    tool: z.string().optional(),
  }),
]);
const Answers = z.array(z.strictObject({ match: Match, response: z.json() }));

export type ScriptedAnswer = z.infer<typeof Answers>[number];

/** @throws UsageError */
export async function readAnswers(path: string): Promise<ScriptedAnswer[]> {
  try {
    return Answers.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new UsageError(`${visible(path)} is no list of { "match": …, "response": … }: ${visible(why)}`);
  }
}

/** What yes and no are for a question of the policy; those of tools declare theirs. */
const OF_POLICY = { yes: { decision: "approve_once" }, no: { decision: "reject" } } as const;

/** Answers from a list and, where it says nothing, the question's yes or its no. Never a standing approval. */
export function scriptedAnswerer(
  answers: readonly ScriptedAnswer[],
  fallback: "yes" | "no" | undefined,
  { say, show }: Screen,
): Answerer {
  return {
    next: async ([record]) => {
      if (!record) return null;
      say("");
      show(record);
      const found = answers.find(({ match }) => fits(match, record));
      const response = found ? found.response : fallback && fallbackOf(record, fallback);
      if (response === undefined)
        throw new UnansweredError(`No answer is given for this question: ${oneLine(record)}`);
      say(`  → ${visible(JSON.stringify(response))}`);
      return { record, response };
    },
    refused: (record, reasons) => {
      throw new UnansweredError(
        `The given answer does not fit: ${oneLine(record)}\n  ${reasons.map(visible).join("\n  ")}`,
      );
    },
  };
}

/** When nobody is there to be asked. */
export const nobody: Answerer = { next: async () => null, refused: () => {} };

function fallbackOf(record: HITLRecord, fallback: "yes" | "no"): unknown {
  const own = record.metadata[fallback];
  return own ?? (record.subject?.rule_id === undefined ? undefined : OF_POLICY[fallback]);
}

function fits(match: ScriptedAnswer["match"], record: HITLRecord): boolean {
  const { text, hitl_type, tool } = typeof match === "string" ? { text: match } : match;
  return (
    (text === undefined || messageOf(record).toLowerCase().includes(text.toLowerCase())) &&
    (hitl_type === undefined || hitl_type === record.hitl_type) &&
    (tool === undefined || tool === record.tool_name)
  );
}
