// Everything that CI asks for, in one command. Stops at the first step that fails.
import { main, duration, npmCommand, run, Stop } from "./lib/run.mjs";

const STEPS = [
  ["setup", "packages, servers and dist are there"],
  ["lock:check", "package-lock.json serves every platform and no particular registry"],
  ["embed:check", "the generated modules are what the .sql and .lua files give"],
  ["format:check", "biome would change nothing"],
  ["lint", "oxlint, with types, has nothing to say"],
  ["types", "sources, tests, examples, benchmarks and scripts compile"],
  ["layers", "imports point down, drivers stay in their folders"],
  ["build", "dist from src"],
  ["knip", "no unused file, export or dependency"],
  ["publint", "package.json fits the files"],
  ["attw", "the types resolve for every kind of user"],
  ["package:check", "the tarball, installed in an empty project, is as it should be"],
  ["docs", "the API pages can be written, every link in them leads somewhere"],
  ["test", "all tests"],
];

const HELP = `Usage: npm run verify -- [--except step,…] [--only step,…] [--list]

Runs, in this order: ${STEPS.map(([name]) => name).join(", ")}.
  --except   leaves out these steps
  --only     runs only these steps
  --list     says what each step checks`;

/** The steps named after `flag`; a name that there is not is an error, else a typo would skip a check. */
function namesAfter(args, flag) {
  const at = args.findIndex((arg) => arg === flag || arg.startsWith(`${flag}=`));
  if (at < 0) return undefined;
  const [given] =
    args[at] === flag ? args.splice(at, 2).slice(1) : [args.splice(at, 1)[0].slice(flag.length + 1)];
  const names = (given ?? "").split(",").filter(Boolean);
  const unknown = names.find((name) => !STEPS.some(([step]) => step === name));
  if (names.length === 0 || unknown)
    throw new Stop(`${flag}: ${unknown ? `there is no step ${unknown}` : "names a step"}\n\n${HELP}`);
  return names;
}

await main(async () => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) return console.log(HELP);
  if (args.includes("--list"))
    return console.log(STEPS.map(([name, what]) => `${name.padEnd(15)}${what}`).join("\n"));
  const except = namesAfter(args, "--except") ?? [];
  const only = namesAfter(args, "--only");
  if (args.length > 0) throw new Stop(`Unknown argument ${args[0]}\n\n${HELP}`);
  const steps = STEPS.filter(([name]) => !except.includes(name) && (only?.includes(name) ?? true));

  const npm = npmCommand();
  const started = Date.now();
  for (const [i, [name, what]] of steps.entries()) {
    console.log(`\n[${i + 1}/${steps.length}] ${name}: ${what}`);
    const begun = Date.now();
    const result = await run(npm.command, [...npm.args, "run", "--silent", name], { shell: npm.shell });
    if (result.code !== 0) {
      throw new Stop(
        `\nverify: ${name} failed after ${duration(Date.now() - begun)}. To repeat it: npm run ${name}`,
      );
    }
    console.log(`[${i + 1}/${steps.length}] ${name}: ok, ${duration(Date.now() - begun)}`);
  }
  console.log(`\nverify: ${steps.length} steps ok in ${duration(Date.now() - started)}`);
});
