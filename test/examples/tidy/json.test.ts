/** `--json`: what another program, which shows the run, is told. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { applyBlockEvent, createBlockState, listBlocks, parseBlockEvent } from "holdpoint/blocks";
import { describe, expect, test } from "vitest";
import { root } from "../../support/program.ts";
import { commandOf, tempFolder } from "./kit.ts";

const run = promisify(execFile);

/** The blocks that its standard output comes to. */
async function shown(state: string, ...args: readonly string[]) {
  const command = [...(await commandOf()), "--state", state, "--json", ...args];
  // It exits with 2 when questions are left open.
  const { stdout } = await run(process.execPath, command, { cwd: root }).catch(
    (error: { stdout: string }) => error,
  );
  const events = stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => parseBlockEvent(JSON.parse(line)));
  return listBlocks(events.reduce(applyBlockEvent, createBlockState()));
}

const count = (blocks: Awaited<ReturnType<typeof shown>>, kind: string, status: string): number =>
  blocks.filter((block) => block.kind === kind && block.data["status"] === status).length;

describe("--json", { timeout: 120_000 }, () => {
  test("every line is a block event; a second program goes on where the first one stopped", async () => {
    const state = join(await tempFolder(), "state");
    const plan = await shown(state);
    expect(count(plan, "hitl", "pending")).toBe(1);
    expect(count(plan, "tool_use", "success")).toBe(6);
    const file = join(await tempFolder(), "answers.json");
    const answers = [{ match: { hitl_type: "workflow_human" }, response: { decision: "approve" } }];
    await writeFile(file, JSON.stringify(answers));
    const first = await shown(state, "--answers", file);
    const open = count(first, "hitl", "pending");
    expect(open).toBeGreaterThan(1);
    expect(count(first, "tool_use", "waiting")).toBe(open);
    const listed = await shown(state, "--list");
    expect(listed.map(({ block_id }) => block_id).toSorted()).toEqual(
      first
        .filter(({ kind, data }) => kind === "hitl" && data["status"] === "pending")
        .map(({ block_id }) => block_id)
        .toSorted(),
    );
    const rest = await shown(state, "--yes");
    expect(count(rest, "hitl", "pending") + count(rest, "tool_use", "waiting")).toBe(0);
    // It is told of the questions that were asked before it began, once.
    const known = new Set(rest.map(({ block_id }) => block_id));
    expect(listed.every(({ block_id }) => known.has(block_id))).toBe(true);
    expect(count(rest, "hitl", "completed")).toBeGreaterThan(open);
    expect(rest.at(-1)).toMatchObject({ kind: "text" });
  });
});
