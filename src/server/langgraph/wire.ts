/** Values of a graph as JSON: messages as LangGraph's clients read them, and nothing that is the server's own. */

interface Dictable {
  toDict(): { readonly type: string; readonly data: object };
}

function isDictable(value: unknown): value is Dictable {
  return typeof (value as Partial<Dictable> | null)?.toDict === "function";
}

/** Keys of a run's `configurable` that no client has set and none may see. */
function isInternal(key: string): boolean {
  return key.startsWith("__") || key === "holdpoint";
}

function publicConfigurable(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !isInternal(key)));
}

/** JSON text. Messages become `{ type, … }`; an error its name and message, never its stack. */
export function toWire(value: unknown): string {
  return (
    JSON.stringify(
      value,
      function replace(this: Record<string, unknown>, key: string, plain: unknown): unknown {
        // JSON.stringify has called toJSON already: a message would be its serialised constructor.
        const raw = this[key];
        if (typeof raw === "bigint") return raw.toString();
        if (typeof raw !== "object" || raw === null) return plain;
        if (isDictable(raw)) {
          const { type, data } = raw.toDict();
          return { ...data, type };
        }
        if (raw instanceof Error) return errorOf(raw);
        if (key === "configurable") return publicConfigurable(raw);
        if (key === "callbacks" && this["configurable"] !== undefined) return undefined;
        return plain;
      },
    ) ?? "null"
  );
}

/** What a client is told of an error of a run. */
export function errorOf(error: unknown): { readonly error: string; readonly message: string } {
  if (error instanceof Error) return { error: error.name, message: error.message };
  return { error: "Error", message: typeof error === "string" ? error : "The run failed." };
}
