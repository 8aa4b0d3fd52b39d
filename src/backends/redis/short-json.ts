/**
 * The JSON of a question as it is stored: what most questions have not, or have alike, is one control character each. JSON
 * text holds none (it writes them as \u0001), so every text comes back to the byte (S6), and what a question says is
 * there to be read. It is a third to a half of the JSON, in the server's memory and on the way to it.
 */

/** PROTOCOL.md §13 has this table: a phrase never changes, and its character is never given to another. */
const PHRASES: ReadonlyMap<string, string> = new Map([
  ["\x01", ',"thread_id":null'],
  ["\x02", ',"checkpoint_ns":null'],
  ["\x03", ',"graph_name":null'],
  ["\x04", ',"metadata":{}'],
  ["\x06", ',"block_id":null'],
  ["\x10", ',"resume_mode":"response"'],
  ["\x11", ',"tool_state":null'],
  ["\x12", ',"checkpoint_id":null'],
  ["\x13", ',"callback_id":null'],
  ["\x14", ',"tool_name":null,"tool_call_id":null,"node_id":null'],
  ["\x15", ',"params":null'],
  ["\x16", ',"key":null'],
  ["\x17", ',"occurrence":0'],
  [
    "\x18",
    ',"response_schema":{"type":"object","properties":{"confirmed":{"type":"boolean"},"comment":{"type":"string"}},"required":["confirmed"]}',
  ],
  ["\x19", ',"subject":null'],
  ["\x1a", ',"assignee":null'],
  ["\x1c", ',"expires_at":null'],
  ["\x1d", ',"on_expire":"expire"'],
  [
    "\x1e",
    ',"user_response":null,"responded_at":null,"responded_by":null,"idempotency_key":null,"reason":null}',
  ],
]);
const CHARACTERS: ReadonlyMap<string, string> = new Map(
  [...PHRASES].map(([character, phrase]) => [phrase, character]),
);

const QUESTION = '{"schema_version":1,"hitl_id":';
const ANY_PHRASE = new RegExp(
  [...PHRASES.values()].map((phrase) => phrase.replaceAll(/[{}[\]]/g, "\\$&")).join("|"),
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
