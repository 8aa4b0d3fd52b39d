/** Two contenders in one run: short segments A B B A …, so that a busy machine slows both alike. */

/** What is measured; `index` counts from 0 within a segment. */
export type Operation = (index: number) => Promise<unknown>;

export interface Segment {
  readonly run: Operation;
  /** After the clock has stopped: checks what was done, and cleans up. */
  readonly end?: () => Promise<void> | void;
}

/** Sets up a segment of `count` operations; the clock does not run yet. */
export type Contender = (count: number) => Promise<Segment> | Segment;

export interface Plan {
  readonly concurrency: number;
  /** Operations in one segment. */
  readonly count: number;
  /** Pairs of segments that are measured. Those that warm up go first and are thrown away. */
  readonly pairs: number;
  /** Operations of each side that warm up. Default 600. */
  readonly warmUp?: number;
}

export interface Figure {
  /** Operations a second, median of the segments. */
  readonly perSecond: number;
  /** Processor time of this process for one operation in µs, median of the segments. */
  readonly cpuMicros: number;
}

export interface Comparison {
  readonly base: Figure;
  readonly own: Figure;
  /** Median of the ratios within the pairs; above 1 the own one is faster. A drift of the machine moves both alike. */
  readonly ratio: number;
  /** Quartiles of the ratios within the pairs: how far the figure can be trusted. */
  readonly spread: readonly [low: number, high: number];
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * part;
  const low = sorted[Math.floor(position)] ?? Number.NaN;
  const high = sorted[Math.ceil(position)] ?? Number.NaN;
  return low + (high - low) * (position - Math.floor(position));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Runs `run` for 0 … count - 1, `concurrency` of them at any time. */
export async function spread(count: number, concurrency: number, run: Operation): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await run(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
}

async function measureSegment(contender: Contender, { count, concurrency }: Plan): Promise<Figure> {
  // No collection is forced: a full one makes the engine forget the shapes of objects, and both sides learn them again.
  const { run, end } = await contender(count);
  const cpu = process.cpuUsage();
  const started = performance.now();
  await spread(count, concurrency, run);
  const elapsedMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  await end?.();
  return { perSecond: (count / elapsedMs) * 1000, cpuMicros: (user + system) / count };
}

const WARM_UP = 600;
/** Operations after which the engine has compiled also what runs once in a round: services run for longer than that. */
export const LONG_WARM_UP = 5000;

/** @param base - what `own` is compared with */
export async function compare(base: Contender, own: Contender, plan: Plan): Promise<Comparison> {
  const figures: { base: Figure; own: Figure }[] = [];
  const warmUp = Math.ceil((plan.warmUp ?? WARM_UP) / plan.count);
  for (let pair = 0; pair < warmUp + plan.pairs; pair += 1) {
    const ownFirst = pair % 2 === 1;
    const first = await measureSegment(ownFirst ? own : base, plan);
    const second = await measureSegment(ownFirst ? base : own, plan);
    if (pair >= warmUp) figures.push(ownFirst ? { own: first, base: second } : { base: first, own: second });
  }
  const all = (side: "base" | "own"): Figure => ({
    perSecond: median(figures.map((pair) => pair[side].perSecond)),
    cpuMicros: median(figures.map((pair) => pair[side].cpuMicros)),
  });
  const [baseFigure, ownFigure] = [all("base"), all("own")];
  const ratios = figures.map((pair) => pair.own.perSecond / pair.base.perSecond);
  return {
    base: baseFigure,
    own: ownFigure,
    ratio: median(ratios),
    spread: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  };
}
