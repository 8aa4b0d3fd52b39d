/** The command line. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "./exit.ts";

export const HELP = `Tidies a folder, and asks you before it changes anything.

Usage: npm start -- [PATH] [options]

  PATH             the folder; without it, a sample folder that is made for you to try it on
  --yes            answer every question with yes (or with the suggestion), each for itself and none for good; each is
                   shown with its answer. This also deletes files
  --no             answer every question with no: the plan is rejected, and nothing is changed
  --answers FILE   take the answers from a JSON file: [{ "match": …, "response": … }, …]
                   match: part of the question, or { "text"?, "hitl_type"?, "tool"? }; the first that fits
                   counts. With --yes or --no, these are for the other questions
  --json           write block events to the standard output, one JSON object a line, for another program to
                   show; everything else goes to the standard error
  --plain          draw blocks with ASCII characters only, without colours
  --list           show the questions that are open, and do nothing
  --approvals      show the standing approvals for later runs, and do nothing
  --revoke ID      take a standing approval back (its number in --approvals, or its id), and do nothing else
  --reset          forget all runs and standing approvals, make the sample anew, then start
  --state DIR      where runs are kept (default: .holdpoint in the current folder)
  --large-mb N     files of N megabytes and more are large (default 100; in the sample 1)
  --stale-days N   files that were not changed for N days are stale (default 1000)
  --offline        plan by rules, even if there is a key for a model
  --help           show this

The first question is whether you agree to the plan. In FILE, its answer is { "decision": "approve" | "reject" }, or
{ "decision": "edit", "values": { "changes": ["names", …] } }; it is the one with "hitl_type": "workflow_human".

The answer to a question whether something may be done is { "decision": "approve_once" | "reject" }, where it is offered
{ "decision": "edit", "edited_args": { … } }, and for files that are moved { "decision": "approve_always",
"scope": "session" | "user" }: all files with this ending into this folder, in this run or in later ones, too.

Stop it whenever you like, with Ctrl-C or kill -9: start it again, and it goes on where it was.

With OPENAI_API_KEY or ANTHROPIC_API_KEY a model plans, if @langchain/openai or @langchain/anthropic is installed.

Exit codes: 0 done; 1 it failed; 2 questions are left open; 3 a question that FILE has no valid answer to;
4 wrong arguments; 5 another process is at work with this state; 130 interrupted (start it again to go on).`;

export interface Options {
  readonly path: string | undefined;
  readonly fallback: "yes" | "no" | undefined;
  readonly answers: string | undefined;
  readonly json: boolean;
  readonly plain: boolean;
  readonly list: boolean;
  readonly approvals: boolean;
  readonly revoke: string | undefined;
  readonly reset: boolean;
  readonly help: boolean;
  readonly offline: boolean;
  readonly state: string;
  readonly largeBytes: number | undefined;
  readonly staleDays: number | undefined;
}

/** @throws UsageError */
export function parseOptions(args: readonly string[], environment: NodeJS.ProcessEnv): Options {
  const { values, positionals } = parse(args);
  if (positionals.length > 1) throw new UsageError("One folder at a time.");
  if (values.yes && values.no) throw new UsageError("--yes or --no, not both.");
  const [path] = positionals;
  const from = currentFolder(environment);
  return {
    path: path === undefined ? undefined : resolve(from, path),
    fallback: values.yes ? "yes" : values.no ? "no" : undefined,
    answers: values.answers === undefined ? undefined : resolve(from, values.answers),
    json: values.json,
    plain: values.plain,
    list: values.list,
    approvals: values.approvals,
    revoke: values.revoke,
    reset: values.reset,
    help: values.help,
    offline: values.offline,
    state: resolve(from, values.state),
    largeBytes: megabytes(values["large-mb"]),
    staleDays: positive("--stale-days", values["stale-days"]),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        yes: { type: "boolean", default: false },
        no: { type: "boolean", default: false },
        answers: { type: "string" },
        json: { type: "boolean", default: false },
        plain: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        approvals: { type: "boolean", default: false },
        revoke: { type: "string" },
        reset: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        offline: { type: "boolean", default: false },
        state: { type: "string", default: ".holdpoint" },
        "large-mb": { type: "string" },
        "stale-days": { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** npm runs a script in the package's folder; a path means what it means where the user is. */
function currentFolder(environment: NodeJS.ProcessEnv): string {
  const isNpmStart = environment["npm_lifecycle_event"] === "start";
  return (isNpmStart ? environment["INIT_CWD"] : undefined) ?? process.cwd();
}

function megabytes(text: string | undefined): number | undefined {
  const value = positive("--large-mb", text);
  return value === undefined ? undefined : value * 1e6;
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`${name} needs a number above 0.`);
}
