/** The kinds of records that the engine's layers write; what they hold is theirs (PROTOCOL.md §8, §9, §17, §19, §21, §22). */
import { hashJson } from "../core/ids.ts";

export const CALL_KIND = "call";
export const PAUSE_KIND = "pause";
export const THREAD_KIND = "thread";
export const MESSAGE_KIND = "message";
export const MAILBOX_KIND = "mailbox";
export const ALIAS_KIND = "alias";
export const EFFECT_KIND = "effect";
export const GRANT_KIND = "grant";
export const GRANT_USE_KIND = "grant_use";
export const GRANT_CHOICE_KIND = "grant_choice";
export const SERVER_THREAD_KIND = "server_thread";

/** The index key `alias` of questions of a policy: by it those of a tenant are counted, whatever else is open. */
export const POLICY_ASKS: string = hashJson(["policy"]);

/** Messages that have come to their end. */
export const ENDED_MESSAGE_STATUSES: readonly string[] = ["delivered", "answered", "withdrawn"];
