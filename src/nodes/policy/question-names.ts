/** What tells the questions of a policy in one call from each other (P2): each is about one thing that the body is about to do. */
import { hashJson } from "../../core/ids.ts";
import type { JsonValue } from "../../core/json.ts";
import type { PolicyCall } from "../../policy/types.ts";
import type { CallPermissions } from "../../suspend/call-permissions.ts";
import { currentConfig } from "../../suspend/current-config.ts";

/** About the call itself, by how many policies are around: its arguments may differ from run to run (P7). */
const OF_THE_CALL = /^policy(:\d+)?$/;

/** By the body that runs: LangChain makes a config of its own for each run of a tool. */
const bodies = new WeakMap<object, Map<string, number>>();

/** @param permissions - of the call in which the policy is asked about `call`; what else runs in its body is another call */
export function questionName(permissions: CallPermissions, call: PolicyCall): string {
  const { depth } = permissions;
  if (isCallItself(permissions, call)) return depth === 0 ? "policy" : `policy:${depth}`;
  return numbered(`policy:${depth}:${hashOf([call.name, call.args])}`);
}

/** `name`; a number behind it from the second time on that the body which runs now comes to the same. */
export function numbered(name: string): string {
  const body = currentConfig();
  if (!body) return name;
  const counts = bodies.get(body) ?? new Map<string, number>();
  bodies.set(body, counts);
  const count = counts.get(name) ?? 0;
  counts.set(name, count + 1);
  return count === 0 ? name : `${name}:${count}`;
}

/** Names for all time what a grant allows: the call, or one thing in its body. One use is for one of them. */
export function grantCallId({ call }: CallPermissions, name: string): string {
  return OF_THE_CALL.test(name) ? call.id : `${call.id}#${hashJson(name).slice(0, 32)}`;
}

function isCallItself({ call: own }: CallPermissions, { name, id = "" }: PolicyCall): boolean {
  const { tool_name, tool_call_id } = own;
  if (name !== tool_name || tool_call_id === null) return false;
  return tool_call_id === id || tool_call_id.startsWith(`${id}#`);
}

/** Arguments that are no JSON are denied, and asked about by nobody. */
function hashOf([name, args]: readonly [string, PolicyCall["args"]]): string {
  try {
    return hashJson([name, args as JsonValue]);
  } catch {
    return hashJson([name]);
  }
}
