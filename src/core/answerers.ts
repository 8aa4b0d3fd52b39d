/** Who may answer a question: `metadata.answerers`, a list of the ids of actors; without one, whoever can (PROTOCOL.md §5.5). */
import { HoldpointError } from "./errors.ts";
import { isValidForeignId } from "./ids.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { Actor } from "./record.ts";

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT`: an empty list would be a question that nobody can answer */
export function assertAnswerers({ answerers }: JsonObject): void {
  if (answerers === undefined) return;
  if (Array.isArray(answerers) && answerers.length > 0 && answerers.every((id) => isValidForeignId(id)))
    return;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    "metadata.answerers has to be a list of ids of actors, at least one, or absent: then anybody may answer.",
    { details: { name: "metadata.answerers" } },
  );
}

/** P8: by a list that cannot be read nobody may answer. */
export function mayAnswer(
  { metadata }: { readonly metadata: JsonObject },
  actor: Pick<Actor, "id"> | null | undefined,
): boolean {
  const { answerers } = metadata;
  if (answerers === undefined) return true;
  return Array.isArray(answerers) && actor != null && answerers.includes(actor.id);
}

/** Whoever a question is handed to may answer it, too. */
export function withAnswerer(metadata: JsonValue | undefined, id: string): JsonObject {
  const before = (metadata ?? {}) as JsonObject;
  const { answerers } = before;
  if (!Array.isArray(answerers) || answerers.includes(id)) return before;
  return { ...before, answerers: [...answerers, id] };
}
