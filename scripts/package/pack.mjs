// Packs the project and installs the tarball where nothing else is.
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../lib/root.mjs";
import { npmCommand, run, Stop } from "../lib/run.mjs";
import { manifest } from "./subpaths.mjs";

/** A temporary folder that goes when the process ends. */
export function temporaryFolder() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdpoint-package-")));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function npm(args, what) {
  const { command, args: before, shell } = npmCommand();
  // The resolver has been seen to go on for many minutes over LangGraph's version ranges.
  const result = await run(command, [...before, ...args, "--loglevel=error"], {
    timeoutMs: 600_000,
    group: true,
    shell,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (result.timedOut) throw new Stop(`npm did not ${what} within ten minutes.`);
  if (result.code !== 0) throw new Stop(`npm could not ${what}.`);
}

/** Writes the tarball into `folder`. Scripts stay off: the caller has built dist, and says so by calling. */
export async function pack(folder) {
  await npm(["pack", "--ignore-scripts", "--pack-destination", folder, root], "pack the project");
  return join(folder, `${manifest.name}-${manifest.version}.tgz`);
}

const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;

/**
 * The version to install: that of the lock, so that the proof and the tests see the same packages, or the lowest
 * one that the peer range promises to work.
 */
function versionOf(name, lowest) {
  const range = manifest.peerDependencies[name];
  return lowest && range ? range.split(" ")[0].replace("^", "") : lock[`node_modules/${name}`]?.version;
}

/** Installs the tarball and these packages into `folder`, adding to what is there. */
export async function install(folder, tarball, names, { lowest = false } = {}) {
  mkdirSync(folder, { recursive: true });
  const dependencies = { [manifest.name]: `file:${tarball}` };
  for (const name of names) {
    // What the lock does not have, no test needs: it is a peer of a subpath that is yet to come.
    if (lock[`node_modules/${name}`]) dependencies[name] = versionOf(name, lowest);
  }
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ private: true, type: "module", dependencies }),
  );
  const args = [
    "install",
    "--prefix",
    folder,
    "--prefer-offline",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
  ];
  await npm([...args, "--no-package-lock"], `install the tarball with ${names.join(", ")}`);
}
