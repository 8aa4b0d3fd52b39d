/**
 * Tidies a folder with an agent that asks before it changes anything. `npm start -- --help` says what it can do,
 * README.md beside this file how it is made.
 */
import { visibleLines } from "holdpoint/blocks";
import { EXIT, UnansweredError, UsageError } from "./exit.ts";
import { HELP, parseOptions } from "./options.ts";

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, process.env);
  if (options.help) {
    console.log(HELP);
    return EXIT.done;
  }
  // Loaded late: LangGraph takes its time, and help should not.
  const { start } = await import("./session.ts");
  if (!options.json) return start(options, process.stdout);
  return start(options, process.stderr, (event) => console.log(JSON.stringify(event)));
}

// What is at work is as safe as with kill -9; the difference is a word of farewell.
process.once("SIGINT", () => {
  console.error("\nInterrupted. Start it again, and it goes on where it was.");
  process.exit(EXIT.interrupted);
});

// Whoever read the output has gone (`| head`): nobody would see the next question.
process.stdout.on("error", () => process.exit(EXIT.interrupted));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { message, stack } = error as Error;
  if (error instanceof UsageError) {
    console.error(`${message}\nTry --help.`);
    process.exitCode = EXIT.usage;
  } else if (error instanceof UnansweredError) {
    console.error(`${message}\nThe question stays open; nothing that was done is lost.`);
    process.exitCode = EXIT.unanswered;
  } else {
    for (const line of visibleLines(stack ?? message)) console.error(line);
    console.error("It failed. What was done is kept; start it again to go on.");
    process.exitCode = EXIT.failed;
  }
}
