/** `kill -9` at moments that matter, and at any; then the tree is that of a run which nobody disturbed. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { effectsOf, sampleIn, tempFolder, tidy, TIDIED, treeOf } from "./kit.ts";

const MOMENTS: readonly (string | number)[] = [
  // The run is noted; at most its first checkpoint is saved.
  "Nothing changes without your answer",
  // About to be answered, or answered and the graph not woken.
  '→ {"answer":"report.txt"}',
  // A file has both names: the old one and that in the trash.
  "report%20backup.txt",
  // Told, but not recorded.
  "to the trash folder: archive/notes-2014.md",
  // In the last round of the wizard.
  "Documents/shopping-list.md",
  "deleted: ",
];

describe.concurrent("killed at", { timeout: 180_000 }, () => {
  test("every moment in turn", async () => {
    const state = join(await tempFolder(), "state");
    for (const killAt of MOMENTS) {
      expect(await tidy(["--yes"], { state, killAt }), String(killAt)).toMatchObject({ signal: "SIGKILL" });
    }
    await expectTidied(state);
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
