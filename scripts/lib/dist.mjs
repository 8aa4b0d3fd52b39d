// dist, built from src with plain tsc.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";
import { duration, run, Stop } from "./run.mjs";

const dist = join(root, "dist");
const stamp = join(root, "node_modules/.cache/holdpoint/built-from");

/** What the build depends on. Contents, not times: a checkout or a deleted file would fool times. */
function sourceHash() {
  const hash = createHash("sha256");
  const files = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of [join(root, "tsconfig.json"), join(root, "tsconfig.build.json"), ...files]) {
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(readFileSync(file))
      .update("\0");
  }
  return hash.update(readFileSync(join(root, "node_modules/typescript/package.json"))).digest("hex");
}

/**
 * Builds into a folder beside dist and swaps the two: no file of a deleted source stays behind, a failed build
 * leaves the old one, and a reader never sees half of it.
 */
export async function build() {
  const started = Date.now();
  const hash = sourceHash();
  const fresh = join(root, `dist.new-${process.pid}`);
  const old = join(root, `dist.old-${process.pid}`);
  try {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const result = await run(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", fresh]);
    if (result.code !== 0) throw new Stop("holdpoint: the build failed; dist is as it was.");
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(fresh, dist);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
  mkdirSync(join(stamp, ".."), { recursive: true });
  writeFileSync(stamp, hash);
  console.log(`holdpoint: built dist in ${duration(Date.now() - started)}`);
}

export async function ensureDist() {
  if (existsSync(dist) && existsSync(stamp) && readFileSync(stamp, "utf8") === sourceHash()) return;
  console.log(
    `holdpoint: building dist (${existsSync(dist) ? "the sources have changed" : "there is none yet"})`,
  );
  await build();
}
