// Builds dist, always. `node scripts/setup.mjs --build` does it only if the sources have changed.
import { build } from "./lib/dist.mjs";
import { withLock } from "./lib/lock.mjs";
import { main } from "./lib/run.mjs";

await main(() => withLock(build, 600_000));
