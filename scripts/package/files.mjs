// The files of the tarball: exactly the sources and what the compiler makes of them.
import { readdirSync } from "node:fs";
import { join, sep } from "node:path";
import { root } from "../lib/root.mjs";

const ALWAYS = ["LICENSE", "README.md", "package.json"];
const OPTIONAL = ["CHANGELOG.md", "PROTOCOL.md"];
const SOURCE = /\.(tsx?|sql|lua|css|html)$/;
const NOT_SHIPPED = /(^|\/)(__tests__|fixtures)\/|\.(test|spec|bench|test-d)\.tsx?$/;

export function checkFiles(packed, problems) {
  const sources = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length).split(sep).join("/"));
  const expected = new Set([...ALWAYS, ...sources]);
  for (const source of sources) {
    if (NOT_SHIPPED.test(source)) problems.push(`${source} would be published: tests live in test/`);
    else if (!SOURCE.test(source))
      problems.push(`${source} would be published: it is no kind of source that we know`);
    if (!/\.tsx?$/.test(source) || source.endsWith(".d.ts")) continue;
    const made = source.replace(/^src\//, "dist/").replace(/\.tsx?$/, "");
    for (const end of [".js", ".js.map", ".d.ts", ".d.ts.map"]) expected.add(made + end);
  }
  const found = new Set(packed);
  for (const file of expected) if (!found.has(file)) problems.push(`${file} is missing in the tarball`);
  for (const file of found) {
    if (!expected.has(file) && !OPTIONAL.includes(file))
      problems.push(`${file} is in the tarball and should not be`);
  }
}
