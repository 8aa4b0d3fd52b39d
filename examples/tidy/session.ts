/** One start of the program: who answers, which folder, which run of it, and what to say at the end. */
import { randomUUID } from "node:crypto";
import { realpath } from "node:fs/promises";
import type { BaseMessage } from "@langchain/core/messages";
import { type BlockEvent, blockIdOf, hitlBlock, recordedEvents, textDelta } from "holdpoint/blocks";
import { tidyAgent, tidyTools } from "./agent.ts";
import { type Answerer, nobody, readAnswers, scriptedAnswerer } from "./answerer.ts";
import { drive } from "./drive.ts";
import { EXIT, UsageError } from "./exit.ts";
import { modelPlanner } from "./model-planner.ts";
import type { Options } from "./options.ts";
import { stats } from "./paths.ts";
import { planByRules } from "./planner.ts";
import { count, formatBytes, visible, visibleLines } from "./safe-text.ts";
import { makeSample, removeSample, SAMPLE_LARGE_BYTES } from "./sample.ts";
import { oneLine } from "./show-question.ts";
import { openRecords, openState, readRun, type Run, type State, writeRun } from "./state-folder.ts";
import { effectLine, summaryLines } from "./summary.ts";
import { readTerminal, terminalAnswerer } from "./terminal-answerer.ts";
import type { Say } from "./read-answer.ts";

const LARGE_BYTES = 100_000_000;
const STALE_DAYS = 1000;
const DAY_MS = 86_400_000;

/**
 * Runs the program, and returns its exit code.
 *
 * @param onBlock - told of each question and each call of a tool, for a user interface
 */
export async function start(
  options: Options,
  say: Say,
  onBlock?: (event: BlockEvent) => void,
): Promise<number> {
  if (options.list) return list(options, say, onBlock);
  // Before anything is made or opened: a bad file of answers is found out at once.
  const answerer = await answererFor(options, say);
  const state = await openState(options.state, options);
  if (!state) {
    say(`Another process is at work with ${visible(options.state)}. Wait for it, or use another --state.`);
    return EXIT.busy;
  }
  try {
    return await tidy(options, state, answerer, say, onBlock);
  } finally {
    await state.close();
  }
}

async function list(options: Options, say: Say, onBlock?: (event: BlockEvent) => void): Promise<number> {
  const backend = openRecords(options.state);
  const { items = [], next_cursor } = (await backend?.list({ status: "pending", limit: 100 })) ?? {};
  await backend?.close();
  say(
    `${count(items.length, "question is", "questions are")} open${next_cursor === undefined ? "" : ", and more"}.`,
  );
  for (const record of items) {
    say(`  ${oneLine(record)}`);
    onBlock?.(hitlBlock(record));
  }
  return EXIT.done;
}

async function answererFor(options: Options, say: Say): Promise<Answerer> {
  const answers = options.answers === undefined ? [] : await readAnswers(options.answers);
  if (options.answers !== undefined || options.fallback)
    return scriptedAnswerer(answers, options.fallback, say);
  return process.stdin.isTTY ? terminalAnswerer(readTerminal, say) : nobody;
}

async function tidy(
  options: Options,
  state: State,
  answerer: Answerer,
  say: Say,
  onBlock?: (event: BlockEvent) => void,
): Promise<number> {
  const folder = await folderOf(options);
  const { run, resumed } = await runOf(options, folder);
  say(`${resumed ? "Going on with" : "Tidying"} ${visible(folder)}`);
  say(
    `Large: from ${formatBytes(run.largeBytes)}; stale: unchanged for ${run.staleDays} days. Nothing changes without your answer.`,
  );
  if (resumed && (options.largeBytes ?? options.staleDays) !== undefined) {
    say("--large-mb and --stale-days are for the next run: this one has begun with its own.");
  }

  const tools = tidyTools({
    root: folder,
    run: new Date(run.started_at).toISOString().replaceAll(/[:.]/g, "-"),
    largeBytes: run.largeBytes,
    staleBefore: run.started_at - run.staleDays * DAY_MS,
    onEffect: (effect) => say(`  ${effectLine(effect)}`),
  });
  const planner = (options.offline ? null : await modelPlanner(tools, process.env, say)) ?? planByRules;
  const agent = tidyAgent(tools, planner, state.backend, state.checkpointer);
  const { thread_id } = run;
  if (onBlock && resumed) {
    // Whoever watches this process has not seen the one before.
    for await (const event of recordedEvents(state.backend, { session_id: thread_id })) onBlock(event);
  }
  const driven = await drive({
    agent,
    backend: state.backend,
    thread_id,
    request: `Tidy the folder ${folder}.`,
    answerer,
    say,
    onBlock,
  });

  say("");
  if (driven.status === "open") {
    // No summary yet: what a step has done is in the messages when all of its questions are answered.
    say(`${count(driven.open.length, "question is", "questions are")} open:`);
    for (const record of driven.open) say(`  ${oneLine(record)}`);
    const how = answerer === nobody ? " in a terminal, or with --yes, --no or --answers FILE" : "";
    say(`Start it again${how}, and it goes on here.`);
    return EXIT.open;
  }
  const { values } = await agent.getState({ configurable: { thread_id } });
  const { messages } = values as { messages: BaseMessage[] };
  const content = messages.at(-1)?.text ?? "";
  for (const line of visibleLines(content)) say(line);
  onBlock?.(
    textDelta({ block_id: blockIdOf(`${thread_id}.done`), index: 0, content }, { session_id: thread_id }),
  );
  for (const line of summaryLines(messages)) say(line);
  await writeRun(options.state, { ...run, reported: true });
  return EXIT.done;
}

async function folderOf(options: Options): Promise<string> {
  if (options.path === undefined) {
    if (options.reset) await removeSample(options.state);
    return realpath(await makeSample(options.state));
  }
  // A link that the user names himself is the folder that he means; below it none is followed.
  const path = await realpath(options.path).catch(() => options.path as string);
  if ((await stats(path))?.isDirectory()) return path;
  throw new UsageError(`${visible(options.path)} is no folder.`);
}

/** The run that is under way in this folder, or a new one. It is noted before the first message is. */
async function runOf(options: Options, folder: string): Promise<{ run: Run; resumed: boolean }> {
  const known = await readRun(options.state, folder);
  if (known && !known.reported) return { run: known, resumed: true };
  const run: Run = {
    thread_id: `tidy-${randomUUID()}`,
    folder,
    started_at: Date.now(),
    largeBytes: options.largeBytes ?? (options.path === undefined ? SAMPLE_LARGE_BYTES : LARGE_BYTES),
    staleDays: options.staleDays ?? STALE_DAYS,
    reported: false,
  };
  await writeRun(options.state, run);
  return { run, resumed: false };
}
