/**
 * The numbered examples: each runs by itself, offline, and prints what its comments say. Two run as their README says, from
 * the sources; to start the others so would take longer than all that they do.
 */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleModules, type Modules } from "../support/program.ts";
import { serverFor } from "./servers.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const names = readdirSync(new URL("../../examples", import.meta.url)).filter((name) => /^\d\d-/.test(name));
const MAX_LINES = 80;
/** The second one starts itself once more, with the options that it was started with. */
const FROM_SOURCES: readonly string[] = ["01-ask-in-a-tool.ts", "07-another-process.ts"];
/** Dates are shown in the reader's language and time zone. */
const env = { ...process.env, TZ: "UTC", LC_ALL: "en_US.UTF-8" };

let modules: Modules;
beforeAll(async () => {
  modules = await bundleModules(names.map((name) => `examples/${name}`));
});
afterAll(() => modules?.remove());

const commandOf = (name: string): readonly string[] =>
  FROM_SOURCES.includes(name)
    ? ["--import", "tsx", `examples/${name}`]
    : [modules.pathOf(`examples/${name}`)];

const sourceOf = (name: string): string =>
  readFileSync(new URL(`../../examples/${name}`, import.meta.url), "utf8");

describe.concurrent("the example", { timeout: 60_000 }, () => {
  it.each(names)("%s prints what it says, in at most 80 lines", async (name) => {
    const source = sourceOf(name);
    expect(source.split("\n").length - 1).toBeLessThanOrEqual(MAX_LINES);
    const expected = [...source.matchAll(/\/\/ prints: (.*)$/gm)].map(([, text]) => text);
    expect(expected.length).toBeGreaterThan(0);
    const server = await serverFor(name);
    try {
      const { stdout } = await run(process.execPath, commandOf(name), {
        cwd: root,
        env: { ...env, ...server.env },
      });
      expect(stdout.trimEnd().split("\n")).toEqual(expected);
    } finally {
      await server.stop();
    }
  });
});

describe("the list of examples", () => {
  it("names each of them, in its order", () => {
    const readme = sourceOf("README.md");
    const listed = [...readme.matchAll(/\]\((\d\d-[^)]+)\)/g)].map(([, name]) => name);
    expect(listed).toEqual(names);
  });
});
