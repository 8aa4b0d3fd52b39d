/** What became of one answer that was given to two workers at once. */
export interface TwoWorkers {
  readonly name: string;
  readonly threads: number;
  /** Threads whose effect happened more than once, and exactly once. */
  readonly twice: number;
  readonly once: number;
}

const isOurs = ({ name }: TwoWorkers): boolean => name.startsWith("holdpoint");

/** Ours has to be once in every thread; that the others are not is what the table is for. */
export const isAsExpected = (row: TwoWorkers): boolean =>
  isOurs(row) ? row.twice === 0 && row.once === row.threads : row.twice > 0;

export const TWO_WORKERS_HEAD: readonly string[] = [
  "one answer to two workers at once",
  "twice",
  "once",
  "threads",
];

export const twoWorkersRow = ({ name, twice, once, threads }: TwoWorkers): string[] => [
  name,
  String(twice),
  String(once),
  String(threads),
];

export const PEER_HINT =
  "OpenAI Agents is measured too once it is there: npm install --prefix failures/two-workers --no-package-lock";

export const hasPeer = (rows: readonly TwoWorkers[]): boolean =>
  rows.some(({ name }) => name.startsWith("OpenAI"));
