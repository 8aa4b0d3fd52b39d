/**
 * Marks a promise as handled. The engine knows of every question and step; an author who started several and has
 * not awaited one yet, when another suspends the call, must not take the process down.
 */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
