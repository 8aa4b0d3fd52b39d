/** What the five nodes have in common: a question of the state, its outcome, a route. */
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { isHITLCancelledError, isHITLExpiredError } from "../../core/errors.ts";
import type { HITLRecord, HITLType, Subject } from "../../core/record.ts";
import { askForRecord, type RecordedAnswer } from "../../suspend/ask.ts";
import { currentConfig } from "../../suspend/current-config.ts";
import { ASKS_HUMANS } from "../graph.ts";
import { isTask, runNodeCall } from "./node-call.ts";
import type { AnyOutcome } from "./outcomes.ts";
import type { AskRequest } from "./question-options.ts";
import type { NodeOutput, NodeUpdate, Routes } from "./routes.ts";
import type { InterruptNode } from "./state-types.ts";

export interface Asked {
  readonly hitl_type: HITLType;
  readonly request: AskRequest;
  readonly subject?: Subject | undefined;
}

export interface Followed {
  readonly outcome: AnyOutcome;
  /** The name of the route, where it is not that of the outcome. */
  readonly route: string;
  /** Parts of the state that the human has edited. */
  readonly edited?: NodeUpdate | undefined;
}

export interface NodeKind {
  readonly routes: Routes;
  readonly backend: HITLBackend | undefined;
  readonly leaseMs: number | undefined;
  ask(state: unknown, config: LangGraphRunnableConfig): Promise<Asked>;
  /** @param asked - what was asked, for this state */
  outcomeOf(answer: unknown, record: HITLRecord, asked: Asked): Followed;
}

export function makeNode<S, U, Ends extends string>(kind: NodeKind): InterruptNode<S, U, Ends> {
  const { backend, leaseMs, routes } = kind;
  const node = async (state: unknown, given?: LangGraphRunnableConfig): Promise<NodeOutput> => {
    if (isTask(given))
      return runNodeCall(given, { backend, leaseMs }, () => askAndFollow(kind, state, given));
    // Called by hand: the question is one of the task around it.
    const config = (currentConfig() ?? {}) as LangGraphRunnableConfig;
    return askAndFollow(kind, state, config);
  };
  return Object.assign(node, { ends: [...routes.ends], [ASKS_HUMANS]: true }) as never;
}

async function askAndFollow(
  kind: NodeKind,
  state: unknown,
  config: LangGraphRunnableConfig,
): Promise<NodeOutput> {
  const asked = await kind.ask(state, config);
  let recorded: RecordedAnswer;
  try {
    const { backend } = kind;
    recorded = await askForRecord(asked.hitl_type, asked.request, config, {
      subject: asked.subject,
      backend,
    });
  } catch (error) {
    const outcome = unansweredOf(error);
    if (outcome === null || !kind.routes.has(outcome.outcome)) throw error;
    return kind.routes.follow(outcome, outcome.outcome, state, config);
  }
  const { outcome, route, edited } = kind.outcomeOf(recorded.answer, recorded.record, asked);
  return kind.routes.follow(outcome, route, state, config, edited);
}

function unansweredOf(error: unknown): AnyOutcome | null {
  if (isHITLExpiredError(error))
    return { outcome: "expired", hitl_id: error.hitl_id, response: null, reason: "expired" };
  if (isHITLCancelledError(error))
    return { outcome: "cancelled", hitl_id: error.hitl_id, response: null, reason: error.reason };
  return null;
}
