/** The closed set of filters of `HITLBackend.list`: each is an index, another combination is an error. */
import { HoldpointError } from "../core/errors.ts";
import { slotOf } from "../core/ids.ts";
import { HITL_STATUSES } from "../core/states.ts";
import type { ListQuery } from "./hitl-backend.ts";
import { checkId, HITL_KIND } from "./hitl-codec.ts";
import type { KeyName, PageQuery } from "./record-store.ts";

const KEYS: readonly (readonly [keyof ListQuery, KeyName])[] = [
  ["session_id", "session"],
  ["invocation_id", "invocation"],
  ["thread_id", "thread"],
  ["checkpoint_id", "checkpoint"],
  ["callback_id", "callback"],
  ["assignee", "assignee"],
];
const OTHERS: readonly string[] = ["status", "order", "limit", "cursor"];

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function pageQueryOf(query: ListQuery, tenant_id: string): PageQuery {
  const { status, order, limit, cursor } = query;
  const given = KEYS.filter(([name]) => query[name] !== undefined);
  const unknown = Object.keys(query).filter(
    (name) => !OTHERS.includes(name) && !KEYS.some(([key]) => key === name),
  );
  if (given.length > 1 || unknown.length > 0) {
    const names = [...given.map(([name]) => name), ...unknown].join(", ");
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      `list takes any statuses and one of ${KEYS.map(([name]) => name).join(", ")}, or none of them; given: ${names}.`,
    );
  }
  const statuses = status === undefined ? HITL_STATUSES : typeof status === "string" ? [status] : status;
  const bad = statuses.find((name) => !HITL_STATUSES.includes(name));
  if (bad !== undefined) {
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      `There is no status "${bad}"; there are ${HITL_STATUSES.join(", ")}.`,
    );
  }
  const [by] = given;
  const value = by ? checkId(query[by[0]], by[0]) : "";
  return {
    kind: HITL_KIND,
    tenant_id,
    statuses,
    ...(by ? { key: { name: by[1], value } } : {}),
    ...(by?.[1] === "session" ? { slot: slotOf(tenant_id, value) } : {}),
    ...(order ? { order } : {}),
    ...(limit === undefined ? {} : { limit }),
    cursor,
  };
}
