/** What of the tidy example runs by itself, what is asked about, and what is approved for good; as processes that die in between. */
import { mkdir, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HITLRecord } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { describe, expect, test } from "vitest";
import { tidyPolicy } from "../../../examples/tidy/policy.ts";
import { makeSample } from "../../../examples/tidy/sample.ts";
import { effectsOf, sampleIn, tempFolder, tidy, treeOf } from "./kit.ts";

const SLOW = 240_000;

describe("the policy", async () => {
  const root = await tempFolder();
  await mkdir(join(root, "in"));
  await symlink(await tempFolder(), join(root, "out"));
  const verdictOf = async (name: string, args: Record<string, unknown> = {}) => {
    const decision = await tidyPolicy(root).decide({ name, args });
    return `${decision.verdict} by ${decision.rule_id}`;
  };

  test("reading runs, changes are asked about, and what nobody has thought of does not run (P8)", async () => {
    expect(await verdictOf("find_duplicates")).toBe("allow by look");
    expect(await verdictOf("rename_file", { path: "a", name: "b" })).toBe("ask by rename");
    expect(await verdictOf("move_file", { path: "a.txt", ending: ".txt", folder: "in" })).toBe("ask by move");
    expect(await verdictOf("trash_large_file", { path: "a" })).toBe("ask by trash-large");
    expect(await verdictOf("trash_stale_files", { paths: ["in/a"] })).toBe("ask by trash-stale");
    expect(await verdictOf("delete_files", { paths: ["a"] })).toBe("ask by delete");
    expect(await verdictOf("format_disk")).toBe("deny by default");
  });

  test.each([
    ["move_file", { path: "../a.txt", ending: ".txt", folder: "in" }],
    ["move_file", { path: "a.txt", ending: ".txt", folder: "../in" }],
    ["rename_file", { path: "/etc/passwd", name: "b" }],
    ["trash_large_file", { path: "out/a" }],
    ["trash_stale_files", { paths: ["in/a", "in/../../a"] }],
    ["keep_one", { paths: ["in/a", "out/a"] }],
    ["delete_files", { paths: ["a\0b"] }],
  ])("%s %j leads out of the folder, and is denied", async (name, args) => {
    expect(await verdictOf(name, args)).toBe("deny by outside");
  });

  test("deleting is of high risk: nobody is offered to approve it for good", async () => {
    const decision = await tidyPolicy(root).decide({ name: "delete_files", args: { paths: ["a"] } });
    if (decision.verdict !== "ask") throw new Error("it is asked");
    expect(decision.question.request.data).toMatchObject({
      risk_level: "high",
      allowed_decisions: ["approve_once", "reject"],
    });
  });
});

const PLAN = {
  match: { hitl_type: "workflow_human" },
  response: { decision: "edit", values: { changes: ["loose"] } },
};
const BY_KIND = { match: "Sort them into subfolders", response: { answer: "kind" } };
const folders = (...names: string[]) => ({
  match: "What shall the subfolders be called",
  response: { answers: Object.fromEntries(names.map((name) => [name, name])) },
});
const YES = { match: { tool: "move_file" }, response: { decision: "approve_once" } };
const always = (text: string, scope: string) => ({
  match: { tool: "move_file", text },
  response: { decision: "approve_always", scope },
});
const ALL_KINDS = folders("Documents", "Media", "Other", "Pictures", "Tables");

async function answered(state: string, answers: readonly object[], killAt?: string) {
  const file = `${state}.answers.json`;
  await writeFile(file, JSON.stringify(answers));
  return tidy(["--answers", file], { state, ...(killAt === undefined ? {} : { killAt }) });
}

async function moveQuestions(state: string): Promise<readonly HITLRecord[]> {
  const backend = new SqliteHITLBackend({ path: join(state, "holdpoint.db") });
  const { items } = await backend.list({ limit: 100 });
  await backend.close();
  return items.filter(({ tool_name }) => tool_name === "move_file");
}

describe.concurrent("moves", { timeout: SLOW }, () => {
  test("P6 P7 approved for a kind of file in this run: killed in their middle, they are neither asked about nor made twice", async () => {
    const state = join(await tempFolder(), "state");
    const answers = [PLAN, BY_KIND, ALL_KINDS, always("8f3a2c91d4.txt", "session"), YES];
    for (const killAt of ['→ {"decision":"approve_always"', "report%20(1).txt", "moved: report.txt"])
      expect(await answered(state, answers, killAt), killAt).toMatchObject({ signal: "SIGKILL" });
    const { code, out } = await answered(state, answers);
    expect(code, out).toBe(0);
    expect(out).toContain("9 files moved or renamed, 0 to the trash folder, 0 deleted.");
    expect(out).toContain("2 calls not asked about: a standing approval allowed them.");
    expect(out).toContain("  (1) always move *.txt into Documents, in this run");
    const asked = (await moveQuestions(state)).map(({ data }) => String(data["message"]));
    expect(asked.filter((text) => text.includes(".txt"))).toEqual([
      "Move 8f3a2c91d4.txt into the folder Documents?",
    ]);
    expect(asked).toHaveLength(7);
    const effects = effectsOf(state);
    expect(effects).toEqual([...new Set(effects)]);
    expect(await treeOf(sampleIn(state))).toEqual(
      expect.arrayContaining([
        "Documents/report.txt",
        "Documents/report (1).txt",
        "Documents/8f3a2c91d4.txt",
      ]),
    );
  });

  test("P3 P7 a human changes the folder of one: a bad name is refused, a good one is where it goes", async () => {
    const state = join(await tempFolder(), "state");
    const into = (folder: string) => ({
      match: { tool: "move_file", text: "song.mp3" },
      response: { decision: "edit", edited_args: { path: "song.mp3", ending: ".mp3", folder } },
    });
    const before = [PLAN, BY_KIND, ALL_KINDS];
    for (const bad of ["../out", ".hidden", "a/b", ""]) {
      const { code, out } = await answered(state, [...before, into(bad), YES]);
      expect({ code, out }).toMatchObject({
        code: 3,
        out: expect.stringContaining("The given answer does not fit"),
      });
    }
    const reject = {
      match: { tool: "move_file", text: "holiday.png" },
      response: { decision: "reject", message: "It is on the wall." },
    };
    const { code, out } = await answered(state, [into("Songs"), reject, YES]);
    expect(code, out).toBe(0);
    expect(out).toContain("moved: song.mp3 → Songs/song.mp3");
    expect(out).toContain("8 files moved or renamed");
    expect(out).not.toContain("Left alone");
    expect(await treeOf(sampleIn(state))).toEqual(expect.arrayContaining(["Songs/song.mp3", "holiday.png"]));
  });

  test("approved in later runs, too: the next run does not ask, until it is taken back", async () => {
    const state = join(await tempFolder(), "state");
    const folder = await makeSample(state);
    const put = async (...names: string[]) => {
      for (const name of names) await writeFile(join(folder, name), name);
    };
    const first = await answered(state, [PLAN, BY_KIND, ALL_KINDS, always("song.mp3", "user"), YES]);
    expect(first.code, first.out).toBe(0);
    expect(first.out).toContain("  (1) always move *.mp3 into Media, in later runs, too");
    const next = [PLAN, BY_KIND, folders("Media")];
    await put("a.mp3", "b.mp3", "c.mp3");
    const second = await answered(state, next);
    expect(second.code, second.out).toBe(0);
    expect(second.out).toContain("3 calls not asked about: a standing approval allowed them.");

    expect(await tidy(["--approvals"], { state })).toMatchObject({
      code: 0,
      out: expect.stringContaining("(1) always move *.mp3 into Media, in later runs, too"),
    });
    expect(await tidy(["--revoke", "1"], { state })).toMatchObject({
      code: 0,
      out: "Taken back: always move *.mp3 into Media, in later runs, too\n",
    });
    expect(await tidy(["--revoke", "1"], { state })).toMatchObject({ code: 1 });
    await put("d.mp3", "e.mp3", "f.mp3");
    const third = await answered(state, next);
    expect(third).toMatchObject({
      code: 3,
      out: expect.stringContaining("No answer is given for this question: move_file: Move d.mp3"),
    });
  });

  test("a file that has changed since it was looked at is left alone, whatever was approved", async () => {
    const state = join(await tempFolder(), "state");
    expect(await answered(state, [PLAN, BY_KIND, ALL_KINDS])).toMatchObject({ code: 3 });
    await writeFile(join(sampleIn(state), "song.mp3"), "another song");
    await unlink(join(sampleIn(state), "holiday.png"));
    const { code, out } = await answered(state, [YES]);
    expect(code, out).toBe(0);
    expect(out).toContain("song.mp3: has changed since you were asked");
    expect(out).toContain("holiday.png: is not there any more");
    expect(await treeOf(sampleIn(state))).toContain("song.mp3");
  });
});

describe("a person at the terminal", { timeout: SLOW }, () => {
  test("P3 P6 P7 approves a kind, is killed, takes it back, changes a folder, refuses one, and is asked about each once", async () => {
    const state = join(await tempFolder(), "state");
    const begins = [
      ["Tidy the folder like this?", "3"],
      ["5) loose", "5"],
      ["Sort them into subfolders?", "1"],
      ...["1", "2", "3", "4", "5"].map((n) => [`Question ${n} [`, "1"] as const),
      ["Yes, and always move *.txt into Documents, in this run", "2"],
    ] as const;
    const killAt = "moved: 8f3a2c91d4.txt";
    expect(await tidy([], { state, killAt, typed: begins })).toMatchObject({ signal: "SIGKILL" });

    const { code, out } = await tidy([], {
      state,
      typed: [
        ["Move old-invoice-2016.pdf into the folder Documents?", "/approvals"],
        ["(1) always move *.txt into Documents, in this run", "/revoke 1"],
        ["Taken back: always move *.txt into Documents, in this run", "4"],
        ['folder, instead of "Documents"', "../bills"],
        ["That does not count", "4"],
        ['folder, instead of "Documents"', "Bills"],
        ["to: Documents/shopping-list.md", "5"],
        ["Why?", "I need it here."],
        ["Move song.mp3 into the folder Media?", "1"],
        ["Move database-dump.sql into the folder Other?", "1"],
        ["Move holiday.png into the folder Pictures?", "1"],
        ["Move 20230611.csv into the folder Tables?", "1"],
        ["Move report (1).txt into the folder Documents?", "1"],
        ["Move report.txt into the folder Documents?", "1"],
      ],
    });
    expect(code, out).toBe(0);
    expect(out).toContain("moved: old-invoice-2016.pdf → Bills/old-invoice-2016.pdf");
    expect(out).toContain("8 files moved or renamed, 0 to the trash folder, 0 deleted.");
    expect(out).not.toContain("standing approval allowed");
    const left = await treeOf(sampleIn(state));
    expect(left).toEqual(
      expect.arrayContaining(["Bills/old-invoice-2016.pdf", "shopping-list.md", "Documents/8f3a2c91d4.txt"]),
    );
    const effects = effectsOf(state);
    expect(effects).toEqual([...new Set(effects)]);
    const asked = (await moveQuestions(state)).map(
      ({ status, data }) => `${status} ${String(data["message"])}`,
    );
    expect(asked).toHaveLength(9);
    expect(asked.filter((text) => !text.startsWith("completed"))).toEqual([]);
    expect(asked).toEqual([...new Set(asked)]);
  });
});
