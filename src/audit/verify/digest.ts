/** SHA-256 as browsers and Node both have it. */
import { canonicalJson, type JsonValue } from "../../core/json.ts";

const encoder = new TextEncoder();

export function hexOf(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** As `hashJson` in `core/ids.ts`. */
export async function digestJson(value: JsonValue): Promise<string> {
  return hexOf(await crypto.subtle.digest("SHA-256", encoder.encode(canonicalJson(value))));
}

/** HMAC-SHA-256 of the RFC 8785 form. */
export async function saltedDigest(value: JsonValue, salt: string): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(salt), algorithm, false, ["sign"]);
  return hexOf(await crypto.subtle.sign("HMAC", key, encoder.encode(canonicalJson(value))));
}
