/** What ends a request with another status than 200. */

const HTTP: unique symbol = Symbol("holdpoint.http");

/** Ends a request with this status and `{ detail }`. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.name = "HttpError";
    this.status = status;
    this.headers = headers;
    Object.defineProperty(this, HTTP, { value: true });
  }
}

export function isHttpError(error: unknown): error is HttpError {
  return typeof error === "object" && error !== null && HTTP in error;
}

export const notFound = (what: string): HttpError => new HttpError(404, `${what} not found`);
