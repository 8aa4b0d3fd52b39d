// What importing a subpath loads, in a process of its own.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { optionalPeers, OWNERS, specifierOf } from "./subpaths.mjs";

const hooks = new URL("hooks.mjs", import.meta.url).href;

function load(folder, specifier) {
  const log = join(folder, "loads.jsonl");
  rmSync(log, { force: true });
  const code = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(specifier)})).sort()));`;
  const child = spawnSync(process.execPath, ["--import", hooks, "--input-type=module", "--eval", code], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: "", HOLDPOINT_LOADS: log },
    timeout: 60_000,
  });
  if (child.status !== 0) return { error: child.stderr.trim() || String(child.error ?? child.signal) };
  const loads = existsSync(log)
    ? readFileSync(log, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
    : [];
  return { names: JSON.parse(child.stdout), loads };
}

const packageIn = (specifier) => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");

/** Imports these subpaths, each in a process of its own. Returns the run-time names by subpath. */
export function checkLoads(folder, which, situation, problems) {
  const values = {};
  for (const subpath of which) {
    const specifier = specifierOf(subpath);
    const { error, names, loads } = load(folder, specifier);
    if (error) {
      problems.push(`import "${specifier}" fails ${situation}:\n${error.replace(/^/gm, "    ")}`);
      continue;
    }
    values[subpath] = names;
    const owner = OWNERS[subpath] ?? { may: [], eager: false };
    for (const name of [...optionalPeers, "node:sqlite"]) {
      if (owner.eager && owner.may.includes(name)) continue;
      const by = loads.find(([wanted]) => packageIn(wanted) === name);
      if (by && owner.may.includes(name))
        problems.push(`import "${specifier}" loads ${name} at once: load it when it is first used`);
      else if (by) problems.push(`import "${specifier}" loads ${name}, which is optional and not its own`);
    }
    if (!subpath.startsWith("./backends/")) {
      const driver = loads.find(([, url]) =>
        /\/holdpoint\/dist\/backends\/(sqlite|redis|postgres)\//.test(url ?? ""),
      );
      if (driver)
        problems.push(
          `import "${specifier}" loads ${driver[1].replace(/^.*\/holdpoint\//, "")}: a bundle would carry the driver`,
        );
    }
  }
  return values;
}
