/** `kill -9` at moments that matter, and at any; then the tree is that of a run which nobody disturbed. */
import { join } from "node:path";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { describe, expect, test } from "vitest";
import { makeSample } from "../../../examples/tidy/sample.ts";
import { effectsOf, sampleIn, tempFolder, tidy, TIDIED, treeOf } from "./kit.ts";

/** Where the process dies, and what else it was told than `--yes`. */
const MOMENTS: readonly (readonly [killAt: string, ...args: string[]])[] = [
  // The run is noted; at most its first checkpoint is saved.
  ["Nothing changes without your answer"],
  // Looking around.
  ['"name":"find_duplicates"', "--json"],
  // The approval node's question is open and was shown.
  ["Tidy the folder like this?"],
  // It is about to be answered.
  ['→ {"decision":"approve"}'],
  // It is answered, and the node has not gone on.
  ['"user_response":{"decision":"approve"', "--json"],
  // The first questions of tools are there.
  ["have the same content"],
  // About to be answered.
  ['→ {"answer":"report.txt"}'],
  // A file has both names: the old one and that in the trash.
  ["report%20backup.txt"],
  // A question of the policy is answered, and its call has not run.
  ['"user_response":{"decision":"approve_once"', "--json"],
  // Told, but not recorded.
  ["to the trash folder: archive/notes-2014.md"],
  // A preview was made and shown; the call waits.
  ["Move song.mp3 into the folder Media?"],
  // Moved by what was approved, and not recorded.
  ["moved: song.mp3"],
  ["deleted: "],
];

describe.concurrent("killed at", { timeout: 360_000 }, () => {
  test("P1 P4 P6 every moment in turn: nothing is asked, answered or done twice", async () => {
    const state = join(await tempFolder(), "state");
    for (const [killAt, ...args] of MOMENTS) {
      const ended = await tidy(["--yes", ...args], { state, killAt });
      expect(ended, killAt).toMatchObject({ signal: "SIGKILL" });
    }
    await expectTidied(state);
    await expectAskedOnce(state);
  });

  test("P1 the moment after a no: the next start ends by it, and asks nobody", async () => {
    const state = join(await tempFolder(), "state");
    const before = await treeOf(await makeSample(state));
    const killAt = '"user_response":{"decision":"reject"';
    expect(await tidy(["--no", "--json"], { state, killAt })).toMatchObject({ signal: "SIGKILL" });
    const next = await tidy([], { state });
    expect(next).toMatchObject({
      code: 0,
      out: expect.stringContaining("You did not agree to the plan.\nNothing was changed."),
    });
    expect(await treeOf(sampleIn(state))).toEqual(before);
    expect(effectsOf(state)).toEqual([]);
  });

  test("any moment", async () => {
    const [undisturbed, state] = [join(await tempFolder(), "state"), join(await tempFolder(), "state")];
    const began = performance.now();
    await tidy(["--yes"], { state: undisturbed });
    const wholeMs = performance.now() - began;
    let ended = false;
    for (let round = 0; round < 3 && !ended; round += 1) {
      const killAt = wholeMs * (0.3 + 0.6 * Math.random());
      ended = (await tidy(["--yes"], { state, killAt })).signal === null;
    }
    await (ended ? expectTree(state) : expectTidied(state));
  });
});

async function expectTidied(state: string): Promise<void> {
  const last = await tidy(["--yes"], { state });
  expect(last).toMatchObject({ code: 0, out: expect.stringContaining("freed") });
  expect(last.out).toContain("8 files moved or renamed, 7 to the trash folder, 7 deleted.\n1.6 MB freed.");
  await expectTree(state);
}

async function expectTree(state: string): Promise<void> {
  expect(await treeOf(sampleIn(state))).toEqual(TIDIED);
  const effects = effectsOf(state);
  expect(effects.length).toBeGreaterThan(0);
  expect(effects).toEqual([...new Set(effects)]);
}

/** Of the plan and of each file there is one question, and each has one answer. */
async function expectAskedOnce(state: string): Promise<void> {
  const backend = new SqliteHITLBackend({ path: join(state, "holdpoint.db") });
  const { items } = await backend.list({ limit: 100 });
  await backend.close();
  expect(items.map(({ status }) => status)).toEqual(items.map(() => "completed"));
  const asked = items.map(({ node_id, data }) => `${node_id} ${String(data["message"])}`);
  expect(asked).toHaveLength(1 + 6 + 2 + 6 + 1);
  expect(asked).toEqual([...new Set(asked)]);
  expect(items.filter(({ node_id }) => node_id === "agree")).toHaveLength(1);
}
