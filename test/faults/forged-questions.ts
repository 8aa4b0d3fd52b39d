/** Lies about questions: their creation, their answers, their history. */
import {
  found,
  operation,
  recordOf,
  eventsOf,
  remove,
  again,
  accepted,
  job,
  type Forgery,
  type Named,
} from "./forge.ts";

export const FORGED_QUESTIONS: readonly Forgery[] = [
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
];
