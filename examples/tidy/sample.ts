/** A folder to try it on: real files, with everything in it that the agent looks for. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const NAME = "sample-folder";
/** Only a folder with this file in it is ever removed. */
const MARKER = ".made-by-holdpoint-tidy";

export const SAMPLE_LARGE_BYTES = 1_000_000;

interface SampleFile {
  readonly path: string;
  readonly content: string;
  readonly days?: number;
}

const REPORT = "Quarterly report\n\nSales went up in the north and down in the south.\n".repeat(40);
const PHOTO = `\u0000PNG-like bytes\u0000${"holiday ".repeat(2000)}`;

const FILES: readonly SampleFile[] = [
  { path: "report.txt", content: REPORT, days: 20 },
  { path: "report (1).txt", content: REPORT, days: 15 },
  { path: "archive/report backup.txt", content: REPORT, days: 90 },
  { path: "holiday.png", content: PHOTO, days: 30 },
  { path: "pictures/holiday copy.png", content: PHOTO, days: 29 },
  { path: "database-dump.sql", content: "INSERT INTO t VALUES (1);\n".repeat(60_000), days: 12 },
  { path: "old-invoice-2016.pdf", content: "%PDF-1.4 invoice 2016\n", days: 3100 },
  {
    path: "archive/letter-2015.txt",
    content: "Dear Sir or Madam,\nthis was written long ago.\n",
    days: 3500,
  },
  { path: "archive/notes-2014.md", content: "# Notes\nNobody has read these since.\n", days: 3900 },
  { path: "8f3a2c91d4.txt", content: "Minutes of the garden club\n\nPresent: everybody.\n", days: 8 },
  { path: "20230611.csv", content: "Budget for the summer party\nitem,price\ncake,12\n", days: 40 },
  { path: "shopping-list.md", content: "- bread\n- apples\n", days: 1 },
  { path: "song.mp3", content: "ID3 not really music\n", days: 100 },
];

/** Makes the sample if it is not there, and returns its path. */
export async function makeSample(state: string, now = Date.now()): Promise<string> {
  const path = join(state, NAME);
  if (existsSync(path)) return path;
  await mkdir(state, { recursive: true });
  // Made under another name, so that a process which dies here leaves no half of a sample.
  const making = await mkdtemp(join(state, `${NAME}-`));
  await writeFile(join(making, MARKER), "");
  for (const { path: file, content, days = 0 } of FILES) {
    const target = join(making, file);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
    const time = new Date(now - days * 86_400_000);
    await utimes(target, time, time);
  }
  // Leads out of the folder: to be left alone. Where links are not allowed there is none.
  await symlink(join("..", "holdpoint.db"), join(making, "link-to-somewhere-else")).catch(() => {});
  await rename(making, path);
  return path;
}

export async function removeSample(state: string): Promise<void> {
  const path = join(state, NAME);
  if (existsSync(join(path, MARKER))) await rm(path, { recursive: true });
}
