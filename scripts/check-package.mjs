// Proves the tarball in an empty project: its files, what each subpath loads, exports and declares.
// It expects a built dist (`npm run package:check` builds it).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { root } from "./lib/root.mjs";
import { main, Stop } from "./lib/run.mjs";
import { checkFiles } from "./package/files.mjs";
import { checkLoads } from "./package/loads.mjs";
import { install, pack, temporaryFolder } from "./package/pack.mjs";
import { OWNERS, optionalPeers, requiredPeers, subpaths } from "./package/subpaths.mjs";
import { checkTypes, exportedNames } from "./package/types.mjs";

const HELP = `Usage: node scripts/check-package.mjs [--update] [--lowest]

Packs the project, installs the tarball into an empty project with only the required peers, and checks
  - that the tarball has the files it should have, and no others;
  - that every subpath can be imported, loads no optional package but its own and no driver;
  - that the exported names are those of test/packaging/exports.snapshot.json;
  - that the declarations compile with skipLibCheck off, in nodenext and bundler resolution, without and with
    the optional packages.
  --update   writes the snapshot instead of comparing it
  --lowest   installs the lowest versions that the peer ranges allow, instead of those of the lock`;

const SNAPSHOT = join(root, "test/packaging/exports.snapshot.json");

/** The paths in a tar archive: 512-byte headers, each followed by its contents in whole blocks. */
function filesOf(tarball) {
  const tar = gunzipSync(readFileSync(tarball));
  const text = (at, length) => tar.toString("utf8", at, at + length).replace(/\0.*$/s, "");
  const files = [];
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const prefix = text(at + 345, 155);
    const name = `${prefix === "" ? "" : `${prefix}/`}${text(at, 100)}`;
    if (text(at + 156, 1) === "0") files.push(name.replace(/^package\//, ""));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

function compareNames(found, problems) {
  const wanted = existsSync(SNAPSHOT) ? JSON.parse(readFileSync(SNAPSHOT, "utf8")) : {};
  for (const subpath of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
    for (const kind of ["values", "types"]) {
      const before = wanted[subpath]?.[kind] ?? [];
      const now = found[subpath]?.[kind] ?? [];
      const gone = before.filter((name) => !now.includes(name));
      const fresh = now.filter((name) => !before.includes(name));
      if (gone.length > 0)
        problems.push(`"${subpath}" no longer exports the ${kind} ${gone.join(", ")} (--update accepts it)`);
      if (fresh.length > 0)
        problems.push(`"${subpath}" newly exports the ${kind} ${fresh.join(", ")} (--update accepts it)`);
    }
  }
}

await main(async () => {
  if (process.argv.includes("--help")) return console.log(HELP);
  const unknown = process.argv.slice(2).find((arg) => !["--update", "--lowest"].includes(arg));
  if (unknown) throw new Stop(`Unknown argument ${unknown}\n\n${HELP}`);
  const lowest = process.argv.includes("--lowest");
  const problems = [];
  const temporary = temporaryFolder();
  const consumer = join(temporary, "consumer");
  const tarball = await pack(temporary);
  const files = filesOf(tarball);
  checkFiles(files, problems);

  const always = [...requiredPeers, "@types/node"];
  await install(consumer, tarball, always, { lowest });
  const [eager, late] = [true, false].map((is) =>
    subpaths.filter((subpath) => (OWNERS[subpath]?.eager ?? false) === is),
  );
  const values = checkLoads(consumer, late, "without the optional packages", problems);
  const free = subpaths.filter((subpath) => !OWNERS[subpath] && values[subpath]);
  checkTypes(consumer, free, "without the optional packages", problems);

  const theirTypes = optionalPeers.map((name) => `@types/${name.replace(/^@/, "").replace("/", "__")}`);
  await install(consumer, tarball, [...always, ...optionalPeers, ...theirTypes], { lowest });
  checkTypes(consumer, subpaths, "with the optional packages", problems);
  Object.assign(values, checkLoads(consumer, eager, "with the optional packages", problems));

  const names = exportedNames(consumer);
  for (const [subpath, found] of Object.entries(values)) {
    // The two ways to look must agree, else a declaration promises what is not there.
    const declared = names[subpath].values;
    const only = [
      ...declared.filter((name) => !found.includes(name)),
      ...found.filter((name) => !declared.includes(name)),
    ];
    if (only.length > 0) problems.push(`"${subpath}": declarations and code differ in ${only.join(", ")}`);
  }
  if (process.argv.includes("--update")) {
    mkdirSync(dirname(SNAPSHOT), { recursive: true });
    writeFileSync(SNAPSHOT, `${JSON.stringify(names, null, 2)}\n`);
  } else compareNames(names, problems);

  if (problems.length > 0)
    throw new Stop(
      `${problems.map((problem) => `- ${problem}`).join("\n")}\n\nThe package is not as it should be.`,
    );
  console.log(`${files.length} files, ${subpaths.length} subpaths: the package is as it should be`);
});
