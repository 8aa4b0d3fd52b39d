/** The components in docs/react.md and in the examples of the sources compile. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ENGLISH } from "holdpoint/react";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const page = read("docs/react.md");
const sources = readdirSync(join(root, "src/react"), { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => read(`src/react/${name}`));

const blocks = [
  ...[...page.matchAll(/^```tsx\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code),
  ...sources.flatMap((text) =>
    [...text.matchAll(/ \* ```tsx\n([\s\S]*?) \* ```/g)].map(([, code = ""]) =>
      code.replaceAll(/^ \* ?/gm, ""),
    ),
  ),
];

let folder = "";

beforeAll(() => {
  // Inside of the project, so that imports find its packages; `.holdpoint` is ignored by git.
  mkdirSync(join(root, ".holdpoint"), { recursive: true });
  folder = mkdtempSync(join(root, ".holdpoint", "react-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("every component in the documents compiles, as in a reader's own project", () => {
  expect(blocks.length).toBeGreaterThan(4);
  for (const [index, code] of blocks.entries())
    writeFileSync(join(folder, `block-${index}.tsx`), `${code}\nexport {};\n`);
  // If the compiler did not look, nobody would notice that it finds nothing.
  writeFileSync(
    join(folder, "canary.tsx"),
    'import { HitlBlock } from "holdpoint/react";\nexport const wrong = <HitlBlock />;\n',
  );
  const compilerOptions = {
    types: [],
    noPropertyAccessFromIndexSignature: false,
    paths: { holdpoint: [join(root, "src/index.ts")], "holdpoint/*": [join(root, "src/*/index.ts")] },
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.browser.json"), compilerOptions, include: ["."] }),
  );
  const tsc = createRequire(import.meta.url).resolve("typescript/lib/tsc.js");
  const { stdout } = spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], {
    cwd: root,
    encoding: "utf8",
  });
  const own = stdout.split("\n").filter((line) => line.includes("react-"));
  expect(own.filter((line) => !line.includes("canary"))).toEqual([]);
  expect(own.join()).toContain("canary.tsx(2,");
}, 120_000);

it("docs/react.md names only class names, attributes and texts that there are", () => {
  const code = sources.join("\n");
  const [, looks = ""] = page.split("## Looks and words");
  const section = looks.split("\n## ")[0] ?? "";
  const names = [...section.matchAll(/`(-[\w-]+)`/g)].map(([, tail = ""]) => `holdpoint${tail}`);
  const attributes = [...section.matchAll(/`(data-[\w-]+)`/g)].map(([, name = ""]) => name);
  expect(names.length + attributes.length).toBeGreaterThan(20);
  for (const name of [...names, ...attributes]) expect(code, name).toContain(name);
  for (const words of ["Yes, go on", "I have given access", "Refuse access"]) {
    expect(Object.values(ENGLISH)).toContain(words);
    expect(page).toContain(words);
  }
});
