// `npm run faults -- …`: sets up the servers, then runs test/faults/main.ts with the same arguments.
import { main, endLike, run } from "./lib/run.mjs";
import { setup } from "./setup.mjs";

await main(async () => {
  await setup({ servers: true });
  const args = ["--import", "tsx", "test/faults/main.ts", ...process.argv.slice(2)];
  endLike(await run(process.execPath, args));
});
