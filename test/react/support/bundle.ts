/** Pages for the tests, bundled as an application would bundle them. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The JavaScript of `<folder>/<page>.tsx`, with React as developers run it: it warns of what is wrong. */
export async function bundlePage(page: string, folder = "test/react/pages"): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`${folder}/${page}.tsx`],
    // `holdpoint/react` means the sources, by the `paths` in it.
    tsconfig: "tsconfig.json",
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2023",
    define: { "process.env.NODE_ENV": '"development"' },
    write: false,
    logLevel: "error",
  });
  const [file] = outputFiles;
  if (!file) throw new Error(`esbuild made nothing of ${page}.`);
  return file.text;
}
