/**
 * The JSON of a question as it is stored: what most questions have not, or have alike, is one control character each. JSON
 * text holds none (it writes them as \u0001), so every text comes back to the byte (S6), and what a question says is
 * there to be read. It is a third to a half of the JSON, in the server's memory and on the way to it.
 */

const NO_TOOL = ',"tool_name":null,"tool_call_id":null,"node_id":null,"params":null';
const FIRST_ASKED = ',"key":null,"occurrence":0';
const NOBODY = ',"subject":null,"assignee":null';
const NOT_RESUMED_APART = ',"block_id":null,"resume_mode":"response","tool_state":null';
const EXPIRES = ',"on_expire":"expire"';
const UNANSWERED =
  ',"user_response":null,"responded_at":null,"responded_by":null,"idempotency_key":null,"reason":null}';

/**
 * PROTOCOL.md §13 has this table: a character never gets another phrase. Long ones, since each that is found costs time;
 * a part of a long one where the rest is another. The characters are such as a terminal does not mind.
 */
const PHRASES: ReadonlyMap<string, string> = new Map([
  ["\x01", ',"thread_id":null,"checkpoint_ns":null'],
  ["\x02", ',"checkpoint_ns":null'],
  ["\x03", ',"graph_name":null'],
  ["\x04", ',"metadata":{}'],
  ["\x06", `${NOT_RESUMED_APART},"checkpoint_id":null,"callback_id":null`],
  ["\x10", NOT_RESUMED_APART],
  ["\x11", ',"checkpoint_id":null'],
  ["\x12", ',"callback_id":null'],
  ["\x13", NO_TOOL + FIRST_ASKED],
  ["\x14", ',"params":null'],
  ["\x15", FIRST_ASKED],
  [
    "\x16",
    ',"response_schema":{"type":"object","properties":{"confirmed":{"type":"boolean"},"comment":{"type":"string"}},"required":["confirmed"]}',
  ],
  ["\x17", NOBODY],
  ["\x18", ',"subject":null'],
  ["\x19", ',"assignee":null'],
  ["\x1a", ',"expires_at":null'],
  ["\x1c", EXPIRES],
  ["\x1d", UNANSWERED],
  ["\x1e", EXPIRES + UNANSWERED],
  ["\x1f", `${NOBODY},"expires_at":null${EXPIRES}${UNANSWERED}`],
]);
const CHARACTERS: ReadonlyMap<string, string> = new Map(
  [...PHRASES].map(([character, phrase]) => [phrase, character]),
);

const QUESTION = '{"schema_version":1,"hitl_id":';
/** The longest first. */
const ANY_PHRASE = new RegExp(
  [...PHRASES.values()]
    .sort((a, b) => b.length - a.length)
    .map((phrase) => phrase.replaceAll(/[{}[\]]/g, "\\$&"))
    .join("|"),
  "g",
);
const ANY_CHARACTER = new RegExp(`[${[...PHRASES.keys()].join("")}]`, "g");

/** @param json made by JSON.stringify */
export function shortJson(json: string): string {
  if (!json.startsWith(QUESTION)) return json;
  return json.replace(ANY_PHRASE, (phrase) => CHARACTERS.get(phrase) ?? phrase);
}

export function fullJson(short: string): string {
  return short.replace(ANY_CHARACTER, (character) => PHRASES.get(character) ?? character);
}
