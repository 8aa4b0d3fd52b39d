import { randomBytes } from "node:crypto";

/**
 * Ids for S4: 48 random bits for the store, then a counter. Different for all that may write one record, and
 * cheaper than random bits for each commit. No id is the end of another: all have the same random part.
 */
export function requestIds(): () => string {
  const own = randomBytes(6).toString("base64url");
  let count = 0;
  return () => {
    count += 1;
    return own + count.toString(36);
  };
}
