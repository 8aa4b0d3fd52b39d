/**
 * Tools that only read. A step of nothing but these asks nobody, so holdpoint writes nothing for it. Beside what a planner
 * reads of it, each notes what the files are that it names.
 */
import { tool } from "@langchain/core/tools";
import { z } from "zod";
import { TRASH } from "../files.ts";
import { look, type Seen } from "../paths.ts";
import { findDuplicates, isCryptic, listFiles, looseOf, suggestName, whyOf } from "../survey.ts";
import type { TidyContext } from "./context.ts";
import type { Noted } from "./noted.ts";

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
      return noting(root, found, MOST_QUESTIONS);
    },
    {
      responseFormat: "content_and_artifact",
      name: "find_large_files",
      description: "Files that are larger than the limit, largest first.",
      schema: nothing,
    },
  );

  const stale = tool(
    async () => {
      const { files } = await listFiles(root);
      const found = files.filter((file) => file.mtime < staleBefore).sort((a, b) => a.mtime - b.mtime);
      return noting(root, found, MOST_PATHS);
    },
    {
      responseFormat: "content_and_artifact",
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
      const seen: Seen[] = [];
      for (const file of found.slice(0, MOST_QUESTIONS)) {
        try {
          shown.push({ path: file.path, suggestion: await suggestName(root, file) });
          seen.push(await look(root, file.path));
        } catch (error) {
          whyOf(error);
        }
      }
      const content = JSON.stringify({ files: shown, not_shown: found.length - shown.length });
      return [content, { seen } satisfies Noted];
    },
    {
      responseFormat: "content_and_artifact",
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

/** What cannot be read is named all the same: the tool that changes it says why it does not. */
async function noting(
  root: string,
  found: readonly { readonly path: string }[],
  most: number,
): Promise<[content: string, Noted]> {
  const paths = found.slice(0, most).map(({ path }) => path);
  const looks = paths.map((path) => look(root, path).catch((error: unknown) => void whyOf(error)));
  const seen = (await Promise.all(looks)).filter((file) => file !== undefined);
  return [JSON.stringify({ paths, not_shown: found.length - paths.length }), { seen }];
}
