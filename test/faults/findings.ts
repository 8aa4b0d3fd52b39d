/** What a checker may find wrong. */
export const RULES = [
  "untyped_error",
  "lost_create",
  "two_creators",
  "foreign_question",
  "lost_answer",
  "two_winners",
  "overwritten",
  "wrong_winner",
  "bad_answer_stored",
  "nobody_answered",
  "failed_took_effect",
  "lost_cancel",
  "answered_too_late",
  "expired_too_early",
  "history_gap",
  "history_twice",
  "history_lies",
  "version",
  "lost_lease",
  "fence_twice",
  "fence_order",
  "lease_stolen",
  "stale_write",
  "lost_write",
  "touches",
  "appended",
  "torn_pair",
  "lost_mark",
  "index_lies",
  "index_misses",
  "index_order",
  "due_misses",
  "due_lies",
  "stale_read",
  "missed_by_list",
  "slept_through",
  "not_recovered",
] as const;
export type Rule = (typeof RULES)[number];

export interface Violation {
  readonly rule: Rule;
  /** The record or the call that it is about. */
  readonly about: string;
  readonly text: string;
}

export class Findings {
  readonly all: Violation[] = [];

  add(rule: Rule, about: string, text: string): void {
    this.all.push({ rule, about, text });
  }
}
