/** `requestPermission` in a tool that runs under a policy: the rules, the grants and the human decide as for a call. */
import { HITLCancelledError, HITLExpiredError, HoldpointError } from "../../core/errors.ts";
import type { Decision } from "../../core/hitl-types.ts";
import { hashJson } from "../../core/ids.ts";
import { cloneJson, type JsonObject, toJsonObject } from "../../core/json.ts";
import type { HITLRecord } from "../../core/record.ts";
import { checkStandard, describeIssues, isStandardSchema, toJsonSchema } from "../../core/response-schema.ts";
import { onExpireBy } from "../../policy/question.ts";
import type { PolicyContext } from "../../policy/types.ts";
import type { PermissionAnswer } from "../../suspend/ask.ts";
import type { PermissionJudge, PermissionQuestion } from "../../suspend/call-permissions.ts";
import type { Gatekeeper, Settled } from "./call-policy.ts";
import { numbered } from "./question-names.ts";

type Request = Parameters<PermissionJudge>[0];

/** @param context - of the call, without what belongs to its own arguments */
export function judgeOf({ permissions, settle }: Gatekeeper, context: PolicyContext): PermissionJudge {
  return async (request) => {
    const { tool, preview, message, allowed_decisions, key, response_schema } = request;
    const args = toJsonObject(request.args, "args");
    const name = numbered(`permission:${hashJson(key === undefined ? [tool, args] : [key])}`);
    const asked: PolicyContext = {
      ...context,
      message,
      allowed_decisions,
      response_schema,
      ...(preview === undefined ? {} : { preview: () => preview }),
    };
    const settled = await settle(name, { name: tool, args }, asked, (question) =>
      withOptions(question, request),
    );
    const newest = permissions.newest(name);
    const answer = answerOf(settled, request, newest?.hitl_id ?? permissions.call.id);
    if (newest && "answer" in settled) await assertOwnSchema(newest, request);
    return answer;
  };
}

/**
 * An answer that was taken in another process, by its JSON Schema alone.
 *
 * @throws HoldpointError `ERR_HITL_PERMISSION_DENIED` (P3, P8)
 */
async function assertOwnSchema(
  { user_response }: HITLRecord,
  { tool, response_schema }: Request,
): Promise<void> {
  if (!isStandardSchema(response_schema)) return;
  const checked = await checkStandard(response_schema, cloneJson(user_response));
  if ("value" in checked) return;
  throw new HoldpointError(
    "ERR_HITL_PERMISSION_DENIED",
    `The answer on ${tool} is not one that whoever asked for it can use: ${describeIssues(checked.issues)}`,
    { details: { tool_name: tool } },
  );
}

/** What the author of the tool has said of the question holds where the rule says nothing. */
function withOptions(question: PermissionQuestion, request: Request): PermissionQuestion {
  const { assignee, metadata, expires_at } = request;
  const { response_schema } = question.request;
  const schema = isStandardSchema(response_schema) ? toJsonSchema(response_schema) : response_schema;
  const on_expire = onExpireBy(schema as JsonObject, request.on_expire);
  const own = {
    ...(assignee === undefined ? {} : { assignee }),
    ...(on_expire === undefined ? {} : { on_expire }),
    ...(expires_at === undefined ? {} : { expires_at }),
  };
  const expiresInMs = question.expiresInMs ?? request.expiresInMs;
  return {
    request: { ...own, ...question.request, metadata: { ...metadata, ...question.request.metadata } },
    expiresInMs,
  };
}

function answerOf(settled: Settled, { tool, allowed_decisions }: Request, hitl_id: string): PermissionAnswer {
  if (settled.outcome === "run") {
    const { answer, because, args } = settled;
    if (because !== "answer" || !answer) return given("approve_once", tool, allowed_decisions);
    const { decision, message, scope } = answer;
    return {
      decision,
      ...(message === undefined ? {} : { message }),
      ...(scope === undefined ? {} : { scope }),
      ...(decision === "edit" ? { edited_args: cloneJson(args) } : {}),
    };
  }
  const { because, message, answer } = settled;
  if (because === "expired") throw new HITLExpiredError(hitl_id);
  if (because === "cancelled") throw new HITLCancelledError(hitl_id, message);
  if (because === "denied") return given("reject", tool, allowed_decisions, message);
  const said = answer?.message;
  return {
    ...given(answer?.decision ?? "reject", tool, allowed_decisions),
    ...(said === undefined ? {} : { message: said }),
  };
}

/** @throws HoldpointError `ERR_HITL_PERMISSION_DENIED`: a tool that knows no such answer would take it for another one (P8) */
function given(
  decision: Decision,
  tool: string,
  allowed: readonly Decision[],
  message?: string,
): PermissionAnswer {
  const known = decision === "approve_once" ? (["approve_once", "approve_always"] as const) : [decision];
  const found = known.find((name) => allowed.includes(name));
  if (found !== undefined) return { decision: found, ...(message === undefined ? {} : { message }) };
  throw new HoldpointError(
    "ERR_HITL_PERMISSION_DENIED",
    message ??
      `The policy's decision on ${tool} is "${decision}", which is not among the allowed_decisions of whoever asked for it.`,
    { details: { tool_name: tool } },
  );
}
