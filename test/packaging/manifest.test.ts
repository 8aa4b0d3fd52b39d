import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

interface Manifest {
  readonly exports: Record<string, string | { readonly types: string; readonly default: string }>;
  readonly scripts: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, { readonly optional: boolean }>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const manifest = JSON.parse(read("package.json")) as Manifest;

describe("package.json", () => {
  it("gives every subpath its types first, in a layout like that of src", () => {
    for (const [subpath, target] of Object.entries(manifest.exports)) {
      if (typeof target === "string") continue;
      const folder = subpath.slice(1);
      expect(Object.entries(target)).toEqual([
        ["types", `./dist${folder}/index.d.ts`],
        ["default", `./dist${folder}/index.js`],
      ]);
      expect(existsSync(join(root, `src${folder}/index.ts`)), `src${folder}/index.ts`).toBe(true);
    }
  });

  it("has a snapshot of the names of each subpath, and of no other", () => {
    const snapshot = JSON.parse(read("test/packaging/exports.snapshot.json")) as object;
    const code = Object.entries(manifest.exports).filter(([, target]) => typeof target !== "string");
    expect(Object.keys(snapshot)).toEqual(code.map(([subpath]) => subpath));
  });

  it("pins what it is developed with exactly", () => {
    for (const [name, version] of Object.entries(manifest.devDependencies)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  it("calls only peers optional that it has", () => {
    expect(Object.keys(manifest.peerDependencies)).toEqual(
      expect.arrayContaining(Object.keys(manifest.peerDependenciesMeta)),
    );
  });
});

describe("verify", () => {
  const verify = (...args: string[]) =>
    spawnSync(process.execPath, [join(root, "scripts/verify.mjs"), ...args], { encoding: "utf8" });

  it("lists steps that can each be run alone", () => {
    const steps = verify("--list")
      .stdout.trim()
      .split("\n")
      .map((line) => line.split(" ", 1)[0]);
    expect(steps.length).toBeGreaterThan(10);
    for (const step of steps) expect(manifest.scripts).toHaveProperty([step ?? ""]);
  });

  it("refuses a step that it does not know, rather than leave out nothing", () => {
    const { status, stderr } = verify("--except", "tests");
    expect(status).toBe(1);
    expect(stderr).toContain("there is no step tests");
  });

  it("stops at the first failure and says how to repeat it", () => {
    const env = { ...process.env, npm_execpath: join(root, "test/packaging/fixtures/npm-cli.js") };
    const script = join(root, "scripts/verify.mjs");
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--only", "lint,layers"], {
      encoding: "utf8",
      env,
    });
    expect(status).toBe(1);
    expect(stdout).not.toContain("layers:");
    expect(stderr).toMatch(/lint failed after .* s\. To repeat it: npm run lint/);
  });
});
