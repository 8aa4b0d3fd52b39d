// Checks every import of src against the layers (scripts/lib/layer-rules.mjs):
//   - an import points down, and says the file (`./x.ts`);
//   - a driver is named by its own folder only, and the main entry reaches none;
//   - what runs in a browser reaches no Node module, and below `suspend` nothing names LangChain.
// `node scripts/check-layers.mjs FOLDER` checks another source folder: the tests do.
import { existsSync, readdirSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { importsOf } from "./lib/imports.mjs";
import { BROWSER, DRIVER_FREE, DRIVERS, LAYERS, TESTING, WITHOUT_LANGCHAIN } from "./lib/layer-rules.mjs";
import { root } from "./lib/root.mjs";

const RANK = new Map(LAYERS.flatMap((names, row) => names.map((name) => [name, LAYERS.length - row])));
const BUILT_IN = new Set(builtinModules);
const DRIVER_FOLDERS = [...new Set(Object.values(DRIVERS))].filter((folder) =>
  folder.startsWith("backends/"),
);

const layerOf = (file) => (file.includes("/") ? file.slice(0, file.indexOf("/")) : "");
/** A layer, or a folder of one. */
const inBrowser = (file) => BROWSER.some((folder) => file.startsWith(`${folder}/`));
const isNode = (specifier) => specifier.startsWith("node:") || BUILT_IN.has(specifier);
const packageOf = (specifier) =>
  specifier.startsWith("node:")
    ? specifier
    : specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");

/** Why `from` may not import `to` (two layers), or undefined. */
function direction(from, to, kind) {
  if (to === "") return "nothing in src imports a file of src itself: import the folder that has it";
  if (from === "" || from === to) return undefined;
  if (to === "testing") return "testing is for tests: nothing in src imports it";
  if (from === "testing") {
    if (TESTING[kind === "type" ? "types" : "values"].includes(to)) return undefined;
    return TESTING.types.includes(to)
      ? `testing may import only types of ${to}: use "import type"`
      : `testing may import ${TESTING.types.join(", ")}`;
  }
  if (RANK.get(from) > RANK.get(to)) return undefined;
  return RANK.get(from) === RANK.get(to)
    ? `${from} and ${to} are neighbours: what both need belongs in a layer below`
    : `${to} is above ${from}: an import may only point down`;
}

/** The files that `start` loads, each with the path of imports that leads to it. */
function reach(start, graph) {
  const trails = new Map([[start, [start]]]);
  for (const [file, trail] of trails) {
    for (const edge of graph.get(file) ?? []) {
      if (edge.kind !== "static" || trails.has(edge.target)) continue;
      trails.set(edge.target, [...trail, edge.target]);
    }
  }
  return trails;
}

/** All that is wrong in a source folder, one line each. */
function checkLayers(src) {
  const problems = [];
  const files = readdirSync(src, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => /\.tsx?$/.test(file))
    .sort();
  /** @type {Map<string, { target: string, kind: string }[]>} */
  const graph = new Map();

  for (const file of files) {
    const from = layerOf(file);
    if (from !== "" && from !== "testing" && !RANK.has(from)) {
      problems.push(`src/${file}: "${from}" is no layer: give it its place in scripts/lib/layer-rules.mjs`);
      continue;
    }
    const edges = [];
    graph.set(file, edges);
    for (const { specifier, line, kind } of importsOf(join(src, file))) {
      const wrong = (why) => problems.push(`src/${file}:${line}: imports ${specifier}: ${why}`);
      if (!specifier.startsWith(".")) {
        edges.push({ target: specifier, kind });
        const home = DRIVERS[packageOf(specifier)];
        if (home && !file.startsWith(`${home}/`)) wrong(`only src/${home} may name it`);
        if (packageOf(specifier) === "holdpoint") wrong("within src, import the file");
        if (specifier.startsWith("@langchain/") && WITHOUT_LANGCHAIN.includes(from))
          wrong(`${from} works without LangChain`);
        if (isNode(specifier) && !specifier.startsWith("node:")) wrong(`write node:${specifier}`);
        continue;
      }
      const target = relative(src, resolve(src, dirname(file), specifier))
        .split(sep)
        .join("/");
      if (target.startsWith("..")) wrong("it is outside of src");
      else if (!existsSync(join(src, target)) || !/\.tsx?$/.test(target))
        wrong("there is no such file (write the .ts)");
      else {
        edges.push({ target, kind });
        const why = direction(from, layerOf(target), kind);
        if (why) wrong(why);
      }
    }
  }

  const say = (trail) => trail.map((step) => (graph.has(step) ? `src/${step}` : step)).join(" → ");
  for (const entry of DRIVER_FREE.filter((file) => graph.has(file))) {
    for (const [target, trail] of reach(entry, graph)) {
      const folder = DRIVER_FOLDERS.find((name) => target.startsWith(`${name}/`));
      const driver = folder ? `src/${folder}` : DRIVERS[packageOf(target)] && packageOf(target);
      const first = trail.findIndex((step) => DRIVER_FOLDERS.some((name) => step.startsWith(`${name}/`)));
      // One report for each way into a driver's folder, not one for each file behind it.
      if (driver && (first < 0 || first === trail.length - 1)) {
        problems.push(
          `src/${entry} reaches ${driver}, which users of this entry may not have: ${say(trail)}`,
        );
      }
    }
  }
  for (const file of files.filter(inBrowser)) {
    for (const [target, trail] of reach(file, graph)) {
      // A longer trail through the same layer is reported where it leaves it.
      if (!isNode(target) || (trail.length > 2 && inBrowser(trail[1]))) continue;
      problems.push(`src/${file} runs in a browser, but loads ${target}: ${say(trail)}`);
    }
  }
  return problems;
}

const problems = checkLayers(process.argv[2] ?? join(root, "src"));
for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error(
    `\n${problems.length} imports break the layers. ARCHITECTURE.md says what each layer is for.`,
  );
  process.exitCode = 1;
}
