import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmod, mkdir, readFile, realpath, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../examples/tidy/exit.ts";
import { parseOptions } from "../../../examples/tidy/options.ts";
import { makeSample } from "../../../examples/tidy/sample.ts";
import { openState, RUN_VERSION, writeRun } from "../../../examples/tidy/state-folder.ts";
import { effectsOf, sampleIn, tempFolder, tidy, TIDIED, treeOf } from "./kit.ts";

const SLOW = 240_000;
const APPROVE = { match: { hitl_type: "workflow_human" }, response: { decision: "approve" } };

async function answersIn(folder: string, answers: readonly object[]): Promise<string> {
  const path = join(folder, `${randomUUID()}.json`);
  await writeFile(path, JSON.stringify(answers));
  return path;
}

/** As whoever answers has changed the name that was proposed. */
const renamed = (name: string, path = "8f3a2c91d4.txt") => ({
  decision: "edit",
  edited_args: { path, name },
});

describe.concurrent("the tidy example", { timeout: SLOW }, () => {
  test("--yes tidies the sample; the next run finds nothing to do; --reset starts anew", async () => {
    const state = join(await tempFolder(), "state");
    const first = await tidy(["--yes"], { state, fromSources: true });
    expect(first).toMatchObject({ code: 0 });
    expect(first.out).toContain("8 files moved or renamed, 7 to the trash folder, 7 deleted.\n1.6 MB freed.");
    expect(await treeOf(sampleIn(state))).toEqual(TIDIED);
    const second = await tidy(["--yes"], { state });
    expect(second.out).toContain("There is nothing to tidy.\nNothing was changed.");
    expect(second).toMatchObject({ code: 0, out: expect.not.stringContaining("→") });
    const third = await tidy(["--reset"], { state });
    expect(third).toMatchObject({ code: 2, out: expect.stringContaining("1 question is open") });
  });

  test("--no changes nothing: neither to the plan, nor to each question of one that was agreed to", async () => {
    const folder = await tempFolder();
    const state = join(folder, "state");
    const before = await treeOf(await makeSample(state));
    const rejected = await tidy(["--no"], { state });
    expect(rejected.out).toContain("You did not agree to the plan.\nNothing was changed.");
    const agreed = await tidy(["--answers", await answersIn(folder, [APPROVE]), "--no"], { state });
    expect(agreed.out).toContain("Done.\nNothing was changed.");
    for (const { code, out } of [rejected, agreed]) {
      expect(code).toBe(0);
      expect(out).not.toContain("Left alone");
    }
    expect(await treeOf(sampleIn(state))).toEqual(before);
    expect(effectsOf(state)).toEqual([]);
  });

  test("P3 the plan can be edited: only what is left of it is asked about; a bad edit changes nothing", async () => {
    const folder = await tempFolder();
    const state = join(folder, "state");
    const edit = (changes: string[]) => ({
      match: { hitl_type: "workflow_human" },
      response: { decision: "edit", values: { changes } },
    });
    for (const bad of [[], ["everything"]]) {
      expect(await tidy(["--answers", await answersIn(folder, [edit(bad)])], { state })).toMatchObject({
        code: 3,
        out: expect.stringContaining("The given answer does not fit"),
      });
    }
    const args = ["--answers", await answersIn(folder, [edit(["names", "stale"])]), "--yes"];
    const { code, out } = await tidy(args, { state });
    expect(code, out).toBe(0);
    expect(out).toContain("2 files moved or renamed, 3 to the trash folder, 0 deleted.");
    for (const tool of ["keep_one", "trash_large_file", "sort_loose_files", "empty_trash"])
      expect(out).not.toContain(tool);
  });

  test("P8 a plan that somebody withdraws is not one that was agreed to", async () => {
    const state = join(await tempFolder(), "state");
    expect(await tidy([], { state })).toMatchObject({ code: 2 });
    const backend = new SqliteHITLBackend({ path: join(state, "holdpoint.db") });
    const [plan] = (await backend.list({ status: "pending" })).items;
    await backend.cancel(plan?.hitl_id ?? "", { reason: "moving out" });
    await backend.close();
    const { code, out } = await tidy(["--yes"], { state });
    expect(code, out).toBe(0);
    expect(out).toContain("The plan was withdrawn. (moving out)\nNothing was changed.");
    expect(effectsOf(state)).toEqual([]);
  });

  test("a model plans: it has the tools that were agreed to, and its conversation is one that providers take", async () => {
    const folder = await tempFolder();
    const state = join(folder, "state");
    const names = { decision: "edit", values: { changes: ["names"] } };
    const answers = await answersIn(folder, [{ match: { hitl_type: "workflow_human" }, response: names }]);
    const open = await tidy(["--answers", answers], { state, model: true });
    expect(open).toMatchObject({ code: 3, out: expect.stringContaining("test-model plans") });
    expect(effectsOf(state)).toEqual([]);
    const { code, out } = await tidy(["--yes"], { state, model: true });
    expect(code, out).toBe(0);
    expect(out).toContain("test-model says goodbye.");
    expect(out).toContain("1 file moved or renamed, 0 to the trash folder, 0 deleted.");
    expect(out).toContain("empty_trash: The user has not agreed to changes of this kind.");
    expect(await treeOf(sampleIn(state))).toContain("minutes.txt");
  });

  test("a run of an older release is given up, and says so; one of a newer release is left alone", async () => {
    const state = join(await tempFolder(), "state");
    const folder = await realpath(await makeSample(state));
    const old = {
      thread_id: "tidy-old",
      folder,
      started_at: 1,
      largeBytes: 1e6,
      staleDays: 9,
      reported: false,
    };
    await writeRun(state, old);
    const backend = new SqliteHITLBackend({ path: join(state, "holdpoint.db") });
    const data = { message: "Delete everything?" };
    const { record } = await backend.create({
      hitl_type: "confirm",
      session_id: "tidy-old",
      thread_id: "tidy-old",
      data,
    });
    const { code, out } = await tidy(["--yes"], { state });
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringContaining("given up: 1 open question is cancelled"),
    });
    expect(await backend.get(record.hitl_id)).toMatchObject({
      status: "cancelled",
      reason: "older_release",
    });
    expect(await treeOf(folder)).toEqual(TIDIED);
    await backend.close();
    await writeRun(state, { ...old, version: RUN_VERSION + 1 });
    expect(await tidy(["--yes"], { state })).toMatchObject({
      code: 4,
      out: expect.stringContaining("newer"),
    });
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
    const [plan] = (await backend.list({ status: "pending" })).items;
    expect(await backend.respond(plan?.hitl_id ?? "", APPROVE.response)).toMatchObject({
      status: "accepted",
    });
    expect(await tidy([], { state })).toMatchObject({
      code: 2,
      out: expect.stringContaining("6 questions are open"),
    });
    const { items } = await backend.list({ status: "pending" });
    const large = items.find((record) => record.tool_name === "trash_large_file");
    expect(await backend.respond(large?.hitl_id ?? "", { decision: "approve_once" })).toMatchObject({
      status: "accepted",
    });
    await backend.close();
    await unlink(join(sampleIn(state), "20230611.csv"));

    const answers = [
      { match: { tool: "rename_file", text: "8f3a" }, response: renamed("club/minutes.txt") },
      {
        match: { tool: "trash_stale_files" },
        response: { decision: "edit", edited_args: { paths: ["old-invoice-2016.pdf"] } },
      },
      { match: "have the same content", response: { answer: "/leave" } },
    ];
    await writeFile(file, JSON.stringify(answers));
    const unknown = await tidy(["--answers", file], { state });
    expect(unknown).toMatchObject({ code: 3, out: expect.stringContaining("Rename 20230611.csv to") });
    expect(unknown.out).toContain("to the trash folder: database-dump.sql");

    await writeFile(
      file,
      JSON.stringify([...answers, { match: "20230611", response: renamed("party.csv", "20230611.csv") }]),
    );
    const invalid = await tidy(["--answers", file], { state });
    expect(invalid).toMatchObject({ code: 3, out: expect.stringContaining("The given answer does not fit") });
    expect(invalid.out).toContain("left alone: 20230611.csv is not there any more");

    await writeFile(file, JSON.stringify([{ match: "8f3a", response: renamed("minutes.txt") }]));
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
