/** A source file as a mutant has it. The file itself is never written. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Plugin } from "esbuild";
import { root } from "../support/program.ts";
import type { Mutant } from "./mutants.ts";

export interface Patched {
  /** Absolute: what has other contents. */
  readonly path: string;
  readonly contents: string;
}

function replaceAll(text: string, { name, find, replace }: Mutant): string {
  const replaced = text.replaceAll(find, replace);
  if (replaced === text) throw new Error(`The mutant "${name}" does not fit its file any more.`);
  return replaced;
}

/** @throws Error if the text that the mutant takes out is not there any more */
export async function patchedSource(mutant: Mutant): Promise<Patched> {
  const path = join(root, "src", mutant.file);
  if (!path.endsWith(".lua")) return { path, contents: replaceAll(readFileSync(path, "utf8"), mutant) };
  // Sent to the server as it is, and known there by its hash.
  const module = join(dirname(dirname(path)), "scripts.generated.ts");
  const { SCRIPTS } = (await import(module)) as {
    SCRIPTS: Readonly<Record<string, { readonly name: string; readonly source: string }>>;
  };
  const name = mutant.file
    .replace(/^.*\/|\.lua$/g, "")
    .replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const scripts = Object.values(SCRIPTS).map((script) => {
    const source = script.name === name ? replaceAll(script.source, mutant) : script.source;
    return [
      script.name,
      { name: script.name, source, sha1: createHash("sha1").update(source).digest("hex") },
    ];
  });
  const text = JSON.stringify(Object.fromEntries(scripts));
  return { path: module, contents: `export const SCRIPTS = ${text};\nexport {};\n` };
}

export function patching({ path, contents }: Patched): Plugin {
  return {
    name: "mutant",
    setup: (build) => {
      build.onLoad({ filter: /\.ts$/ }, (file) =>
        file.path === path ? { contents, loader: "ts" } : undefined,
      );
    },
  };
}
