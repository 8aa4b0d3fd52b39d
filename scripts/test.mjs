// `npm test -- …`: sets up a fresh clone, servers and browser included, then runs vitest once with the same arguments.
import { join } from "node:path";
import { root } from "./lib/root.mjs";
import { endLike, main, run } from "./lib/run.mjs";
import { setup } from "./setup.mjs";

await main(async () => {
  await setup({ servers: true, browser: true });
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  endLike(await run(process.execPath, [vitest, "run", ...process.argv.slice(2)]));
});
