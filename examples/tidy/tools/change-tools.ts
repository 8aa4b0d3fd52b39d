/**
 * Tools that change the folder. Whether a call may run is the policy's business (policy.ts), which asks before the body does
 * anything; what it would do is said by its preview. Where a tool itself wants to know something, it asks in await style:
 *
 * 1. `step("look", …)` notes what the file was when it was proposed. Its result is kept, so whatever happens to the file
 *    while the human thinks, the answer stays bound to what was shown.
 * 2. The question. The body suspends there, and runs again from its top after the answer.
 * 3. `step("…", …)` makes the change through files.ts, which checks that the file is still the one of 1.
 *
 * `metadata.yes` and `metadata.no` say what the options --yes and --no answer to a question of a tool.
 */
import { tool } from "@langchain/core/tools";
import { askUser, requestPermission, step, withPreview } from "holdpoint";
import { visible } from "holdpoint/blocks";
import { z } from "zod";
import { deleteFile, type Effect, moveFile, removeEmptyTrash, TRASH } from "../files.ts";
import { count, formatBytes } from "../format.ts";
import { locate, type Seen, stats } from "../paths.ts";
import { beside, endingOf, listFiles, nameOf } from "../survey.ts";
import { change, lookAt, trashAll } from "./changing.ts";
import { report, type TidyContext } from "./context.ts";
import { LEAVE, NAME_OR_LEAVE, NAME_SCHEMA } from "./names.ts";
import { notedIn } from "./noted.ts";
import { goes, moves } from "./previews.ts";

const MOST_FILES = 200;

const path = z.string().describe("relative to the folder, as the find_ tools gave it");

export function changeTools(context: TidyContext) {
  const { root } = context;

  const keepOne = tool(
    async ({ paths }) => {
      const { seen, left } = await lookAt(root, paths);
      const same = seen.filter((file) => file.sha256 === seen[0]?.sha256);
      if (same.length < 2) return report([], left, "These files are not equal any more.");
      const names = same.map((file) => file.path);
      const { answer } = await askUser({
        key: "keep",
        message: `These ${same.length} files have the same content (${formatBytes(same[0]?.bytes ?? 0)} each). Which one stays? The others go to the trash folder.`,
        options: [
          ...names.map((value) => ({ value, label: visible(value) })),
          { value: LEAVE, label: "Keep them all" },
        ],
        metadata: { yes: { answer: names[0] }, no: { answer: LEAVE } },
      });
      if (answer === LEAVE) return report([], left, "All of them are kept.");
      return report(
        await trashAll(
          context,
          same.filter((file) => file.path !== answer),
        ),
        left,
      );
    },
    {
      name: "keep_one",
      description: "Asks which of several equal files stays and moves the others to the trash folder.",
      schema: z.object({ paths: z.array(path).min(2).max(MOST_FILES) }),
    },
  );

  const trashLarge = withPreview(
    tool(
      async (args, runtime) => {
        const { seen, left } = await lookAt(root, [args.path], notedIn(runtime));
        return report(await trashAll(context, seen), left);
      },
      {
        name: "trash_large_file",
        description: "Moves a large file to the trash folder.",
        schema: z.object({ path }),
      },
    ),
    (args) => goes(root, [args.path]),
  );

  const trashStale = withPreview(
    tool(
      async ({ paths }, runtime) => {
        const { seen, left } = await lookAt(root, paths, notedIn(runtime));
        return report(await trashAll(context, seen), left);
      },
      {
        name: "trash_stale_files",
        description: "Moves stale files to the trash folder. The user may leave some out.",
        schema: z.object({ paths: z.array(path).min(1).max(MOST_FILES) }),
      },
    ),
    ({ paths }) => goes(root, paths),
  );

  const rename = withPreview(
    tool(
      async ({ path: from, name }, runtime) => {
        const { seen, left } = await lookAt(root, [from], notedIn(runtime));
        const [file] = seen;
        if (!file) return report([], left);
        let wanted = name;
        for (let round = 0; ; round += 1) {
          if (wanted === LEAVE || wanted === nameOf(from)) return report([], left, "The name stays.");
          const to = beside(from, wanted);
          // A step, so that the next run of this body takes the same way, whatever has happened to the name by then.
          const free = await step(
            `free ${round}`,
            async () => (await stats(await locate(root, to))) === null,
          );
          if (free) return report([await change(context, "rename", () => moveFile(root, file, to))], left);
          wanted = await anotherName(round, from, wanted);
        }
      },
      {
        name: "rename_file",
        description: "Gives a file a better name.",
        schema: z.object({ path, name: NAME_SCHEMA }),
      },
    ),
    ({ path: from, name }) => moves(root, from, beside(from, name)),
  );

  const moveInto = withPreview(
    tool(
      async ({ path: from, folder }, runtime) => {
        const { seen, left } = await lookAt(root, [from], notedIn(runtime));
        const effects: Effect[] = [];
        for (const file of seen)
          effects.push(
            await change(context, "move", () => moveFile(root, file, `${folder}/${nameOf(from)}`)),
          );
        return report(effects, left);
      },
      {
        name: "move_file",
        description: "Moves a file that lies loose into a subfolder, as sort_loose_files has found out.",
        // The ending is what a standing approval is bound to, so it must not be said of another file.
        schema: z
          .object({ path, ending: z.string().describe("of the path, as .txt"), folder: NAME_SCHEMA })
          .refine((args) => args.ending === endingOf(args.path), "ending has to be that of path"),
      },
    ),
    ({ path: from, folder }) => moves(root, from, `${folder}/${nameOf(from)}`),
  );

  const emptyTrash = tool(
    async () => {
      const listed = await step("list", async () =>
        (await listFiles(root, TRASH)).files.map((file) => file.path),
      );
      const { seen, left } = await lookAt(root, listed.slice(0, MOST_FILES));
      if (seen.length === 0) return report([], left);
      const { decision } = await requestPermission({
        key: "delete",
        message: `Delete ${count(seen.length, "file")} (${sizeOf(seen)}) in the trash folder for good? This cannot be undone.`,
        tool: "delete_files",
        args: { paths: seen.map((file) => file.path) },
        preview: {
          files: seen.map((file) => `${file.path} (${formatBytes(file.bytes)})`),
          together: sizeOf(seen),
        },
      });
      if (decision !== "approve_once") return report([], left, `They stay in ${TRASH}.`);
      const effects: Effect[] = [];
      for (const file of seen)
        effects.push(await change(context, `delete ${file.path}`, () => deleteFile(root, file)));
      await removeEmptyTrash(root);
      return report(effects, left);
    },
    {
      name: "empty_trash",
      description: "Asks for permission to delete what is in the trash folder for good.",
      schema: z.object({}),
    },
  );

  return [keepOne, trashLarge, trashStale, rename, moveInto, emptyTrash];
}

async function anotherName(round: number, from: string, taken: string): Promise<string> {
  const { answer } = await askUser({
    key: `name:${round}`,
    message: `${visible(taken)} is taken. What else shall ${visible(from)} be called?`,
    options: [{ value: LEAVE, label: `Leave it as ${visible(nameOf(from))}` }],
    allow_free_text: true,
    response_schema: { type: "object", properties: { answer: NAME_OR_LEAVE }, required: ["answer"] },
    // A name that is taken is no reason to ask --yes for ever.
    metadata: { yes: { answer: LEAVE }, no: { answer: LEAVE } },
  });
  return answer;
}

/** How much it is together. */
function sizeOf(files: readonly Seen[]): string {
  return formatBytes(files.reduce((sum, file) => sum + file.bytes, 0));
}
