/** What a failure is: one scenario that is run on two ways to build the same graph, and what each of them gives. */
import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "holdpoint";
import { VERSIONS } from "./versions.ts";
import { ownWay, stockWay, type Way } from "./ways.ts";

/** What one side did: `facts` are compared, `text` is made of them. */
export interface Observed {
  readonly facts: JsonObject;
  readonly text: string;
}

const SIDES = ["stock", "holdpoint"] as const;
export type Side = (typeof SIDES)[number];

export interface Failure {
  readonly id: `F${number}`;
  /** What is done, on both sides. */
  readonly title: string;
  readonly expected: Readonly<Record<Side, Observed>>;
  stock(): Promise<Observed>;
  holdpoint(): Promise<Observed>;
}

interface Scenario<Facts extends JsonObject> {
  readonly id: Failure["id"];
  readonly title: string;
  /** Builds the graph in the way that it is given, does what the title says, and tells what happened. */
  run(way: Way): Promise<Facts>;
  /** One line for the table. */
  text(facts: Facts): string;
  readonly stock: Facts;
  /** What LangGraph gives from 1.7 on, where that is something else. */
  readonly stockFrom17?: Facts;
  readonly holdpoint: Facts;
}

const FROM_17 = Number(VERSIONS.langgraph.split(".")[1]) >= 7;

/**
 * One scenario for both sides, so that the two graphs cannot grow apart: what differs is in the way alone.
 */
export function failure<Facts extends JsonObject>(scenario: Scenario<Facts>): Failure {
  const { id, title, run, text, stockFrom17, holdpoint } = scenario;
  const stock = (FROM_17 ? stockFrom17 : undefined) ?? scenario.stock;
  const observed = (facts: Facts): Observed => ({ facts, text: text(facts) });
  return {
    id,
    title,
    expected: { stock: observed(stock), holdpoint: observed(holdpoint) },
    stock: async () => observed(await run(stockWay())),
    holdpoint: async () => observed(await run(ownWay())),
  };
}

export interface Outcome {
  readonly failure: Failure;
  readonly observed: Readonly<Record<Side, Observed>>;
}

async function observe(run: () => Promise<Observed>): Promise<Observed> {
  try {
    return await run();
  } catch (error) {
    const threw = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { facts: { threw }, text: `threw ${threw}` };
  }
}

/** Runs both sides, one after the other: they share a machine. */
export async function runFailure(given: Failure): Promise<Outcome> {
  const stock = await observe(() => given.stock());
  const holdpoint = await observe(() => given.holdpoint());
  return { failure: given, observed: { stock, holdpoint } };
}

/** What is not as expected; nothing if all is. */
export function differences({ failure: { id, expected }, observed }: Outcome): string[] {
  return SIDES.flatMap((side) => {
    if (isDeepStrictEqual(observed[side].facts, expected[side].facts)) return [];
    const hint = side === "stock" ? " (fixed upstream?)" : "";
    return `${id}, ${side}: expected ${JSON.stringify(expected[side].facts)}, found ${JSON.stringify(observed[side].facts)}${hint}`;
  });
}

const WORDS = ["never", "once", "twice"];

/** "twice", "3 times" */
export const times = (count: number): string => WORDS[count] ?? `${count} times`;
