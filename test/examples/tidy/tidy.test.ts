import { spawnSync } from "node:child_process";
import { chmod, mkdir, readFile, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { UsageError } from "../../../examples/tidy/exit.ts";
import { parseOptions } from "../../../examples/tidy/options.ts";
import { makeSample } from "../../../examples/tidy/sample.ts";
import { openState } from "../../../examples/tidy/state-folder.ts";
import { effectsOf, sampleIn, tempFolder, tidy, TIDIED, treeOf } from "./kit.ts";

const SLOW = 120_000;

describe.concurrent("the tidy example", { timeout: SLOW }, () => {
  test("--yes tidies the sample; the next run finds nothing to do; --reset starts anew", async () => {
    const state = join(await tempFolder(), "state");
    const first = await tidy(["--yes"], { state });
    expect(first).toMatchObject({ code: 0 });
    expect(first.out).toContain("8 files moved or renamed, 7 to the trash folder, 7 deleted.\n1.6 MB freed.");
    expect(await treeOf(sampleIn(state))).toEqual(TIDIED);
    const second = await tidy(["--yes"], { state });
    expect(second).toMatchObject({ code: 0, out: expect.stringContaining("Nothing was changed.") });
    expect(second.out).not.toContain("→");
    const third = await tidy(["--reset"], { state });
    expect(third).toMatchObject({ code: 2, out: expect.stringContaining("6 questions are open") });
  });

  test("--no changes nothing", async () => {
    const state = join(await tempFolder(), "state");
    const before = await treeOf(await makeSample(state));
    const { code, out } = await tidy(["--no"], { state });
    expect(code).toBe(0);
    expect(out).toContain("Nothing was changed.");
    expect(out).not.toContain("Left alone");
    expect(await treeOf(sampleIn(state))).toEqual(before);
    expect(effectsOf(state)).toEqual([]);
  });

  test("without a terminal or answers the questions stay open; answers come from elsewhere and from a file", async () => {
    const folder = await tempFolder();
    const state = join(folder, "state");
    const file = join(folder, "answers.json");
    expect(await tidy(["--list"], { state })).toMatchObject({ code: 0, out: "0 questions are open.\n" });
    expect(await tidy([], { state })).toMatchObject({
      code: 2,
      out: expect.stringContaining("--answers FILE"),
    });
    expect(effectsOf(state)).toEqual([]);

    // A colleague answers while no process runs the graph; a file vanishes between the question and its answer.
    const backend = new SqliteHITLBackend({ path: join(state, "holdpoint.db") });
    const { items } = await backend.list({ status: "pending" });
    const large = items.find((record) => record.tool_name === "trash_large_file");
    expect(await backend.respond(large?.hitl_id ?? "", { confirmed: true })).toMatchObject({
      status: "accepted",
    });
    await backend.close();
    await unlink(join(sampleIn(state), "20230611.csv"));

    const answers = [
      { match: { tool: "rename_file", text: "8f3a" }, response: { answer: "club/minutes.txt" } },
      {
        match: { hitl_type: "permission" },
        response: { decision: "edit", edited_args: { paths: ["old-invoice-2016.pdf"] } },
      },
      { match: "have the same content", response: { answer: "/leave" } },
    ];
    await writeFile(file, JSON.stringify(answers));
    const unknown = await tidy(["--answers", file], { state });
    expect(unknown).toMatchObject({ code: 3, out: expect.stringContaining("better name for 20230611.csv") });
    expect(unknown.out).toContain("to the trash folder: database-dump.sql");

    await writeFile(
      file,
      JSON.stringify([...answers, { match: "20230611", response: { answer: "party.csv" } }]),
    );
    const invalid = await tidy(["--answers", file], { state });
    expect(invalid).toMatchObject({ code: 3, out: expect.stringContaining("The given answer does not fit") });
    expect(invalid.out).toContain("left alone: 20230611.csv is not there any more");

    await writeFile(file, JSON.stringify([{ match: "8f3a", response: { answer: "minutes.txt" } }]));
    const last = await tidy(["--answers", file, "--no"], { state });
    expect(last).toMatchObject({ code: 0, out: expect.stringContaining("1.6 MB wait in .holdpoint-trash") });
    const left = (await treeOf(sampleIn(state))).map((path) => path.replace(/-trash\/[^/]+/, "-trash/RUN"));
    expect(left).toContain("minutes.txt");
    expect(left.filter((path) => path.startsWith(".holdpoint-trash"))).toEqual([
      ".holdpoint-trash/RUN/database-dump.sql",
      ".holdpoint-trash/RUN/old-invoice-2016.pdf",
    ]);
  });

  test("hostile names, links that lead out, and files that cannot be read", async () => {
    const parent = await tempFolder();
    const folder = join(parent, "folder");
    const outside = join(parent, "outside");
    await mkdir(join(folder, "deep\u001b[31m"), { recursive: true });
    await mkdir(outside);
    const evil = [
      "\u001b[2J\u001b[Hcleared.txt",
      "exe.\u202egnp.txt",
      "two\nlines.txt",
      "--yes",
      "$(touch pwned)",
      "-rf *",
    ];
    for (const name of evil) await writeFile(join(folder, name), "the same content");
    await writeFile(join(folder, "deep\u001b[31m", "x.txt"), "the same content");
    await writeFile(join(outside, "y.txt"), "the same content");
    await symlink(outside, join(folder, "out"));
    await symlink(join(outside, "y.txt"), join(folder, "y.txt"));
    await symlink(folder, join(folder, "round"));
    spawnSync("mkfifo", [join(folder, "pipe")]);
    await writeFile(join(folder, "unreadable.txt"), "not the same, 16");
    await chmod(join(folder, "unreadable.txt"), 0);

    const state = join(parent, "state");
    const { code, out } = await tidy([folder, "--yes"], { state });
    expect(code, out).toBe(0);
    expect(out).toContain("These 7 files have the same content");
    expect(out).not.toMatch(/[^\P{C}\n]/u);
    if (process.getuid?.() !== 0) expect(out).toContain("unreadable.txt: may not be read or changed");
    const left = await treeOf(folder);
    expect(left).toEqual(expect.arrayContaining(["out", "round", "y.txt"]));
    expect(await readFile(join(outside, "y.txt"), "utf8")).toBe("the same content");
    expect(effectsOf(state).every((line) => line.includes(JSON.stringify(folder).slice(1, -1)))).toBe(true);
  });

  test("one process at a time", async () => {
    const folder = await tempFolder();
    const held = await openState(folder, { reset: false });
    expect(await tidy(["--yes"], { state: folder })).toMatchObject({ code: 5 });
    await held?.close();
  });

  test("--help, and arguments that make no sense", async () => {
    const state = join(await tempFolder(), "state");
    expect(await tidy(["--help"], { state })).toMatchObject({
      code: 0,
      out: expect.stringContaining("Exit codes"),
    });
    for (const args of [["--nope"], ["--answers", "/does/not/exist"]]) {
      const { code, out } = await tidy(args, { state });
      expect({ code, out }).toMatchObject({ code: 4, out: expect.stringContaining("Try --help.") });
    }
    for (const args of [
      ["--yes", "--no"],
      ["a", "b"],
      ["--large-mb", "x"],
      ["--stale-days", "0"],
      ["--state"],
    ]) {
      expect(() => parseOptions(args, {}), args.join(" ")).toThrow(UsageError);
    }
    expect(parseOptions(["a"], { npm_lifecycle_event: "start", INIT_CWD: "/home/me" }).path).toBe(
      "/home/me/a",
    );
  });
});
