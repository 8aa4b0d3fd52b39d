/**
 * The TypeScript blocks of the documents, and the @example blocks of the sources.
 *
 * Each block of a document is a module of its own that is type-checked and run. A comment before the block says
 * more, and nobody sees it on the rendered page:
 *
 *   <!-- check: types -->          only type-checked: the block needs what the reader has
 *   <!-- check: needs=redis -->    run with REDIS_URL
 *   <!-- check: name=x -->         names it in the report
 *   <!-- check: then … -->         code that is run after the block, in the same module
 *
 * `// prints: x` says that x is printed, in this order. A block that says so has to print exactly that;
 * "a, b" stands for two lines if the line itself runs twice.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

export interface Block {
  readonly name: string;
  /** `README.md:12`: where the code begins. */
  readonly where: string;
  readonly file: string;
  readonly line: number;
  readonly code: string;
  readonly run: boolean;
  readonly needsRedis: boolean;
  readonly prints: readonly string[];
}

export const PAGES: readonly string[] = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

const BLOCK = /(?:<!-- check:([\s\S]*?)-->\n)?^```ts\n([\s\S]*?)^```$/gm;

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function printsOf(code: string): string[] {
  return [...code.matchAll(/\/\/ prints: (.*)$/gm)].flatMap(([, text = ""]) => text.trim());
}

/** All blocks of a page that say `ts`. @throws Error for a comment that it does not understand */
export function blocksOf(file: string): Block[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(BLOCK)].map((match, index) => {
    const [whole, directive = "", code = ""] = match;
    const line = lineOf(text, (match.index as number) + whole.indexOf("```ts")) + 1;
    const [head = "", ...then] = directive.trim().startsWith("then")
      ? ["then", directive.trim().slice("then".length)]
      : [directive.trim()];
    const known = /^(then|types|needs=redis|name=(.+))?$/.exec(head);
    if (!known) throw new Error(`${file}:${line}: there is no check "${head}"`);
    return {
      name: `${file.replace(/\W+/g, "-")}-${known[2] ?? index + 1}`,
      where: `${file}:${line}`,
      file,
      line,
      code: `${code}${then.join("")}\n`,
      run: head !== "types",
      needsRedis: head === "needs=redis",
      prints: printsOf(`${code}${then.join("")}`),
    };
  });
}

/** The first block after each @example of the sources. */
export function examplesOf(file: string): Block[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/@example\n \* ```ts\n([\s\S]*?) \* ```/g)].map((match, index) => ({
    name: `${file.replace(/\W+/g, "-")}-${index + 1}`,
    where: `${file}:${lineOf(text, match.index as number)}`,
    file,
    line: lineOf(text, match.index as number) + 2,
    code: (match[1] ?? "").replaceAll(/^ \* ?/gm, ""),
    run: false,
    needsRedis: false,
    prints: [],
  }));
}

export function sources(): string[] {
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => `src/${name.replaceAll("\\", "/")}`)
    .sort();
}
