// `npm start -- …`: sets up a fresh clone, then runs the tidy example with the same arguments, signals and exit code.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./lib/root.mjs";
import { endLike, main, run, Stop } from "./lib/run.mjs";
import { setup } from "./setup.mjs";

await main(async () => {
  await setup();
  const example = join(root, "examples/tidy/main.ts");
  if (!existsSync(example)) throw new Stop(`holdpoint: there is no ${example}.`);
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  endLike(await run(process.execPath, ["--import", tsx, example, ...process.argv.slice(2)]));
});
