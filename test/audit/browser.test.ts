/** The verifier as a page has it: bundled, and run without anything of Node. */
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { change, put, SALT, site } from "./kit.ts";

const entry = fileURLToPath(new URL("../../src/audit/verify/index.ts", import.meta.url));
const code = `
  import { isRedacted, verifyAudit, verifyAuditLines } from ${JSON.stringify(entry)};
  export async function main(text, salt) {
    const trail = JSON.parse(text);
    const { problems, record } = await verifyAudit(trail);
    const edited = await verifyAudit({ ...trail, events: trail.events.slice(1) });
    const lines = await verifyAuditLines(trail.events.map((event) => JSON.stringify(event)), { partial: true });
    const equal = await isRedacted(trail.events[0].data.pin, "1234", salt);
    return JSON.stringify([problems, record, edited.ok, lines.ok, equal]);
  }`;

describe("in a browser", () => {
  it("a trail verifies with WebCrypto alone, and what checks it loads neither Node nor zod", async () => {
    const { outputFiles, metafile } = await build({
      stdin: { contents: code, resolveDir: fileURLToPath(new URL("../..", import.meta.url)) },
      bundle: true,
      format: "iife",
      globalName: "page",
      platform: "browser",
      minify: true,
      metafile: true,
      write: false,
    });
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.filter((path) => /node_modules\/(zod|@langchain|langchain|nanoid)\//.test(path))).toEqual(
      [],
    );
    const text = outputFiles[0]?.text ?? "";
    // 14.0 kB when this was written.
    expect(text.length).toBeLessThan(18_000);

    const own = site({ redact: { paths: ["data.pin"] }, salt: SALT });
    await put(own.store, 1, { value: { n: 1 } }, { type: "made", data: { pin: "1234", "10": 0.1 } });
    await change(own.store, 1, { patch: { status: "done" }, event: { type: "é", reason: "\u2028" } });
    const context = createContext({ TextDecoder, TextEncoder, crypto: globalThis.crypto });
    runInContext(text, context);
    const given = JSON.stringify([JSON.stringify(await own.trail()), SALT]).slice(1, -1);
    const found: unknown = await runInContext(`page.main(${given})`, context);
    expect(JSON.parse(String(found))).toEqual([[], "event", false, true, true]);
  });
});
