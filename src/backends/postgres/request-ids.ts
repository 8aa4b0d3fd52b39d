import { randomBytes } from "node:crypto";

/**
 * Ids for S4, 19 characters each, so that a row keeps the last ones as text of a fixed length: 72 random bits for the
 * store, then a counter. None is found across the border of two others: there is a comma.
 */
export function requestIds(): () => string {
  const own = randomBytes(9).toString("base64url");
  let count = 0;
  return () => {
    count += 1;
    return own + count.toString(36).padStart(7, "0");
  };
}
