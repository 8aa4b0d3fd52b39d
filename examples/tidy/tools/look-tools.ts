/** Tools that only read. A step of nothing but these asks nobody, so holdpoint writes nothing for it. */
import { tool } from "@langchain/core/tools";
import { z } from "zod";
import { TRASH } from "../files.ts";
import { findDuplicates, isCryptic, listFiles, looseOf, suggestName, whyOf } from "../survey.ts";
import type { TidyContext } from "./context.ts";

/** More at once is no question that a human can answer; the rest waits for the next run. */
const MOST_QUESTIONS = 8;
const MOST_PATHS = 100;

const nothing = z.object({});

export function lookTools({ root, largeBytes, staleBefore }: TidyContext) {
  const duplicates = tool(
    async () => {
      const { groups, problems } = await findDuplicates(root);
      const shown = groups.slice(0, MOST_QUESTIONS);
      return JSON.stringify({ groups: shown, not_shown: groups.length - shown.length, problems });
    },
    {
      name: "find_duplicates",
      description: "Groups of files with equal content (SHA-256).",
      schema: nothing,
    },
  );

  const large = tool(
    async () => {
      const { files } = await listFiles(root);
      const found = files.filter((file) => file.bytes >= largeBytes).sort((a, b) => b.bytes - a.bytes);
      const shown = found.slice(0, MOST_QUESTIONS);
      return JSON.stringify({
        paths: shown.map((file) => file.path),
        not_shown: found.length - shown.length,
      });
    },
    {
      name: "find_large_files",
      description: "Files that are larger than the limit, largest first.",
      schema: nothing,
    },
  );

  const stale = tool(
    async () => {
      const { files } = await listFiles(root);
      const found = files.filter((file) => file.mtime < staleBefore).sort((a, b) => a.mtime - b.mtime);
      const shown = found.slice(0, MOST_PATHS);
      return JSON.stringify({
        paths: shown.map((file) => file.path),
        not_shown: found.length - shown.length,
      });
    },
    {
      name: "find_stale_files",
      description: "Files that nobody has changed for long, oldest first.",
      schema: nothing,
    },
  );

  const cryptic = tool(
    async () => {
      const { files } = await listFiles(root);
      const found = files.filter((file) => isCryptic(file.path));
      const shown = [];
      for (const file of found.slice(0, MOST_QUESTIONS)) {
        const suggestion = await suggestName(root, file).catch((error: unknown) => void whyOf(error));
        if (suggestion !== undefined) shown.push({ path: file.path, suggestion });
      }
      return JSON.stringify({ files: shown, not_shown: found.length - shown.length });
    },
    {
      name: "find_cryptic_names",
      description: "Files whose names say nothing, each with a better one.",
      schema: nothing,
    },
  );

  const loose = tool(async () => JSON.stringify({ count: looseOf((await listFiles(root)).files).length }), {
    name: "find_loose_files",
    description: "How many files lie in no subfolder, if they are worth sorting.",
    schema: nothing,
  });

  const trashed = tool(async () => JSON.stringify({ count: (await listFiles(root, TRASH)).files.length }), {
    name: "find_trashed_files",
    description: "How many files are in the trash folder from earlier runs.",
    schema: nothing,
  });

  return [duplicates, large, stale, cryptic, loose, trashed];
}
