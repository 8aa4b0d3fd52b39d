/** One start of the program: who answers, which folder, which run of it, and what to say at the end. */
import { randomUUID } from "node:crypto";
import { realpath } from "node:fs/promises";
import type { BaseMessage } from "@langchain/core/messages";
import type { HITLBackend } from "holdpoint";
import {
  type BlockEvent,
  blockIdOf,
  hitlBlock,
  recordedEvents,
  textDelta,
  visible,
  visibleLines,
} from "holdpoint/blocks";
import { tidyAgent, tidyTools } from "./agent.ts";
import { Approvals } from "./approvals.ts";
import { type Answerer, nobody, readAnswers, scriptedAnswerer } from "./answerer.ts";
import { drive } from "./drive.ts";
import { EXIT, UsageError } from "./exit.ts";
import { count, formatBytes } from "./format.ts";
import { modelPlanner } from "./model-planner.ts";
import { oneLine } from "./one-line.ts";
import type { Options } from "./options.ts";
import { stats } from "./paths.ts";
import { planByRules } from "./planner.ts";
import type { Say } from "./read-answer.ts";
import { makeSample, removeSample, SAMPLE_LARGE_BYTES } from "./sample.ts";
import { createScreen, renderOptionsFor, type Screen } from "./screen.ts";
import {
  openRecords,
  openState,
  readRun,
  type Run,
  RUN_VERSION,
  type State,
  writeRun,
} from "./state-folder.ts";
import { effectLine, summaryLines } from "./summary.ts";
import { readTerminal, terminalAnswerer } from "./terminal-answerer.ts";

const LARGE_BYTES = 100_000_000;
const STALE_DAYS = 1000;
const DAY_MS = 86_400_000;

type OnBlock = (event: BlockEvent) => void;

/**
 * Runs the program, and returns its exit code.
 *
 * @param output - where people read
 * @param onBlock - told of each question and each call of a tool, for another program
 */
export async function start(
  options: Options,
  output: NodeJS.WriteStream,
  onBlock?: OnBlock,
): Promise<number> {
  const print = (text: string): void => void output.write(`${text}\n`);
  const screen = createScreen(print, renderOptionsFor(output, process.env, options.plain));
  if (options.list) return list(options, screen.say, onBlock);
  if (options.approvals || options.revoke !== undefined) return approvals(options, screen.say);
  let own: Approvals | undefined;
  // Before anything is made or opened: a bad file of answers is found out at once.
  const answerer = await answererFor(options, screen, output, () => own);
  const state = await openState(options.state, options);
  if (!state) {
    screen.say(
      `Another process is at work with ${visible(options.state)}. Wait for it, or use another --state.`,
    );
    return EXIT.busy;
  }
  try {
    return await tidy(options, state, answerer, screen, (opened) => (own = opened), onBlock);
  } finally {
    await state.close();
  }
}

async function list(options: Options, say: Say, onBlock?: OnBlock): Promise<number> {
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

/** Of those for later runs; those of a run that goes on are shown there. */
async function approvals({ state, revoke }: Options, say: Say): Promise<number> {
  const backend = openRecords(state);
  if (!backend) {
    say("There are no standing approvals.");
    return revoke === undefined ? EXIT.done : EXIT.failed;
  }
  try {
    const standing = new Approvals(backend);
    if (revoke !== undefined) return (await standing.takeBack(revoke, say)) ? EXIT.done : EXIT.failed;
    await standing.show(say);
    return EXIT.done;
  } finally {
    await backend.close();
  }
}

async function answererFor(
  options: Options,
  screen: Screen,
  output: NodeJS.WriteStream,
  standing: () => Approvals | undefined,
): Promise<Answerer> {
  const answers = options.answers === undefined ? [] : await readAnswers(options.answers);
  if (options.answers !== undefined || options.fallback)
    return scriptedAnswerer(answers, options.fallback, screen);
  return process.stdin.isTTY ? terminalAnswerer(readTerminal(output), screen, standing) : nobody;
}

async function tidy(
  options: Options,
  state: State,
  answerer: Answerer,
  screen: Screen,
  onApprovals: (approvals: Approvals) => void,
  onBlock?: OnBlock,
): Promise<number> {
  const { say } = screen;
  const folder = await folderOf(options);
  const { run, resumed } = await runOf(options, folder, state, say);
  const standing = new Approvals(state.backend, run.thread_id);
  onApprovals(standing);
  say(`${resumed ? "Going on with" : "Tidying"} ${visible(folder)}`);
  say(
    `Large: from ${formatBytes(run.largeBytes)}; stale: unchanged for ${run.staleDays} days. Nothing changes without your answer.`,
  );
  if (options.fallback === "yes")
    say("--yes: each question is shown and approved once; the last one deletes what is in the trash folder.");
  if ((await standing.list()).length > 0) await standing.show(say);
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
    onBlock: (event) => {
      screen.onBlock(event);
      onBlock?.(event);
    },
  });

  say("");
  if (driven.status === "open") {
    // No summary yet: what a step has done is in the messages when all of its questions are answered.
    say(`${count(driven.open.length, "question is", "questions are")} open:`);
    for (const record of driven.open) {
      // Whoever is to write the answers into a file has to see all of them.
      if (answerer === nobody) screen.show(record);
      else say(`  ${oneLine(record)}`);
    }
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
  if ((await standing.list()).length > 0) {
    await standing.show(say);
    say("Those in this run end with it. --approvals lists those for later runs, --revoke takes one back.");
  }
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
async function runOf(
  options: Options,
  folder: string,
  { backend }: State,
  say: Say,
): Promise<{ run: Run; resumed: boolean }> {
  const known = await readRun(options.state, folder);
  if (known && !known.reported) {
    const { version = 1 } = known;
    if (version === RUN_VERSION) return { run: known, resumed: true };
    if (version > RUN_VERSION)
      throw new UsageError("The run in this folder is one of a newer release. Use that, or --reset.");
    // Its graph has other nodes, so it cannot go on in this one. What it has done is done and recorded.
    const cancelled = await cancelAll(backend, known.thread_id);
    say(
      `A run of an older release is given up: ${count(cancelled, "open question is", "open questions are")} cancelled, what it has done stays done.`,
    );
  }
  const run: Run = {
    version: RUN_VERSION,
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

async function cancelAll(backend: HITLBackend, thread_id: string): Promise<number> {
  for (let cancelled = 0; ; ) {
    const { items } = await backend.list({ thread_id, status: "pending" });
    if (items.length === 0) return cancelled;
    for (const { hitl_id } of items) await backend.cancel(hitl_id, { reason: "older_release" });
    cancelled += items.length;
  }
}
