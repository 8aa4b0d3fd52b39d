/**
 * The reference to a call that a client carries from round to round. It says which call, and until when; everything else
 * is in the call's record. The client may have made it up, so it is signed, and the record decides whose it is (P7).
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { HoldpointError } from "../core/errors.ts";

export type McpSecret = string | Uint8Array;

export interface Reference {
  readonly call_id: string;
  /** Rounds with an answer that was refused. */
  readonly wrong: number;
}

const MARK = "hp1.";
const MIN_SECRET_BYTES = 32;
const MAX_LENGTH = 1024;
const CALL_ID = /^mcp_[0-9a-f]{32}$/;

export class References {
  readonly #keys: readonly Uint8Array[];
  readonly #now: () => number;
  readonly #tenant_id: string;

  /**
   * @param secret - of a list the first one signs, and all of them are good for reading
   * @throws HoldpointError `ERR_HITL_INVALID_INPUT`
   */
  constructor(secret: McpSecret | readonly McpSecret[] | undefined, tenant_id: string, now: () => number) {
    const given =
      secret === undefined ? [randomBytes(MIN_SECRET_BYTES)] : Array.isArray(secret) ? secret : [secret];
    this.#keys = (given as readonly unknown[]).map((key) => keyOf(key));
    if (this.#keys.length === 0) throw invalidSecret("is an empty list");
    this.#tenant_id = tenant_id;
    this.#now = now;
  }

  /** Whether a text could be a reference of ours; it may still be forged. */
  static isOwn(text: unknown): text is string {
    return typeof text === "string" && text.startsWith(MARK);
  }

  write({ call_id, wrong }: Reference, ttlMs: number): string {
    const body = Buffer.from(JSON.stringify([call_id, this.#now() + ttlMs, wrong])).toString("base64url");
    return `${MARK}${body}.${this.#sign(body, this.#keys[0] as Uint8Array).toString("base64url")}`;
  }

  /** @throws HoldpointError `ERR_HITL_FORBIDDEN` for one that we have not made, `ERR_HITL_EXPIRED` */
  read(given: unknown): Reference {
    if (!References.isOwn(given) || given.length > MAX_LENGTH) throw forged();
    const [body = "", signature = "", ...more] = given.slice(MARK.length).split(".");
    const signed = Buffer.from(signature, "base64url");
    const isOurs = this.#keys.some((key) => {
      const expected = this.#sign(body, key);
      return expected.length === signed.length && timingSafeEqual(expected, signed);
    });
    // The decoder takes other spellings of the same bytes; only ours is a reference.
    if (!isOurs || more.length > 0 || signed.toString("base64url") !== signature) throw forged();
    const [call_id, until, wrong] = JSON.parse(Buffer.from(body, "base64url").toString()) as [
      string,
      number,
      number,
    ];
    if (!CALL_ID.test(call_id)) throw forged();
    if (this.#now() < until) return { call_id, wrong };
    throw new HoldpointError(
      "ERR_HITL_EXPIRED",
      "The reference to this call has expired. Call the tool again without it: a call that still waits for a human goes on.",
      { details: { expires_at: until } },
    );
  }

  #sign(body: string, key: Uint8Array): Buffer {
    return createHmac("sha256", key)
      .update(JSON.stringify(["holdpoint.mcp", 1, this.#tenant_id, body]))
      .digest();
  }
}

function keyOf(secret: unknown): Uint8Array {
  const key = typeof secret === "string" ? Buffer.from(secret) : secret;
  if (key instanceof Uint8Array && key.length >= MIN_SECRET_BYTES) return Uint8Array.from(key);
  throw invalidSecret(`has to be text or bytes, at least ${MIN_SECRET_BYTES} bytes of them`);
}

function invalidSecret(what: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", `The option secret ${what}.`, {
    details: { option: "secret" },
  });
}

function forged(): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_FORBIDDEN",
    "The reference to a call is not one of this server. Call the tool again without it.",
  );
}
