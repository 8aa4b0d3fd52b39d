/** The trail as JSON Lines: what is in it, where it goes on, and what shows in it. */
import { describe, expect, it } from "vitest";
import { type HITLBackend, StoreHITLBackend } from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import {
  audited,
  type AuditEvent,
  type AuditReport,
  exportAudit,
  type ExportAuditOptions,
  readAudit,
  verifyAuditLines,
} from "../../src/audit/index.ts";
import { idOf, insertOp, updateOp } from "./kit.ts";

const yes = { confirmed: true };
const START = 1_700_000_000_000;

interface Filled {
  readonly backend: HITLBackend;
  readonly clock: FakeClock;
  readonly ids: string[];
}

/** 30 questions of three threads, each with two events, a second apart; and one of another tenant. */
async function filled(): Promise<Filled> {
  const clock = new FakeClock(START);
  const store = new MemoryRecordStore({ clock }, new MemoryRecordData());
  const backend = audited(new StoreHITLBackend(store, { clock, retention: { sweepEveryMs: 0 } }));
  const ids: string[] = [];
  for (let n = 0; n < 30; n += 1) {
    const request = { hitl_type: "confirm", thread_id: `t${n % 3}`, data: { message: `${n}?` } };
    const { record } = await backend.create({ ...request, assignee: n % 2 ? "ann" : "bob" });
    ids.push(record.hitl_id);
    await backend.respond(record.hitl_id, yes, { actor: { id: "ann" } });
    clock.advance(1000);
  }
  await backend.forTenant("acme").create({ hitl_type: "confirm", session_id: "s", data: { message: "?" } });
  return { backend, clock, ids };
}

async function linesOf(backend: HITLBackend, options: ExportAuditOptions = {}): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of exportAudit(backend, options)) lines.push(line);
  return lines;
}

const eventsIn = (lines: readonly string[]): AuditEvent[] =>
  lines.map((line) => JSON.parse(line) as AuditEvent);

describe("exportAudit", () => {
  it("gives each event of the tenant once, a record's events together, and the file verifies", async () => {
    const { backend, ids } = await filled();
    const lines = await linesOf(backend);
    expect(lines.every((line) => line.endsWith("}\n") && line.indexOf("\n") === line.length - 1)).toBe(true);
    expect(eventsIn(lines).map(({ record_id, seq }) => `${record_id} ${seq}`)).toEqual(
      ids.flatMap((id) => [`${id} 1`, `${id} 2`]),
    );
    const reports: AuditReport[] = [];
    const report = await verifyAuditLines(lines, { onRecord: (one) => reports.push(one) });
    expect(report).toEqual({ ok: true, lines: 60, records: 30, problems: [], problem_count: 0 });
    expect(reports.map(({ record_id }) => record_id)).toEqual(ids);
    // Each event is the one that the record's own trail has.
    const first = await readAudit(backend, ids[0] as string);
    const { head, ...last } = eventsIn(lines)[1] as AuditEvent;
    expect(last).toEqual(first?.events[1]);
    expect(head).toEqual({ seq: 2, hash: last.audit?.hash });
    expect(await linesOf(backend.forTenant("acme"))).toHaveLength(1);
  });

  it("filters by one index, by time, and by kind", async () => {
    const { backend, ids } = await filled();
    const records = async (options: ExportAuditOptions): Promise<string[]> => [
      ...new Set(eventsIn(await linesOf(backend, options)).map(({ record_id }) => record_id)),
    ];
    const every = (n: number, of: number) => ids.filter((_, index) => index % of === n);
    expect(await records({ thread_id: "t1" })).toEqual(every(1, 3));
    expect(await records({ session_id: "t2" })).toEqual(every(2, 3));
    expect(await records({ assignee: "bob" })).toEqual(every(0, 2));
    expect(await records({ since: START + 5000, until: START + 8000 })).toEqual(ids.slice(5, 8));
    expect(await records({ kinds: ["call", "effect", "message"] })).toEqual([]);
    expect(await records({ kinds: ["hitl"], thread_id: "t0", since: START + 27_000 })).toEqual([ids[27]]);
  });

  it("has records of kinds that it does not know, if it is told their statuses", async () => {
    const { backend } = await filled();
    await backend.store.commit([insertOp(1, {}, { type: "made" })]);
    await backend.store.commit([updateOp(1, { patch: { status: "shut" }, event: { type: "shut" } })]);
    const kinds = [{ kind: "thing", statuses: ["open", "shut"] }];
    const lines = await linesOf(backend, { kinds });
    expect(eventsIn(lines).map(({ record_id, type }) => [record_id, type])).toEqual([
      [idOf(1), "made"],
      [idOf(1), "shut"],
    ]);
    await expect(async () => linesOf(backend, { kinds: ["thing"] })).rejects.toMatchObject({
      code: "ERR_HITL_INVALID_INPUT",
    });
  });

  it("goes on after any line where it was left, also by another handle, and while records come", async () => {
    const { backend, clock } = await filled();
    const whole = await linesOf(backend);
    for (const limit of [1, 7, 20, 59, 60, 61]) {
      const parts: string[] = [];
      let cursor: string | undefined;
      do {
        const part = exportAudit(backend, { limit, cursor });
        for await (const line of part) parts.push(line);
        cursor = part.next_cursor;
      } while (cursor !== undefined);
      expect(parts).toEqual(whole);
    }
    const begun = exportAudit(backend);
    const first: string[] = [];
    for await (const line of begun) {
      first.push(line);
      if (first.length === 41) break;
    }
    const { record } = await backend.create({
      hitl_type: "confirm",
      session_id: "late",
      data: { message: "?" },
    });
    clock.advance(1);
    const rest = await linesOf(backend, { cursor: begun.next_cursor });
    expect([...first, ...rest].slice(0, 60)).toEqual(whole);
    expect(eventsIn(rest).at(-1)?.record_id).toBe(record.hitl_id);
    expect((await verifyAuditLines([...first, ...rest])).ok).toBe(true);
  });

  it("an event that comes while its record is being exported is in it, with the head that it made", async () => {
    const { backend, ids } = await filled();
    const lines: string[] = [];
    for await (const line of exportAudit(backend, { thread_id: "t0" })) {
      // The page that shows the record has been read, its history has not.
      if (lines.length === 0) await backend.store.append(ids[3] as string, { type: "noted" });
      lines.push(line);
    }
    const { ok, problems } = await verifyAuditLines(lines);
    expect([ok, problems]).toEqual([true, []]);
    expect(eventsIn(lines)).toHaveLength(21);
  });

  it.each<[string, unknown]>([
    ["two indexes", { session_id: "s", thread_id: "t" }],
    ["a filter that is no index", { status: "pending" }],
    ["a time that is none", { since: "yesterday" }],
    ["a limit of nothing", { limit: 0 }],
    ["no kind", { kinds: [] }],
    ["a kind twice", { kinds: ["hitl", "hitl"] }],
    ["a kind without statuses", { kinds: [{ kind: "mine", statuses: [] }] }],
    ["a key that is no id", { thread_id: "a\u0000b" }],
  ])("refuses %s", async (_, options) => {
    const { backend } = await filled();
    expect(() => exportAudit(backend, options as ExportAuditOptions)).toThrow(
      expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
    );
  });

  it("refuses a cursor that it has not made", async () => {
    const { backend } = await filled();
    const forged = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const part = exportAudit(backend, { limit: 1, kinds: ["hitl"] });
    for await (const _ of part) break;
    const bad = [
      "",
      "x",
      forged(null),
      forged({}),
      forged(["hitl", 5, 0, "x", 1]),
      forged(["none", null, 0, "x", 1]),
    ];
    for (const cursor of [...bad, "A".repeat(3000)]) {
      expect(() => exportAudit(backend, { cursor })).toThrow(
        expect.objectContaining({ code: "ERR_HITL_CURSOR" }),
      );
    }
    const { next_cursor } = part;
    expect(() => exportAudit(backend, { cursor: next_cursor, kinds: ["call"] })).toThrow(/cursor/);
  });
});

describe("verifyAuditLines", () => {
  const kinds = async (lines: readonly string[], options = {}): Promise<string[]> => [
    ...new Set((await verifyAuditLines(lines, options)).problems.map(({ kind }) => kind)),
  ];

  it("shows what was done to the file, and in which line", async () => {
    const { backend, ids } = await filled();
    const lines = await linesOf(backend, { thread_id: "t0" });
    expect(lines).toHaveLength(20);
    const edited = lines.with(3, (lines[3] as string).replace('"ann"', '"eve"'));
    expect((await verifyAuditLines(edited)).problems).toEqual([
      { kind: "edited", line: 4, record_id: ids[3], seq: 2, message: expect.any(String) },
    ]);
    expect(await kinds(lines.toSpliced(2, 1))).toEqual(["removed"]);
    expect(await kinds(lines.toSpliced(3, 1))).toEqual(["cut_off"]);
    expect(await kinds(lines.slice(0, -1))).toEqual(["cut_off"]);
    expect(await kinds(lines.toSpliced(4, 0, "{]\n"))).toEqual(["malformed"]);
    expect(await kinds(lines.toSpliced(2, 0, lines[1] as string))).toEqual(["reordered"]);
    expect(await kinds([lines[1], lines[0], ...lines.slice(2)] as string[])).toContain("reordered");
    const unlinked = JSON.stringify({ ...eventsIn(lines)[0], audit: undefined });
    expect(await kinds(lines.with(0, unlinked))).toContain("unlinked");
    const extra = JSON.stringify({ ...eventsIn(lines)[0], approved_by: "the board" });
    expect(await kinds(lines.with(0, extra))).toContain("malformed");
  });

  it("shows that a record is missing, or ends too early, by anchors", async () => {
    const { backend, ids } = await filled();
    const lines = await linesOf(backend, { thread_id: "t0" });
    const anchors: Record<string, { seq: number; hash: string }> = {};
    const onRecord = ({ record_id, head }: AuditReport): void => {
      if (record_id && head) anchors[record_id] = head;
    };
    await verifyAuditLines(lines, { onRecord });
    expect((await verifyAuditLines(lines, { anchors })).ok).toBe(true);
    const without = lines.slice(2);
    expect((await verifyAuditLines(without)).ok).toBe(true);
    expect((await verifyAuditLines(without, { anchors })).problems).toMatchObject([
      { kind: "cut_off", record_id: ids[0], seq: 2 },
    ]);
    // What a forger who writes the last line anew would need: a head for the line before.
    const [first] = eventsIn(lines) as [AuditEvent];
    const forged = JSON.stringify({ ...first, head: { seq: 1, hash: first.audit?.hash } });
    const cut = [forged, ...without];
    expect((await verifyAuditLines(cut)).ok).toBe(true);
    expect(await kinds(cut, { anchors })).toEqual(["cut_off"]);
    await expect(verifyAuditLines(lines, { anchors: { x: { seq: 0, hash: "" } } })).rejects.toMatchObject({
      code: "ERR_HITL_INVALID_INPUT",
    });
  });

  it("takes a part of an export as a part", async () => {
    const { backend, ids } = await filled();
    const some = await linesOf(backend, { since: START + 5000, limit: 21 });
    expect(await kinds(some)).toEqual(["cut_off"]);
    expect(await kinds(some, { partial: true })).toEqual([]);
    const middle = (await linesOf(backend)).slice(1, -1);
    expect(await kinds(middle, { partial: true })).toEqual([]);
    await backend.store.append(ids[0] as string, { type: "noted" });
    const longer = await linesOf(backend);
    expect(await kinds(longer.toSpliced(1, 1), { partial: true })).toEqual(["removed"]);
  });

  it("keeps its list of problems short, and counts them all", async () => {
    const report = await verifyAuditLines(Array.from({ length: 250 }, () => "no event"));
    expect([report.ok, report.problems.length, report.problem_count]).toEqual([false, 100, 250]);
  });

  it("survives what cannot be hashed, is nested without end, or is no text of its own", async () => {
    const { backend } = await filled();
    const [line = ""] = await linesOf(backend);
    const deep = `${"[".repeat(5000)}${"]".repeat(5000)}`;
    for (const data of [`{"a":${deep}}`, '{"a":"\\ud800"}', '{"__proto__":{"x":1}}']) {
      const hostile = line.replace('"audit":', `"data":${data},"audit":`);
      expect((await verifyAuditLines([hostile])).ok).toBe(false);
    }
  });
});
