/**
 * Tools that change the folder, each after a human has agreed. They follow one pattern:
 *
 * 1. `step("look", …)` notes what the file is now. Its result is kept, so whatever happens to the file while the
 *    human thinks, the answer stays bound to what was shown.
 * 2. The question, in await style. The body suspends there, and runs again from its top after the answer.
 * 3. `step("…", …)` makes the change through files.ts, which checks that the file is still the one of 1.
 *
 * `metadata.yes` and `metadata.no` say what the options --yes and --no answer to the question.
 */
import { tool } from "@langchain/core/tools";
import { askUser, confirm, requestPermission, step } from "holdpoint";
import { visible } from "holdpoint/blocks";
import { z } from "zod";
import { deleteFile, type Effect, moveFile, removeEmptyTrash, TRASH } from "../files.ts";
import { locate, type Seen, stats } from "../paths.ts";
import { count, formatBytes } from "../format.ts";
import { beside, listFiles, nameOf } from "../survey.ts";
import { change, lookAt, trashAll } from "./changing.ts";
import { report, type TidyContext } from "./context.ts";
import { isName, LEAVE, NAME_OR_LEAVE } from "./names.ts";

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

  const trashLarge = tool(
    async (args) => {
      const { seen, left } = await lookAt(root, [args.path]);
      const [file] = seen;
      if (!file) return report([], left);
      const { confirmed, comment } = await confirm({
        key: "trash",
        message: `Move ${visible(file.path)} (${formatBytes(file.bytes)}) to the trash folder?`,
        details: "It is one of the largest files here.",
        risk_level: "high",
        metadata: { yes: { confirmed: true }, no: { confirmed: false } },
      });
      if (!confirmed) return report([], left, `The user wants to keep it. ${comment ?? ""}`.trim());
      return report(await trashAll(context, seen), left);
    },
    {
      name: "trash_large_file",
      description: "Asks whether a large file may go to the trash folder, and moves it there.",
      schema: z.object({ path }),
    },
  );

  const trashStale = tool(
    async ({ paths }) => {
      const { seen, left } = await lookAt(root, paths);
      if (seen.length === 0) return report([], left);
      const answer = await requestPermission({
        key: "trash",
        message: `Move ${count(seen.length, "file")} (${sizeOf(seen)}) that nobody has changed for a long time to the trash folder?`,
        tool: "trash_stale_files",
        args: { paths: seen.map((file) => file.path) },
        allowed_decisions: ["approve_once", "edit", "reject"],
        response_schema: permissionSchema(seen),
        metadata: { yes: { decision: "approve_once" }, no: { decision: "reject" } },
      });
      if (answer.decision === "reject")
        return report([], left, `The user refused. ${answer.message ?? ""}`.trim());
      const approved = answer.decision === "edit" ? (answer.edited_args["paths"] as readonly string[]) : null;
      return report(
        await trashAll(
          context,
          seen.filter((file) => approved?.includes(file.path) ?? true),
        ),
        left,
      );
    },
    {
      name: "trash_stale_files",
      description:
        "Asks for permission to move stale files to the trash folder; the user may leave some out.",
      schema: z.object({ paths: z.array(path).min(1).max(MOST_FILES) }),
    },
  );

  const rename = tool(
    async ({ path: from, suggestion }) => {
      if (!isName(suggestion)) throw new Error("suggestion has to be a file name, without a folder.");
      const { seen, left } = await lookAt(root, [from]);
      const [file] = seen;
      if (!file) return report([], left);
      let taken = "";
      for (let round = 0; ; round += 1) {
        const { answer } = await askUser({
          key: `name:${round}`,
          message: `${taken}What would be a better name for ${visible(from)} (${formatBytes(file.bytes)})?`,
          options: round === 0 ? [suggestion, leave(nameOf(from))] : [leave(nameOf(from))],
          allow_free_text: true,
          response_schema: { type: "object", properties: { answer: NAME_OR_LEAVE }, required: ["answer"] },
          // A suggestion that is taken is no reason to ask --yes for ever.
          metadata: { yes: { answer: round === 0 ? suggestion : LEAVE }, no: { answer: LEAVE } },
        });
        if (answer === LEAVE || answer === nameOf(from)) return report([], left, "The name stays.");
        const to = beside(from, answer);
        // A step, so that the next run of this body takes the same way, whatever has happened to the name by then.
        const free = await step(`free ${round}`, async () => (await stats(await locate(root, to))) === null);
        if (free) return report([await change(context, "rename", () => moveFile(root, file, to))], left);
        taken = `${visible(answer)} is taken. `;
      }
    },
    {
      name: "rename_file",
      description: "Asks for a better name for a file and renames it.",
      schema: z.object({ path, suggestion: z.string() }),
    },
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
        tool: "empty_trash",
        args: { paths: seen.map((file) => file.path) },
        metadata: { yes: { decision: "approve_once" }, no: { decision: "reject" } },
      });
      if (decision === "reject") return report([], left, `They stay in ${TRASH}.`);
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

  return [keepOne, trashLarge, trashStale, rename, emptyTrash];
}

function leave(name: string): { value: string; label: string } {
  return { value: LEAVE, label: `Leave it as ${visible(name)}` };
}

/** How much it is together; which files is in the arguments. */
function sizeOf(files: readonly Seen[]): string {
  return formatBytes(files.reduce((sum, file) => sum + file.bytes, 0));
}

/** The answer may leave files out, but never bring in one that was not shown. */
function permissionSchema(seen: readonly Seen[]): Record<string, unknown> {
  return {
    type: "object",
    properties: {
      decision: { enum: ["approve_once", "edit", "reject"] },
      message: { type: "string" },
      edited_args: {
        type: "object",
        properties: { paths: { type: "array", items: { enum: seen.map((file) => file.path) }, minItems: 1 } },
        required: ["paths"],
      },
    },
    required: ["decision"],
    if: { properties: { decision: { const: "edit" } }, required: ["decision"] },
    // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword.
    then: { required: ["edited_args"] },
  };
}
