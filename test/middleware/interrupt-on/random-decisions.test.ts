/**
 * Random messages of a model and random decisions. Where langchain does what it documents, ours does the same; and whatever
 * is decided in whatever order, each call has one result, and what was allowed runs once (F10, P6).
 *
 * HOLDPOINT_FC_RUNS is how many a version gets (default 40), HOLDPOINT_SEED where to begin.
 */
import type { AIMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { InterruptOn } from "holdpoint/policy";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VERSIONS } from "../kit.ts";
import { call, type Decision, dangling, ours, type Setup, theirs, toolMessages } from "./kit.ts";

const numRuns = Number(process.env["HOLDPOINT_FC_RUNS"] ?? 40);
const seed = Number(process.env["HOLDPOINT_SEED"] ?? 11);

/** How the call of this place is asked about, and what is decided. */
interface Place {
  readonly config: boolean | "config" | "big" | "none";
  readonly amount: number;
  readonly decision: "approve" | "edit" | "reject" | "respond";
}

const CONFIGS: readonly Place["config"][] = [true, false, "config", "big", "none"];
const DECISIONS: readonly Place["decision"][] = ["approve", "edit", "reject", "respond"];
const place: fc.Arbitrary<Place> = fc.record({
  config: fc.constantFrom(...CONFIGS),
  amount: fc.nat(9),
  decision: fc.constantFrom(...DECISIONS),
});
const programs = fc.record({
  places: fc.array(place, { minLength: 1, maxLength: 4 }),
  order: fc.array(fc.nat(10), { minLength: 4, maxLength: 4 }),
});

const isAsked = ({ config, amount }: Place): boolean =>
  config === true || config === "config" || (config === "big" && amount > 4);

function setupOf(places: readonly Place[], version: Setup["version"], decisions: readonly string[]): Setup {
  const allowedDecisions = decisions as never;
  const when = ({ toolCall }: { readonly toolCall: ToolCall }): boolean =>
    Number(toolCall.args["amount"]) > 4;
  const configs = { config: { allowedDecisions }, big: { allowedDecisions, when } };
  const named = places.flatMap(({ config }, at) => {
    if (config === "none") return [];
    return [[`tool${at}`, typeof config === "boolean" ? config : configs[config]] as const];
  });
  const turns = [places.map(({ amount }, at) => call(`tool${at}`, `c${at}`, { amount }))];
  return { version: version ?? "v2", turns, interruptOn: Object.fromEntries(named) as InterruptOn };
}

function decisionOf({ decision, amount }: Place, at: number): Decision {
  if (decision === "edit")
    return { type: "edit", editedAction: { name: `tool${at}`, args: { amount: amount + 100 } } };
  return decision === "respond" ? { type: "respond", message: "by hand" } : { type: decision };
}

function effectOf(one: Place, at: number): string[] {
  if (isAsked(one) && (one.decision === "reject" || one.decision === "respond")) return [];
  const isEdited = isAsked(one) && one.decision === "edit";
  return [`tool${at} {"amount":${isEdited ? one.amount + 100 : one.amount}}`];
}

describe.each(VERSIONS)("createAgent %s", (version) => {
  it(`${numRuns} agents whose calls are all approved or edited in one go: the same effects and results as in theirs`, async () => {
    const property = fc.asyncProperty(programs, async ({ places }) => {
      const allowed = places.map((one) => ({
        ...one,
        decision: one.decision === "edit" ? ("edit" as const) : ("approve" as const),
      }));
      const setup = setupOf(allowed, version, ["approve", "edit", "reject"]);
      const asked = allowed.flatMap((one, at) =>
        isAsked(one) ? [[`c${at}`, decisionOf(one, at)] as const] : [],
      );
      const results = [];
      for (const make of [theirs, ours]) {
        const run = make(setup);
        await run.start();
        expect((await run.shown()).actions.map(({ name }) => name)).toEqual(
          asked.map(([id]) => id.replace("c", "tool")),
        );
        if (asked.length > 0) expect(await run.decide(Object.fromEntries(asked))).toEqual([]);
        const messages = await run.messages();
        const read = toolMessages(messages).map(({ tool_call_id, status, name, text }) => ({
          tool_call_id,
          status,
          name,
          // What was edited is in their AI message, and in our result.
          text: text.replace(/\n\nA human changed .*$/, ""),
        }));
        const byCall = read.toSorted((a, b) => a.tool_call_id.localeCompare(b.tool_call_id));
        results.push({ effects: run.effects.toSorted(), read: byCall, turns: run.model.seen.length });
      }
      expect(results[1]).toEqual(results[0]);
    });
    await fc.assert(property, { numRuns, seed });
  });

  it(`F10 P6 P10 ${numRuns} agents, decided one by one in any order: each call has one result, what was allowed runs once`, async () => {
    const property = fc.asyncProperty(programs, async ({ places, order }) => {
      const own = places.map((one) => ({
        ...one,
        // `true` does not allow respond.
        decision: one.config === true && one.decision === "respond" ? ("reject" as const) : one.decision,
      }));
      const run = ours(setupOf(own, version, ["approve", "edit", "reject", "respond"]));
      await run.start();
      const left = own.flatMap((one, at) => (isAsked(one) ? [{ one, at }] : []));
      for (const pick of order) {
        const [next] = left.splice(pick % Math.max(left.length, 1), 1);
        if (!next) break;
        expect(await run.decide({ [`c${next.at}`]: decisionOf(next.one, next.at) })).toEqual([]);
      }
      expect(run.effects.toSorted()).toEqual(own.flatMap(effectOf).toSorted());
      const messages = await run.messages();
      expect(dangling(messages)).toEqual([]);
      expect(toolMessages(messages).map(({ tool_call_id }) => tool_call_id)).toEqual(
        own.map((_, at) => `c${at}`),
      );
      expect((messages[1] as AIMessage).tool_calls?.map(({ id }) => id)).toEqual(
        own.map((_, at) => `c${at}`),
      );
      expect(run.model.seen).toHaveLength(2);
      expect(await run.open()).toEqual([]);
    });
    await fc.assert(property, { numRuns, seed });
  });
});
