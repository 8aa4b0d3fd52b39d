/** Ids that clients bring, and the ones that are made for them. */
import { v5 } from "@langchain/core/utils/uuid";
import { HttpError } from "./http-error.ts";

const ID = /^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$/;

/** An id of a thread, a run or a checkpoint: 1 to 128 letters, digits and `_.:@-`. @throws HttpError 422 */
export function checkedId(value: string, name: string): string {
  if (ID.test(value)) return value;
  throw new HttpError(
    422,
    `${name} has to be 1 to 128 letters, digits and _.:@-, beginning with a letter or a digit.`,
  );
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isUuid = (value: string): boolean => UUID.test(value);

/** The UUID (version 5) of a graph's only assistant, as LangGraph's servers compute it. */
export function assistantIdOf(graph_id: string): string {
  return v5(graph_id, NAMESPACE);
}

const NAMESPACE = "6ba7b821-9dad-11d1-80b4-00c04fd430c8";
