/** The documents say what the sources say: error codes, fields, layers, subpaths, links. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { ERROR_CODES, HITL_STATUSES, HITL_TYPES, HITLRecordSchema } from "holdpoint";
import { describe, expect, it } from "vitest";
import { HELP, SECTIONS } from "../../bench/options.ts";
import { KEY_NAMES } from "../../src/backends/record-store.ts";
import { CALL_STATUSES } from "../../src/core/states.ts";
import { PAGES, root } from "./blocks.ts";

const read = (file: string): string => readFileSync(join(root, file), "utf8");
const DOCUMENTS = [
  ...PAGES,
  "ARCHITECTURE.md",
  "PROTOCOL.md",
  "CONTRIBUTING.md",
  "AGENTS.md",
  "SECURITY.md",
  "CHANGELOG.md",
];

const withoutCode = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, "");
const protocol = read("PROTOCOL.md");

/** The text of `## n …`, without the next section. */
function section(number: number): string {
  return protocol.split(/^## /m).find((text) => text.startsWith(`${number} `)) ?? "";
}

/** The first column of the tables in a text, where it is code. */
const firstColumn = (text: string): string[] =>
  [...text.matchAll(/^\| (`[^|]*`) *\|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  );

describe("PROTOCOL.md", () => {
  it("has every error code, and no other", () => {
    expect(firstColumn(section(15)).toSorted()).toEqual([...ERROR_CODES].toSorted());
  });

  it("has every field of the record, and no other", () => {
    const fields = firstColumn(section(2).split("### 2.2")[0] ?? "");
    expect(fields.toSorted()).toEqual(Object.keys(HITLRecordSchema.shape).toSorted());
  });

  it("has every named type, status and index key", () => {
    expect(firstColumn(section(3))).toEqual(expect.arrayContaining([...HITL_TYPES]));
    for (const status of HITL_STATUSES) expect(section(4)).toContain(`\`${status}\``);
    for (const status of CALL_STATUSES) expect(section(8)).toContain(`\`${status}\``);
    for (const key of KEY_NAMES) expect(section(12)).toContain(`\`${key}\``);
  });

  it("has sections in order, and the contents name each", () => {
    const titles = [...protocol.matchAll(/^## (\d+) (.*)$/gm)].map(
      ([, number, title]) => `${number} ${title}`,
    );
    expect(titles.map((title) => Number.parseInt(title, 10))).toEqual(titles.map((_, index) => index + 1));
    const contents = [...protocol.matchAll(/\[(\d+ [^\]]+)\]\(#/g)].map(([, title]) => title);
    expect(contents).toEqual(titles);
  });
});

it("ARCHITECTURE.md has the layers that are checked, in their order", async () => {
  const rules = pathToFileURL(join(root, "scripts/lib/layer-rules.mjs")).href;
  const { LAYERS } = (await import(rules)) as { LAYERS: string[][] };
  const [, table = ""] = read("ARCHITECTURE.md").split("## Layers");
  const rows = [...(table.split("\n## ")[0] ?? "").matchAll(/^\| ([*_]?`.*?) *\|/gm)].map(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  expect(rows).toEqual(LAYERS);
});

it("ARCHITECTURE.md names only files that there are", () => {
  const named = [
    ...read("ARCHITECTURE.md").matchAll(/`((?:src|core|backends|suspend|nodes|scripts)\/[\w/.-]+)`/g),
  ];
  expect(named.length).toBeGreaterThan(10);
  for (const [, path = ""] of named) {
    const found = existsSync(join(root, path)) || existsSync(join(root, "src", path));
    expect(found, path).toBe(true);
  }
});

it("the README names every subpath of the package", () => {
  const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, unknown> };
  for (const subpath of Object.keys(exports).filter((name) => name !== "./package.json"))
    expect(read("README.md")).toContain(`holdpoint${subpath.slice(1)}`);
});

it("the README says which versions it works with, as package.json does", () => {
  const manifest = JSON.parse(read("package.json")) as {
    peerDependencies: Record<string, string>;
    devDependencies: Record<string, string>;
    engines: { node: string };
  };
  const readme = read("README.md");
  const row = (name: string): string =>
    readme.split("\n").find((line) => line.startsWith(`| ${name}`) && line.includes("`^")) ?? "";
  for (const name of ["@langchain/langgraph", "@langchain/core", "zod", "better-sqlite3", "ioredis"]) {
    for (const range of (manifest.peerDependencies[name] ?? "").split(" || "))
      expect(row(`\`${name}\``), name).toContain(range);
  }
  expect(readme).toContain(`developed on ${manifest.devDependencies["@langchain/langgraph"]}`);
  expect(readme.replaceAll(/ +/g, " ")).toContain(
    `| Node | ${manifest.engines.node.replace(">=", "")} or newer |`,
  );
});

/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-");

const anchorsOf = (file: string): string[] =>
  [...withoutCode(read(file)).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));

describe.each(DOCUMENTS)("%s", (file) => {
  const text = withoutCode(read(file));

  it("links to what there is", () => {
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const linked = path === "" ? file : relative(root, join(root, dirname(file), path));
      expect(existsSync(join(root, linked)), `${file} → ${target}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(linked), `${file} → ${target}`).toContain(anchor);
    }
  });

  it("names only public hosts, and no machine's paths", () => {
    const hosts = [...read(file).matchAll(/https?:\/\/([\w.-]+)/g)].map(([, host]) => host);
    const known = ["github.com", "keepachangelog.com", "semver.org", "auth.example.com"];
    expect(hosts.filter((host) => !known.includes(host ?? ""))).toEqual([]);
    expect(read(file)).not.toMatch(/\/(home|root|Users|work)\//);
  });

  it("names only scripts of package.json", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    for (const [, name = ""] of read(file).matchAll(/npm run ([\w:]+)/g))
      expect(scripts).toHaveProperty([name]);
  });
});

it("every error code that a document names is one", () => {
  for (const file of DOCUMENTS)
    for (const [code] of read(file).matchAll(/ERR_HITL_[A-Z_]*[A-Z]/g))
      expect(ERROR_CODES, file).toContain(code);
});

describe("docs/bench.md", () => {
  const options = (text: string): Set<string> => new Set(text.match(/--[a-z]+(-[a-z]+)*/g));

  it("names every option of the benchmark, and no other", () => {
    const page = read("docs/bench.md").replaceAll(/^\| -.*$/gm, "");
    expect(options(page)).toEqual(options(HELP));
  });

  it("describes every section", () => {
    for (const name of SECTIONS) expect(read("docs/bench.md")).toContain(`### \`${name}\``);
  });
});
