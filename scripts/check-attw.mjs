// Are the types wrong? Asks attw about the tarball. Packed into a temporary folder, because `attw --pack .` writes
// the tarball into the project and deletes one of the same name that was there.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./lib/root.mjs";
import { main, Stop } from "./lib/run.mjs";
import { pack, temporaryFolder } from "./package/pack.mjs";

await main(async () => {
  const tarball = await pack(temporaryFolder());
  const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
  const args = [attw, tarball, "--profile", "esm-only", "--format", "ascii", "--no-emoji"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  // Its report is long and interesting only when it has found something.
  if (status !== 0) throw new Stop(`${stdout}${stderr}`);
});
