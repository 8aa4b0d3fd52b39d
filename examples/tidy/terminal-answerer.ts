/** A person at the terminal: sees all open questions of a step, and answers them in any order. */
import { createInterface } from "node:readline/promises";
import type { HITLRecord } from "holdpoint";
import { visible } from "holdpoint/blocks";
import type { Answerer } from "./answerer.ts";
import { count } from "./format.ts";
import { oneLine } from "./one-line.ts";
import { isCommand, readAnswer, type ReadLine, type Say } from "./read-answer.ts";
import type { Screen } from "./screen.ts";

const KEYS =
  "/3 goes to question 3, /all shows a long one whole, /list lists them, /approvals lists standing approvals, /revoke 1 takes one back, /quit leaves them open";

/** What was approved for good, for the commands about it. */
export interface StandingApprovals {
  show(say: Say): Promise<void>;
  takeBack(which: string, say: Say): Promise<unknown>;
}

/**
 * One interface for each line: between the questions Ctrl-C has its usual meaning, and what somebody types ahead
 * is no answer to a question that he has not seen.
 */
export function readTerminal(output: NodeJS.WritableStream): ReadLine {
  return (prompt) => {
    const lines = createInterface({ input: process.stdin, output });
    return new Promise((resolve) => {
      lines.once("SIGINT", () => lines.close());
      // Closed by Ctrl-C or Ctrl-D while the promise of question() stays pending for ever.
      lines.once("close", () => resolve(null));
      lines.question(prompt).then(
        (line) => {
          resolve(line);
          lines.close();
        },
        () => resolve(null),
      );
    });
  };
}

/** @param approvals - undefined as long as nobody knows where they are kept */
export function terminalAnswerer(
  read: ReadLine,
  { say, show }: Screen,
  approvals: () => StandingApprovals | undefined = () => undefined,
): Answerer {
  const numbers = new Map<string, number>();
  let current: string | undefined;
  let whole = false;

  function welcome(open: readonly HITLRecord[]): void {
    const fresh = open.filter((record) => !numbers.has(record.hitl_id));
    if (fresh.length === 0) return;
    if (fresh.length === open.length) numbers.clear();
    for (const record of fresh) numbers.set(record.hitl_id, Math.max(0, ...numbers.values()) + 1);
    if (open.length > 1) list(open);
  }

  function list(open: readonly HITLRecord[]): void {
    say("");
    say(`${count(open.length, "question is", "questions are")} open, to be answered in any order:`);
    for (const record of open) say(`  [${numbers.get(record.hitl_id)}] ${oneLine(record)}`);
    say(`  (${KEYS})`);
  }

  return {
    next: async (open) => {
      welcome(open);
      for (;;) {
        const record = open.find(({ hitl_id }) => hitl_id === current) ?? open[0];
        if (!record) return null;
        current = record.hitl_id;
        say(open.length > 1 ? `\n[${numbers.get(record.hitl_id)}]` : "");
        show(record, { whole, listed: true });
        whole = false;
        const typed = await readAnswer(record, read, say);
        if (!isCommand(typed)) return { record, response: typed.value };
        if (typed.command === "quit") return null;
        if (typed.command === "all") whole = true;
        else if (typed.command === "go") {
          const { to } = typed;
          const found = open.find(({ hitl_id }) => numbers.get(hitl_id) === to);
          if (found) current = found.hitl_id;
          else say(`No question ${to} is open.`);
        } else if (typed.command === "list") list(open);
        else if (typed.command === "approvals") await approvals()?.show(say);
        else if (typed.command === "revoke") await approvals()?.takeBack(typed.which, say);
        else say(`That is none of: ${KEYS}.`);
      }
    },
    refused: (record, reasons) => {
      say("That does not count:");
      for (const reason of [...reasons, ...descriptionsOf(record.response_schema)])
        say(`  ${visible(reason)}`);
    },
  };
}

/** A schema says in a description what its pattern means. */
function descriptionsOf(schema: unknown): Set<string> {
  if (typeof schema !== "object" || schema === null) return new Set();
  const { description } = schema as { description?: unknown };
  const own = typeof description === "string" ? [description] : [];
  return new Set([...own, ...Object.values(schema).flatMap((part) => [...descriptionsOf(part)])]);
}
