/** Lies about leases, pairs, lists and the order of calls. */
import {
  found,
  operation,
  recordOf,
  eventsOf,
  remove,
  again,
  accepted,
  job,
  writesOf,
  marksOf,
  listing,
  LATE,
  type Forgery,
  type Loose,
} from "./forge.ts";
import type { Operation } from "./ledger.ts";

export const FORGED_RECORDS: readonly Forgery[] = [
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
