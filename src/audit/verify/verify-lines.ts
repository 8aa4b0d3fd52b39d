import type { JsonObject } from "../../core/json.ts";
import { type AuditProblem, type AuditReport, type ChainOptions, ChainVerifier } from "./chain.ts";
import type { AuditAnchor } from "./format.ts";
import { checkAnchor, isObject } from "./read-event.ts";

/** A line of an export is no longer than a record of any kind. */
const MAX_LINE = 64 * 1024 * 1024;
const MAX_PROBLEMS = 100;

export interface LineProblem extends AuditProblem {
  readonly record_id: string | null;
  /** Of the file, from 1; where the record's events end for what is wrong with the record as a whole. */
  readonly line: number;
}

export interface LinesReport {
  readonly ok: boolean;
  readonly lines: number;
  /** Runs of lines of one record. */
  readonly records: number;
  /** The first hundred. */
  readonly problems: readonly LineProblem[];
  readonly problem_count: number;
}

export interface VerifyLinesOptions {
  /** Earlier heads by record id: each of these events has to be there. */
  readonly anchors?: Readonly<Record<string, AuditAnchor>> | undefined;
  /** The export was filtered by time, was limited, or goes on from a cursor: its records need not be whole. */
  readonly partial?: boolean | undefined;
  readonly unlinked?: "allowed" | undefined;
  /** Is given the report of each record; its `head` is an anchor for later. */
  readonly onRecord?: ((report: AuditReport) => void) | undefined;
}

/**
 * Checks an export (`exportAudit`), line by line: one record's events follow each other, and only they are kept in mind.
 * Without anchors nobody can see that all lines of a record were removed.
 *
 * @param lines - the lines of the file, with or without their line feeds; empty ones are passed over
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for an anchor that is none
 *
 * @example
 * ```ts
 * import { createReadStream } from "node:fs";
 * import { createInterface } from "node:readline";
 * import { verifyAuditLines } from "holdpoint/audit/verify";
 *
 * export async function isWhole(path: string): Promise<boolean> {
 *   const { ok, problems } = await verifyAuditLines(createInterface({ input: createReadStream(path) }));
 *   for (const { line, message } of problems) console.error(`${path}:${line}: ${message}`);
 *   return ok;
 * }
 * ```
 */
export async function verifyAuditLines(
  lines: AsyncIterable<string> | Iterable<string>,
  options: VerifyLinesOptions = {},
): Promise<LinesReport> {
  const reader = new LineReader(options);
  for await (const line of lines) await reader.read(line);
  return reader.finish();
}

class LineReader {
  readonly #options: VerifyLinesOptions;
  readonly #anchors: Map<string, AuditAnchor>;
  readonly #problems: LineProblem[] = [];
  #count = 0;
  #lines = 0;
  #records = 0;
  #chain: ChainVerifier | undefined;
  #id: string | null = null;
  /** Problems of the present record that were noted already. */
  #noted = 0;

  constructor(options: VerifyLinesOptions) {
    this.#options = options;
    this.#anchors = new Map(Object.entries(options.anchors ?? {}));
    for (const [id, anchor] of this.#anchors) checkAnchor(anchor, `anchors["${id}"]`);
  }

  async read(line: string): Promise<void> {
    this.#lines += 1;
    if (line.trim() === "") return;
    const event = parsed(line);
    const id = event?.["record_id"];
    if (!event || typeof id !== "string")
      return this.#note(null, { kind: "malformed", seq: null, message: "The line is no event." });
    if (!this.#chain || this.#id !== id) {
      await this.#close(this.#lines - 1);
      this.#open(id);
    }
    await this.#chain?.add(event);
    this.#collect(this.#lines);
  }

  async finish(): Promise<LinesReport> {
    await this.#close(this.#lines);
    for (const [id, { seq }] of this.#anchors) {
      const message = `Record ${id}, which is known from elsewhere, is missing.`;
      this.#note(id, { kind: "cut_off", seq, message });
    }
    return {
      ok: this.#count === 0,
      lines: this.#lines,
      records: this.#records,
      problems: this.#problems,
      problem_count: this.#count,
    };
  }

  #open(id: string): void {
    const { partial, unlinked } = this.#options;
    this.#records += 1;
    this.#id = id;
    this.#noted = 0;
    const options: ChainOptions = { anchor: this.#anchors.get(id), partial: partial === true, unlinked };
    this.#anchors.delete(id);
    this.#chain = new ChainVerifier(options);
  }

  /** The last line of a record says that it is the last one. */
  async #close(line: number): Promise<void> {
    const chain = this.#chain;
    if (!chain) return;
    const report = await chain.finish();
    const { last } = chain;
    const ended = last?.head;
    if (ended && (ended.seq !== report.head?.seq || ended.hash !== report.head.hash)) {
      chain.problem("forged_head", ended.seq, "The record's head is not the end of its chain.");
    } else if (!ended && last?.audit && this.#options.partial !== true) {
      chain.problem("cut_off", last.seq, `Events of the record after event ${last.seq} are missing.`);
    }
    this.#collect(line);
    this.#options.onRecord?.({ ...report, ok: chain.problems.length === 0 });
    this.#chain = undefined;
  }

  #collect(line: number): void {
    for (const problem of this.#chain?.problems.slice(this.#noted) ?? []) this.#note(this.#id, problem, line);
    this.#noted = this.#chain?.problems.length ?? 0;
  }

  #note(record_id: string | null, problem: AuditProblem, line: number = this.#lines): void {
    this.#count += 1;
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ ...problem, record_id, line });
  }
}

function parsed(line: string): JsonObject | null {
  if (line.length > MAX_LINE) return null;
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
