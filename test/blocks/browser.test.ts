/** The layer as a page has it: bundled, and run without anything of Node. */
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const entry = fileURLToPath(new URL("../../src/blocks/index.ts", import.meta.url));

async function bundled(code: string): Promise<{ text: string; inputs: string[] }> {
  const contents = code.replace("holdpoint/blocks", entry.replaceAll("\\", "/"));
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL("../..", import.meta.url)) },
    bundle: true,
    format: "iife",
    globalName: "page",
    platform: "browser",
    minify: true,
    metafile: true,
    write: false,
  });
  const [output] = Object.values(metafile.outputs);
  const shipped = Object.entries(output?.inputs ?? {})
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => path);
  return { text: outputFiles[0]?.text ?? "", inputs: shipped };
}

const code = `
  import { applyBlockEvent, createBlockStore, decodeSse, encodeSse, openQuestions, renderBlockText } from "holdpoint/blocks";
  export async function main() {
    const store = createBlockStore();
    const data = { hitl_type: "confirm", status: "pending", message: "Go on?" };
    const event = { block_id: "b", kind: "hitl", persistence: "persistent", op: "apply", data };
    for await (const one of decodeSse((async function* () { yield encodeSse(event); })())) store.dispatch(one);
    const state = store.getSnapshot();
    return [openQuestions(state).length, applyBlockEvent(state, event).size, renderBlockText(state, { plain: true })];
  }`;

describe("in a browser", () => {
  it("a page that reads and draws blocks loads neither Node, nor LangChain, nor zod, and runs", async () => {
    const { text, inputs } = await bundled(code);
    expect(inputs.filter((path) => /node_modules\/(zod|@langchain|langchain|nanoid)\//.test(path))).toEqual(
      [],
    );
    // 24.5 kB when this was written.
    expect(text.length).toBeLessThan(30_000);
    const context = createContext({ TextDecoder, TextEncoder });
    runInContext(text, context);
    const found: unknown = await runInContext("page.main()", context);
    expect(JSON.parse(JSON.stringify(found))).toEqual([1, 1, "? hitl - confirm - pending\n| Go on?"]);
  });
});
