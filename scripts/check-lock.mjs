// Proves that package-lock.json serves every platform and no particular registry.
//   node scripts/check-lock.mjs         fails on an incomplete lock
//   node scripts/check-lock.mjs --fix   adds the entries that are missing
//
// npm leaves an optional package out of the lock when the registry in use does not serve it: a mirror often has
// the native binaries of one platform only. After that `npm ci` refuses the lock on every platform. The entries
// can be restored without the registry: the parents pin their binaries exactly and the names say the platform.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./lib/root.mjs";

const HELP = `Usage: node scripts/check-lock.mjs [--fix]

Checks that package-lock.json names no registry and has an entry for every optional package.
  --fix   add the missing entries`;

if (process.argv.includes("--help")) {
  console.log(HELP);
  process.exit(0);
}

const OS = new Set([
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
]);
const CPU = new Set([
  "arm",
  "arm64",
  "ia32",
  "loong64",
  "mips64el",
  "ppc64",
  "riscv64",
  "s390x",
  "wasm32",
  "x64",
]);

/** The platform fields of a binary package such as `@oxlint/binding-linux-arm64-musl`. */
function platformOf(name) {
  const words = name.split("/").at(-1).split("-");
  const os = words.filter((word) => OS.has(word));
  const cpu = words.filter((word) => CPU.has(word));
  if (os.length === 0 || cpu.length === 0) return undefined;
  const musl = words.some((word) => word.startsWith("musl"));
  const libc =
    os[0] === "linux" && (musl || words.includes("gnu")) ? { libc: [musl ? "musl" : "glibc"] } : {};
  return { cpu, ...libc, os };
}

/** Where npm would find `name` for the package at `from`: beside it or in a folder above, as Node does. */
function entryFor(packages, from, name) {
  let base = from;
  for (;;) {
    const path = `${base === "" ? "" : `${base}/`}node_modules/${name}`;
    if (packages[path]) return path;
    if (base === "") return undefined;
    const up = base.lastIndexOf("/node_modules/");
    base = up < 0 ? "" : base.slice(0, up);
  }
}

const path = join(root, "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));
const fix = process.argv.includes("--fix");
const problems = [];
const added = {};

for (const [at, entry] of Object.entries(lock.packages)) {
  if (at !== "" && !entry.version) problems.push(`${at} has no version`);
  if (entry.resolved !== undefined)
    problems.push(`${at} names a registry: keep omit-lockfile-registry-resolved in .npmrc`);
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (entryFor(lock.packages, at, name)) continue;
    const platform = platformOf(name);
    if (fix && platform && /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range)) {
      const dev = entry.dev ? { dev: true } : {};
      added[`node_modules/${name}`] = {
        version: range,
        cpu: platform.cpu,
        ...dev,
        ...(platform.libc ? { libc: platform.libc } : {}),
        optional: true,
        os: platform.os,
      };
    } else problems.push(`${name}@${range}, optional for ${at}, is not in the lock`);
  }
}

if (Object.keys(added).length > 0) {
  const entries = Object.entries({ ...lock.packages, ...added });
  lock.packages = Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b, "en")));
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`added ${Object.keys(added).length} entries to package-lock.json`);
}
for (const problem of problems) console.error(`package-lock.json: ${problem}`);
if (problems.length > 0) {
  console.error(`npm ci will refuse this lock on some machine. Run "node scripts/check-lock.mjs --fix".`);
  process.exitCode = 1;
}
