/**
 * What each call was and what it answered, in a file of its own for each process. One line is written before the call
 * and one after it, so that a process that is killed takes nothing with it that it had been told.
 */
import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";

/** A question as a call showed it. `mark` names who created it, `response` who answered it: see {@link Call}. */
export interface View {
  readonly hitl_id: string;
  readonly status: string;
  readonly version: number;
  readonly mark: string | null;
  readonly response: string | null;
}

export type OnExpire = "expire" | "respond" | "escalate";

/**
 * What was called. A `mark` is a text that only this call writes (a retry, and rivals who give the same answer on
 * purpose, write the same one), so that what is found in the store says whose it is.
 */
export type Call =
  | {
      readonly kind: "create";
      /** Null: the backend makes one. */
      readonly hitl_id: string | null;
      readonly session: string;
      readonly mark: string;
      readonly expires_at: number | null;
      readonly on_expire: OnExpire;
    }
  | {
      readonly kind: "respond";
      readonly hitl_id: string;
      readonly mark: string;
      readonly key: string | null;
      /** The answer satisfies the schema. */
      readonly valid: boolean;
    }
  | { readonly kind: "cancel"; readonly hitl_id: string; readonly mark: string }
  | { readonly kind: "get"; readonly hitl_id: string }
  | { readonly kind: "list"; readonly session: string }
  | { readonly kind: "history"; readonly hitl_id: string }
  | { readonly kind: "wait"; readonly hitl_id: string; readonly timeoutMs: number }
  | { readonly kind: "seed"; readonly ids: readonly string[] }
  | { readonly kind: "acquire"; readonly id: string; readonly owner: string }
  | { readonly kind: "acquire_due"; readonly owner: string }
  | { readonly kind: "write"; readonly id: string; readonly fence: number; readonly mark: string }
  | { readonly kind: "release"; readonly id: string; readonly fence: number; readonly mark: string }
  | { readonly kind: "look"; readonly ids: readonly [string, string] }
  | { readonly kind: "pair"; readonly ids: readonly [string, string]; readonly mark: string }
  | { readonly kind: "touch"; readonly id: string; readonly mark: string }
  | { readonly kind: "append"; readonly id: string; readonly mark: string };

/** What a call answered: the status it gave, and what it showed. */
export interface Result {
  readonly status: string;
  readonly view?: View | null;
  readonly views?: readonly View[];
  /** Leases: id and fence of what was acquired. */
  readonly held?: readonly (readonly [id: string, fence: number])[];
  /** `look`: the marks of both records; `history`: the types of the events, with their versions. */
  readonly marks?: readonly (readonly string[])[];
  readonly events?: readonly (readonly [seq: number, type: string, version: number])[];
}

/** `at`: microseconds of the machine's monotonic clock, which all processes share. */
export type Line =
  | { readonly t: "invoke"; readonly op: string; readonly at: number; readonly call: Call }
  | { readonly t: "ok"; readonly op: string; readonly at: number; readonly result: Result }
  /** Certainly not done: the error said so. */
  | {
      readonly t: "fail";
      readonly op: string;
      readonly at: number;
      readonly code: string;
      readonly message: string;
    }
  | { readonly t: "indeterminate"; readonly op: string; readonly at: number; readonly code: string };

export interface Ledger {
  write(line: Line): void;
}

export function microseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export class LedgerFile implements Ledger {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  /** In the hands of the kernel when it returns: the end of the process does not take it back. */
  write(line: Line): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

export class LedgerList implements Ledger {
  readonly lines: Line[] = [];

  write(line: Line): void {
    this.lines.push(line);
  }
}

export function readLedger(path: string): readonly Line[] {
  // A process that was killed at its very start has called nothing.
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  // What follows the last line feed is a line that its process was killed in.
  lines.pop();
  return lines.map((line) => JSON.parse(line) as Line);
}

/** One call with its end. `open`: its process was killed before it heard. */
export interface Operation {
  readonly op: string;
  readonly call: Call;
  readonly began: number;
  /** Infinity while open. */
  readonly ended: number;
  readonly outcome: "ok" | "fail" | "indeterminate" | "open";
  readonly result: Result | null;
  readonly code: string | null;
  readonly message: string | null;
}

/** @throws Error for a ledger that no process can have written: an end without a beginning, or two of one. */
export function operationsOf(lines: readonly Line[]): readonly Operation[] {
  const operations = new Map<string, Operation>();
  for (const line of lines) {
    const known = operations.get(line.op);
    if (line.t === "invoke") {
      if (known) throw new Error(`The ledger invokes ${line.op} twice.`);
      const { op, at, call } = line;
      operations.set(op, {
        op,
        call,
        began: at,
        ended: Number.POSITIVE_INFINITY,
        outcome: "open",
        result: null,
        code: null,
        message: null,
      });
      continue;
    }
    if (known?.outcome !== "open") throw new Error(`The ledger ends ${line.op}, which is not open.`);
    operations.set(line.op, {
      ...known,
      ended: line.at,
      outcome: line.t,
      result: line.t === "ok" ? line.result : null,
      code: line.t === "ok" ? null : line.code,
      message: line.t === "fail" ? line.message : null,
    });
  }
  return [...operations.values()];
}
