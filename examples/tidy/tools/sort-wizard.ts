/**
 * A wizard of two questions that build on each other, in continuation style: each round throws a `HITLSuspend`
 * with all that it knows in `tool_state`, and the next one finds that and the answer in `resumption()`. Unlike
 * an await-style body it does not run again from the top, so it may look at the folder without care for what
 * has changed since. It moves nothing: what it has found out are calls of move_file, and those are the policy's business.
 */
import { tool } from "@langchain/core/tools";
import { HITLSuspend, resumption, step } from "holdpoint";
import { z } from "zod";
import { look, type Seen } from "../paths.ts";
import { count } from "../format.ts";
import type { Move } from "../proposal.ts";
import { endingOf, kindOf, listFiles, looseOf } from "../survey.ts";
import { report, type TidyContext } from "./context.ts";
import { LEAVE, NAME_OR_LEAVE } from "./names.ts";
import type { Noted } from "./noted.ts";

interface Loose {
  readonly seen: Seen;
  readonly kind: string;
  readonly year: string;
}

interface Group {
  readonly folder: string;
  readonly files: readonly Seen[];
}

/** What one round hands to the next. */
type WizardState =
  | { readonly round: "rule"; readonly loose: readonly Loose[] }
  | { readonly round: "names"; readonly groups: readonly Group[] };

const MOST_LOOSE = 200;

export function sortWizard(context: TidyContext) {
  return tool(
    async () => {
      const resumed = resumption();
      if (!resumed) return askRule(await looseFiles(context.root));
      const state = resumed.tool_state as unknown as WizardState;
      switch (state.round) {
        case "rule": {
          const { answer } = resumed.response as { answer: string };
          if (answer === LEAVE) return sorted([]);
          return askNames(groupsBy(state.loose, answer === "year" ? "year" : "kind"));
        }
        case "names": {
          const { answers } = resumed.response as { answers: Record<string, string> };
          const named = state.groups.map(({ folder, files }) => ({
            folder: answers[folder] ?? LEAVE,
            files,
          }));
          return sorted(named.filter(({ folder }) => folder !== LEAVE));
        }
      }
    },
    {
      responseFormat: "content_and_artifact",
      name: "sort_loose_files",
      description:
        "Asks the user how to sort the files that lie loose in the folder, and says which moves that comes to.",
      schema: z.object({}),
    },
  );
}

/** What a planner calls next. */
function sorted(groups: readonly Group[]): [content: string, Noted] {
  const moves: Move[] = groups.flatMap(({ folder, files }) =>
    files.map(({ path }) => ({ path, ending: endingOf(path), folder })),
  );
  if (moves.length === 0) return [report([], [], "The loose files stay where they are."), { seen: [] }];
  return [JSON.stringify({ moves }), { seen: groups.flatMap(({ files }) => files) }];
}

function looseFiles(root: string): Promise<Loose[]> {
  return step("loose", async () => {
    const { files } = await listFiles(root);
    const loose: Loose[] = [];
    for (const { path, mtime } of looseOf(files).slice(0, MOST_LOOSE)) {
      const seen = await look(root, path).catch(() => null);
      if (seen) loose.push({ seen, kind: kindOf(path), year: String(new Date(mtime).getUTCFullYear()) });
    }
    return loose;
  });
}

function askRule(loose: readonly Loose[]): ReturnType<typeof sorted> {
  if (loose.length === 0) return sorted([]);
  throw suspend({
    state: { round: "rule", loose },
    hitl_type: "ask_user",
    data: {
      message: `${loose.length} files lie loose in the folder. Sort them into subfolders?`,
      options: [
        { value: "kind", label: "By kind: pictures, documents, …" },
        { value: "year", label: "By the year of their last change" },
        { value: LEAVE, label: "Leave them where they are" },
      ],
    },
    yes: { answer: "kind" },
    no: { answer: LEAVE },
  });
}

function askNames(groups: readonly Group[]): never {
  const everywhere = (answer: (group: Group) => string) => ({
    answers: Object.fromEntries(groups.map((group) => [group.folder, answer(group)])),
  });
  throw suspend({
    state: { round: "names", groups },
    hitl_type: "ask_user",
    data: {
      message: "What shall the subfolders be called?",
      questions: groups.map(({ folder, files }) => ({
        id: folder,
        message: `${count(files.length, "file")}: ${someOf(files)}`,
        options: [folder, { value: LEAVE, label: "Leave these where they are" }],
        allow_free_text: true,
      })),
    },
    response_schema: {
      type: "object",
      properties: {
        answers: {
          type: "object",
          properties: Object.fromEntries(groups.map(({ folder }) => [folder, NAME_OR_LEAVE])),
          required: groups.map(({ folder }) => folder),
        },
      },
      required: ["answers"],
    },
    yes: everywhere((group) => group.folder),
    no: everywhere(() => LEAVE),
  });
}

interface Asking {
  readonly state: WizardState;
  readonly hitl_type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly response_schema?: Readonly<Record<string, unknown>>;
  readonly yes: unknown;
  readonly no: unknown;
}

function suspend({ state, yes, no, ...ask }: Asking): HITLSuspend {
  return new HITLSuspend({
    ...ask,
    resume_mode: "continuation",
    tool_state: { ...state },
    metadata: { yes, no },
  });
}

function groupsBy(loose: readonly Loose[], rule: "kind" | "year"): Group[] {
  const folders = [...new Set(loose.map((file) => file[rule]))].sort();
  return folders.map((folder) => ({
    folder,
    files: loose.filter((file) => file[rule] === folder).map((file) => file.seen),
  }));
}

function someOf(files: readonly Seen[]): string {
  const names = files.slice(0, 3).map((file) => file.path);
  return names.join(", ") + (files.length > names.length ? ", …" : "");
}
