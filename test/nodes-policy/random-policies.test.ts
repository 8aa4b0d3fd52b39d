/**
 * Random policies, agents and humans; revocations, edits, deadlines, deploys, deaths and re-executions between. The oracle is
 * a log that the tools write, and a reading of the policy that shares nothing with the package's: nothing denied, unanswered,
 * expired or changed ever ran (P7, P8); what was approved ran once (P6, P9); each call has one message.
 */
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { Host } from "../nodes-ledger/kit.ts";
import { acts, agents } from "./acts.ts";
import { nameOf } from "./facts.ts";
import { Play } from "./play.ts";

const factor = Number(process.env["HOLDPOINT_FUZZ_RUNS"] ?? 1);
const seed = Number(process.env["HOLDPOINT_SEED"] ?? 7);
const totals = new Map<string, number>();
let plays = 0;

const RUNS: readonly (readonly [Host, number])[] = [
  ["HITLToolNode", 440],
  ["holdpointTools", 260],
  ["createAgent v1", 150],
  ["createAgent v2", 150],
];

async function check(play: Play): Promise<void> {
  const { facts } = play;
  const reasons = facts.judge();
  for (const why of reasons.values()) play.count(`ran by ${why}`);
  for (const thread of play.threads) {
    const { asked, tools } = await play.messages(thread);
    expect(tools.map(({ tool_call_id }) => tool_call_id).toSorted()).toEqual(asked.toSorted());
    for (const message of tools) {
      const mark = message.response_metadata["holdpoint"] as { policy?: { because: string } } | undefined;
      const because = mark?.policy?.because ?? "allowed";
      play.count(`message: ${because}`);
      const times = facts.ran.filter(
        (ran) => ran.thread === thread && ran.call === message.tool_call_id,
      ).length;
      if (["allowed", "answer", "grant"].includes(because)) expect(times, because).toBeGreaterThan(0);
      else if (play.deaths + play.replays === 0) expect(times, because).toBe(0);
    }
  }
  expect(await play.openQuestions()).toBe(0);
  for (const name of new Set(facts.ran.map(nameOf))) {
    const runs = facts.ran.filter((ran) => nameOf(ran) === name);
    const why = reasons.get(runs[0] as (typeof runs)[0]);
    // A call that nobody was asked about is not recorded, unless it is behind the ledger.
    const isKept = play.ledger || why === "approval" || why === "edit" || why === "deadline";
    expect(runs.length, JSON.stringify(runs)).toBeLessThanOrEqual(
      isKept ? 1 : 1 + play.deaths + play.replays,
    );
  }
}

describe.each(RUNS)("random policies in %s", (host, numRuns) => {
  it("P6 P7 P8 P9 nothing runs but what was allowed, approved or granted at that moment, and that once", async () => {
    const property = fc.asyncProperty(agents, acts, async (agent, made) => {
      const play = new Play(host, agent);
      try {
        await play.run(made);
        await check(play);
        plays += 1;
        for (const [what, times] of play.counts) totals.set(what, (totals.get(what) ?? 0) + times);
      } finally {
        await play.close();
      }
    });
    await fc.assert(property, {
      numRuns: numRuns * factor,
      seed,
      endOnFailure: process.env["HOLDPOINT_SHRINK"] === undefined,
    });
  }, 600_000);
});

describe("what the plays were about", () => {
  /** In 1000 plays, at least: a generator that never approves proves nothing. */
  const AT_LEAST = {
    "ran by rule": 200,
    "ran by approval": 300,
    "ran by edit": 20,
    "ran by grant": 80,
    "message: denied": 200,
    "message: rejected": 100,
    "message: responded": 20,
    "message: skipped": 20,
    "message: expired": 3,
    "message: cancelled": 20,
    "message: grant": 80,
    "answer: forbidden": 20,
    "answer: invalid": 30,
    "asked again: changed": 12,
    "asked again: edited": 4,
    "asked in spite of a standing approval": 60,
    revoked: 20,
    deploys: 100,
    deaths: 15,
    replays: 40,
    "wake: forged": 30,
    "wake: twice": 30,
  };

  it.each(Object.entries(AT_LEAST))("%s: at least %i times in 1000 plays", (what, times) => {
    expect((totals.get(what) ?? 0) / plays).toBeGreaterThanOrEqual(times / 1000);
  });
});

afterAll(() => {
  const lines = [...totals].toSorted(([a], [b]) => (a < b ? -1 : 1));
  console.log([`${plays} plays`, ...lines.map(([what, times]) => `${what} ${times}`)].join("\n"));
});
