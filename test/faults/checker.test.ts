/** The checker against forged evidence: an honest run with one lie in it. A rule that finds no lie is worth nothing. */
import { beforeAll, describe, expect, it } from "vitest";
import { check } from "./checker.ts";
import { RULES, type Rule } from "./findings.ts";
import { type Evidence, honestRun, STRICT } from "./honest-run.ts";
import { LedgerFile, type Line, type Operation, operationsOf, readLedger, type Result } from "./ledger.ts";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** After all that the honest run has in it, in microseconds. */
const LATE = 3e15;

let honest: Evidence;
beforeAll(async () => {
  honest = await honestRun(11, 900);
});

/** What can be written in a copy; JSON stays as it is. */
type Loose<T> =
  T extends ReadonlyMap<infer K, infer V>
    ? Map<K, Loose<V>>
    : T extends readonly (infer V)[]
      ? number extends T["length"]
        ? Loose<V>[]
        : T
      : T extends object
        ? { -readonly [K in keyof T]: K extends "value" | "data" ? Record<string, unknown> : Loose<T[K]> }
        : T;
type Forged = Loose<Evidence>;

const copyOf = (): Forged => structuredClone(honest) as Forged;

function found<T>(values: readonly T[], what: (value: T) => unknown): T {
  const value = values.find((one) => what(one));
  if (value === undefined) throw new Error("The honest run has no such thing; it is too short.");
  return value;
}

const said =
  (kind: string, status: string) =>
  ({ call, result }: { call: { kind: string }; result: Result | null }): boolean =>
    call.kind === kind && result?.status === status;

type Named = { hitl_id: string; id: string; mark: string };

function operation(
  forged: Forged,
  kind: string,
  status: string,
): Loose<Operation> & { call: Named; result: Loose<Result> } {
  return found(forged.operations, (one) => said(kind, status)(one as never)) as never;
}

function recordOf(forged: Forged, name: string): Forged["snapshot"]["records"][number] {
  return found(
    forged.snapshot.records,
    ({ id, value }) => id === name || (value as never as Named)?.hitl_id === name,
  );
}

function eventsOf(
  forged: Forged,
  name: string,
): { seq: number; type: string; at: number; status: string; version: number }[] {
  return forged.snapshot.events.get(recordOf(forged, name).id) as never;
}

function remove<T>(values: T[], value: T): void {
  values.splice(values.indexOf(value), 1);
}

function again(forged: Forged, one: Loose<Operation>): Loose<Operation> {
  const copy = structuredClone({ ...one, op: `${one.op}-again` }) as Loose<Operation>;
  forged.operations.push(copy);
  return copy;
}

/** A question that was answered by a call, with that call. */
const accepted = (forged: Forged) => operation(forged, "respond", "accepted");
const job = (forged: Forged, what: (record: Forged["snapshot"]["records"][number]) => unknown) =>
  found(forged.snapshot.records, (record) => record.kind === "job" && what(record));
const writesOf = (record: { value: unknown }): { mark: string; fence: number }[] =>
  (record.value as { writes: never[] }).writes;
const marksOf = (record: { value: unknown }): string[] => (record.value as { marks: string[] }).marks;
const listing = (forged: Forged, what: (one: Forged["snapshot"]["listings"][number]) => unknown) =>
  found(forged.snapshot.listings, what);

const FORGERIES: readonly (readonly [rule: Rule, lie: string, forge: (forged: Forged) => void])[] = [
  [
    "untyped_error",
    "a call failed with an error of no code",
    (forged) => {
      Object.assign(forged.operations[5] as object, {
        outcome: "fail",
        code: "UNEXPECTED",
        message: "x",
        result: null,
      });
    },
  ],
  [
    "lost_create",
    "an acknowledged question is gone",
    (forged) => {
      remove(
        forged.snapshot.records,
        recordOf(forged, operation(forged, "create", "created").result.view?.hitl_id ?? ""),
      );
    },
  ],
  [
    "two_creators",
    "two calls created one question",
    (forged) => {
      again(forged, operation(forged, "create", "created"));
    },
  ],
  [
    "foreign_question",
    "the question is not the one that was created",
    (forged) => {
      const { view } = operation(forged, "create", "created").result;
      recordOf(forged, view?.hitl_id ?? "").value["metadata"] = { mark: "another" };
    },
  ],
  [
    "lost_answer",
    "an accepted answer is gone",
    (forged) => {
      const record = recordOf(forged, accepted(forged).call.hitl_id);
      record.status = "pending";
      record.value["user_response"] = null;
    },
  ],
  [
    "two_winners",
    "two answers were accepted",
    (forged) => {
      again(forged, accepted(forged));
    },
  ],
  [
    "two_winners",
    "an answer was accepted, and a cancellation",
    (forged) => {
      const cancel = operation(forged, "cancel", "cancelled");
      again(forged, accepted(forged)).call = {
        ...accepted(forged).call,
        hitl_id: cancel.call.hitl_id,
      } as never;
    },
  ],
  [
    "overwritten",
    "another answer is there than was accepted",
    (forged) => {
      recordOf(forged, accepted(forged).call.hitl_id).value["user_response"] = {
        confirmed: true,
        comment: "mine",
      };
    },
  ],
  [
    "overwritten",
    "the answer has another's idempotency key",
    (forged) => {
      recordOf(forged, accepted(forged).call.hitl_id).value["idempotency_key"] = "another";
    },
  ],
  [
    "wrong_winner",
    "a conflict showed somebody who has not won",
    (forged) => {
      const view = operation(forged, "respond", "conflict").result.view;
      if (view) view.response = "loser";
    },
  ],
  [
    "wrong_winner",
    "a duplicate of another answer",
    (forged) => {
      operation(forged, "respond", "conflict").result.status = "duplicate";
    },
  ],
  [
    "bad_answer_stored",
    "what the schema refuses was accepted",
    (forged) => {
      Object.assign(accepted(forged).call, { valid: false });
    },
  ],
  [
    "nobody_answered",
    "an answer that nobody gave",
    (forged) => {
      forged.operations = forged.operations.filter((one) => one.call.kind !== "respond");
    },
  ],
  [
    "failed_took_effect",
    "a call that was certainly not done was done",
    (forged) => {
      Object.assign(accepted(forged), { outcome: "fail", code: "ERR_HITL_STORE", result: null });
    },
  ],
  [
    "failed_took_effect",
    "a creation that was certainly not done was done",
    (forged) => {
      const { mark } = operation(forged, "create", "created").call;
      for (const one of forged.operations)
        if (one.call.kind === "create" && one.call.mark === mark)
          Object.assign(one, { outcome: "fail", code: "ERR_HITL_STORE", result: null });
    },
  ],
  [
    "failed_took_effect",
    "an event of a call that failed",
    (forged) => {
      Object.assign(operation(forged, "append", "appended"), {
        outcome: "fail",
        code: "ERR_HITL_STORE",
        result: null,
      });
    },
  ],
  [
    "failed_took_effect",
    "a refused update of a pair is there",
    (forged) => {
      operation(forged, "pair", "committed").result.status = "refused";
    },
  ],
  [
    "lost_cancel",
    "an acknowledged cancellation is gone",
    (forged) => {
      recordOf(forged, operation(forged, "cancel", "cancelled").call.hitl_id).status = "pending";
    },
  ],
  [
    "answered_too_late",
    "an answer after the deadline",
    (forged) => {
      const { hitl_id } = accepted(forged).call;
      const asked = found(
        forged.operations,
        ({ call }) =>
          call.kind === "create" &&
          call.mark === (recordOf(forged, hitl_id).value["metadata"] as unknown as Named).mark,
      );
      Object.assign(asked.call, {
        expires_at: found(eventsOf(forged, hitl_id), ({ type }) => type === "answered").at,
      });
    },
  ],
  [
    "expired_too_early",
    "expired before the deadline",
    (forged) => {
      const record = found(forged.snapshot.records, ({ status }) => status === "expired");
      found(eventsOf(forged, record.id), ({ type }) => type === "expired").at -= 10_000;
    },
  ],
  [
    "history_gap",
    "an event is missing",
    (forged) => {
      eventsOf(forged, accepted(forged).call.hitl_id).shift();
    },
  ],
  [
    "history_twice",
    "answered twice",
    (forged) => {
      const events = eventsOf(forged, accepted(forged).call.hitl_id);
      events.push({
        ...found(events, ({ type }) => type === "answered"),
        seq: events.length + 1,
        version: events.length + 1,
      });
    },
  ],
  [
    "history_lies",
    "the last event tells of another status",
    (forged) => {
      const last = eventsOf(forged, accepted(forged).call.hitl_id).at(-1);
      if (last) last.status = "cancelled";
    },
  ],
  [
    "version",
    "a version that no event tells of",
    (forged) => {
      recordOf(forged, accepted(forged).call.hitl_id).version += 1;
    },
  ],
  [
    "version",
    "an update of a leased record that nobody made",
    (forged) => {
      job(forged, ({ version }) => version > 3).version += 1;
    },
  ],
  [
    "lost_lease",
    "the fence has fallen below one that was handed out",
    (forged) => {
      job(forged, ({ fence }) => fence > 1).fence = 0;
    },
  ],
  [
    "fence_twice",
    "two hold one fence",
    (forged) => {
      again(forged, operation(forged, "acquire", "updated"));
    },
  ],
  [
    "fence_twice",
    "a lease that nobody has taken",
    (forged) => {
      job(forged, ({ fence }) => fence > 1).fence += 1;
    },
  ],
  [
    "fence_order",
    "a later lease has a lower fence",
    (forged) => {
      const { id } = job(forged, ({ fence }) => fence > 2);
      const held = forged.operations.filter(({ result }) => result?.held?.some(([one]) => one === id));
      for (const [n, one] of held.entries()) {
        const lease = found(one.result?.held ?? [], ([leased]) => leased === id) as unknown as [
          string,
          number,
        ];
        lease[1] = held.length - n;
      }
    },
  ],
  [
    "lease_stolen",
    "somebody got a lease that another one held",
    (forged) => {
      const { id } = job(forged, ({ fence }) => fence > 2);
      const held = forged.operations.filter(({ result }) => result?.held?.some(([one]) => one === id));
      const [first, next] = held as [Loose<Operation>, Loose<Operation>];
      forged.operations = forged.operations.filter(({ call }) => call.kind !== "release" || call.id !== id);
      Object.assign(first, { began: LATE, ended: LATE + 10 });
      Object.assign(next, { began: LATE + 20, ended: LATE + 30 });
    },
  ],
  [
    "stale_write",
    "an old holder wrote after a new one",
    (forged) => {
      writesOf(
        job(forged, (record) => (writesOf(record).at(-1)?.fence ?? 0) > (writesOf(record)[0]?.fence ?? 0)),
      ).reverse();
    },
  ],
  [
    "stale_write",
    "a refused write is there",
    (forged) => {
      operation(forged, "write", "updated").result.status = "stale";
    },
  ],
  [
    "lost_write",
    "an acknowledged write is gone",
    (forged) => {
      writesOf(recordOf(forged, operation(forged, "write", "updated").call.id)).length = 0;
    },
  ],
  [
    "touches",
    "one touch too many",
    (forged) => {
      job(forged, ({ touches }) => touches > 0).touches += 1;
    },
  ],
  [
    "touches",
    "one touch too few",
    (forged) => {
      job(forged, ({ touches }) => touches > 0).touches -= 1;
    },
  ],
  [
    "appended",
    "an acknowledged event is gone",
    (forged) => {
      const events = eventsOf(forged, operation(forged, "append", "appended").call.id);
      remove(
        events,
        found(events, ({ type }) => type === "noted"),
      );
    },
  ],
  [
    "appended",
    "an event twice",
    (forged) => {
      const events = eventsOf(forged, operation(forged, "append", "appended").call.id);
      events.push({ ...found(events, ({ type }) => type === "noted"), seq: events.length + 1 });
    },
  ],
  [
    "torn_pair",
    "half of a commit",
    (forged) => {
      marksOf(
        found(forged.snapshot.records, (record) => record.kind === "pair" && marksOf(record).length > 0),
      ).pop();
    },
  ],
  [
    "torn_pair",
    "half of a commit was seen",
    (forged) => {
      again(forged, operation(forged, "pair", "committed"));
      const last = forged.operations.at(-1) as Loose<Operation>;
      last.call = { kind: "look", ids: (last.call as never as { ids: [string, string] }).ids };
      last.result = { status: "read", marks: [["a"], []] };
    },
  ],
  [
    "lost_mark",
    "an acknowledged commit is gone",
    (forged) => {
      const { mark } = operation(forged, "pair", "committed").call;
      for (const record of forged.snapshot.records)
        if (record.kind === "pair") record.value["marks"] = marksOf(record).filter((one) => one !== mark);
    },
  ],
  [
    "index_lies",
    "a list names what has left it",
    (forged) => {
      const pending = listing(
        forged,
        ({ kind, key, status }) => kind === "hitl" && !key && status === "pending",
      );
      pending.ids.push(found(forged.snapshot.records, ({ status }) => status === "completed").id);
    },
  ],
  [
    "index_lies",
    "a list names one record twice",
    (forged) => {
      const { ids } = listing(forged, (one) => one.ids.length > 0);
      ids.push(ids[0] as string);
    },
  ],
  [
    "index_misses",
    "a list misses a record",
    (forged) => {
      listing(forged, ({ key, ids }) => key?.name === "session" && ids.length > 0).ids.pop();
    },
  ],
  [
    "index_order",
    "a list is in no order",
    (forged) => {
      listing(forged, ({ key, ids }) => !key && ids.length > 2).ids.reverse();
    },
  ],
  [
    "due_misses",
    "what is due is handed out to nobody",
    (forged) => {
      forged.snapshot.due.ids = [];
    },
  ],
  [
    "due_lies",
    "a record is handed out twice",
    (forged) => {
      forged.snapshot.due.ids.push(forged.snapshot.due.ids[0] as string);
    },
  ],
  [
    "due_lies",
    "a leased record is handed out",
    (forged) => {
      const record = found(forged.snapshot.records, ({ id }) => forged.snapshot.due.ids.includes(id));
      record.lease = { owner: "holder", expires_at: forged.snapshot.due.to + 1 };
    },
  ],
  [
    "stale_read",
    "a read after the answer does not see it",
    (forged) => {
      const answer = accepted(forged);
      const { hitl_id } = answer.call;
      const view = {
        hitl_id,
        status: "pending",
        version: 1,
        mark: answer.result.view?.mark ?? null,
        response: null,
      };
      forged.operations.push({
        ...again(forged, answer),
        op: "late",
        call: { kind: "get", hitl_id },
        began: LATE,
        ended: LATE + 1,
        result: { status: "read", view },
      });
    },
  ],
  [
    "missed_by_list",
    "an open question is in no page",
    (forged) => {
      const open = forged.snapshot.records.filter(
        ({ kind, status }) => kind === "hitl" && status === "pending",
      );
      const ids = new Set(open.map(({ value }) => value["hitl_id"]));
      const list = found(
        forged.operations,
        ({ call, result }) => call.kind === "list" && result?.views?.some(({ hitl_id }) => ids.has(hitl_id)),
      );
      if (list.result?.views) list.result.views.length = 0;
    },
  ],
  [
    "slept_through",
    "a wait for what had ended ended by its timeout",
    (forged) => {
      const answer = accepted(forged);
      forged.operations.push({
        ...again(forged, answer),
        op: "late",
        call: { kind: "wait", hitl_id: answer.call.hitl_id, timeoutMs: 1 },
        began: LATE,
        ended: LATE + 1,
        result: { status: "timeout" },
      });
    },
  ],
];

const verdictOf = (evidence: Evidence) => check(evidence.operations, evidence.snapshot, STRICT);

describe("the checker", () => {
  it("finds nothing in honest runs, which have everything in them that it looks at", async () => {
    for (const seed of [11, 12, 13]) {
      const verdict = verdictOf(await honestRun(seed, 600));
      expect(verdict.violations).toEqual([]);
      expect(verdict.answered).toBeGreaterThan(30);
    }
  });

  it.each(FORGERIES)("%s: %s", (rule, _lie, forge) => {
    const forged = copyOf();
    forge(forged);
    expect(verdictOf(forged as Evidence).violations.map((violation) => violation.rule)).toContain(rule);
  });

  it("has a forgery for each of its rules", () => {
    const covered = new Set(FORGERIES.map(([rule]) => rule));
    // Whether a process could work again is what it says itself.
    expect([...RULES].filter((rule) => !covered.has(rule))).toEqual(["not_recovered"]);
  });

  it.each(["indeterminate", "open"] as const)("lets a call that ended %s be either way", (outcome) => {
    for (const [kind, status] of [
      ["respond", "accepted"],
      ["respond", "conflict"],
      ["create", "created"],
      ["create", "exists"],
      ["cancel", "cancelled"],
      ["acquire", "updated"],
      ["acquire", "stale"],
      ["write", "updated"],
      ["release", "updated"],
      ["pair", "committed"],
      ["pair", "refused"],
      ["touch", "exists"],
      ["append", "appended"],
    ] as const) {
      const forged = copyOf();
      if (!forged.operations.some((one) => said(kind, status)(one as never))) continue;
      Object.assign(operation(forged, kind, status), {
        outcome,
        result: null,
        ended: Number.POSITIVE_INFINITY,
      });
      expect(verdictOf(forged as Evidence).violations, `${kind} ${status}`).toEqual([]);
    }
  });

  it("does not ask a store for more than its set-up promises", () => {
    const forged = copyOf();
    remove(
      forged.snapshot.records,
      recordOf(forged, operation(forged, "create", "created").result.view?.hitl_id ?? ""),
    );
    for (const one of forged.snapshot.listings)
      one.ids = one.ids.filter((id) => forged.snapshot.records.some((record) => record.id === id));
    const verdict = check(forged.operations as Operation[], forged.snapshot as Evidence["snapshot"], {
      durable: false,
      linearizable: false,
    });
    expect(verdict.violations).toEqual([]);
  });
});

describe("a ledger", () => {
  it("keeps what was written when its process ends in the middle of a line", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdpoint-ledger-"));
    try {
      const path = join(folder, "one.jsonl");
      const call = { kind: "get", hitl_id: "q" } as const;
      const file = new LedgerFile(path);
      file.write({ t: "invoke", op: "1", at: 1, call });
      file.write({ t: "ok", op: "1", at: 2, result: { status: "read" } });
      file.write({ t: "invoke", op: "2", at: 3, call });
      file.close();
      appendFileSync(path, '{"t":"ok","op":"2","at":4,"res');
      expect(operationsOf(readLedger(path)).map(({ op, outcome }) => [op, outcome])).toEqual([
        ["1", "ok"],
        ["2", "open"],
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("with two ends, two beginnings, or an end without a beginning is no ledger", () => {
    const begun: Line = { t: "invoke", op: "1", at: 1, call: { kind: "get", hitl_id: "q" } };
    const ended: Line = { t: "ok", op: "1", at: 2, result: { status: "read" } };
    for (const lines of [[begun, begun], [begun, ended, ended], [ended]])
      expect(() => operationsOf(lines)).toThrow(/ledger/);
  });
});
