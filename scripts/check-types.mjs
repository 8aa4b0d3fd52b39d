// Type-checks everything that is not emitted, two compilers at a time.
import { join } from "node:path";
import { root } from "./lib/root.mjs";
import { main, run, Stop } from "./lib/run.mjs";

const PROJECTS = [
  ["tsconfig.json", "sources, tests, examples, benchmarks"],
  ["tsconfig.browser.json", "what runs in a browser, without Node's types"],
  ["tsconfig.scripts.json", "the build scripts"],
];

await main(async () => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const [first, ...rest] = PROJECTS.map(([project, what]) => async () => {
    const { code } = await run(process.execPath, [
      tsc,
      "-p",
      project,
      "--pretty",
      String(process.stdout.isTTY ?? false),
    ]);
    return code === 0 ? [] : [`${project} (${what})`];
  });
  const small = async () => {
    const failed = [];
    for (const check of rest) failed.push(...(await check()));
    return failed;
  };
  const failed = (await Promise.all([first(), small()])).flat();
  if (failed.length > 0) throw new Stop(`\nTypes are wrong in ${failed.join(" and ")}.`);
});
