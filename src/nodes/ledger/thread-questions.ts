/** The questions of an effect as questions of the thread: its call suspends until they have ended (P1, P10). */
import type { CreateRequest } from "../../backends/hitl-backend.ts";
import type { StoredRecord } from "../../backends/record-store.ts";
import type { JsonObject } from "../../core/json.ts";
import type { HostQuestions } from "../../ledger/host.ts";
import type { CallEffects } from "../../suspend/call-effects.ts";
import { doubtRequest } from "../../suspend/in-doubt.ts";
import { askedAt } from "../../suspend/supersede.ts";

export class ThreadQuestions implements HostQuestions {
  readonly #call: CallEffects;
  readonly #step: string | undefined;

  /** @param step - the name of the step of which they ask; of the call itself without one */
  constructor(call: CallEffects, step?: string) {
    this.#call = call;
    this.#step = step;
  }

  /** @throws HoldpointError as `assertResumable` */
  async asking(request: CreateRequest): Promise<CreateRequest> {
    await this.#call.assertCanAsk();
    const { place, call } = this.#call;
    const isDoubt = request.hitl_type === "in_doubt";
    const approvers = isDoubt ? this.#call.approvers : {};
    return {
      ...request,
      ...(isDoubt ? this.#doubt(request.data as JsonObject) : {}),
      metadata: { ...approvers, ...request.metadata, root_checkpoint_id: place.root_checkpoint_id },
      session_id: place.session_id,
      invocation_id: place.invocation_id,
      thread_id: place.thread_id,
      checkpoint_ns: place.checkpoint_ns,
      graph_name: place.graph_name,
      node_id: place.node_id,
      tool_name: call.tool_name,
      tool_call_id: call.tool_call_id,
      params: call.params,
    };
  }

  /** What happened to a call is said in words, for the model; to a step as its result, for the tool. */
  #doubt(data: JsonObject): Pick<CreateRequest, "data" | "response_schema"> {
    const {
      tool,
      args,
      message: _,
      options: __,
      ...more
    } = data as JsonObject & {
      tool: string;
      args: JsonObject;
    };
    const step = this.#step;
    if (step === undefined) return doubtRequest(tool, args, more, { type: "string" });
    const what = `${tool}, step "${step}",`;
    const asked = doubtRequest(tool, args, { ...more, step }, true);
    return { ...asked, data: { ...asked.data, message: asked.data.message.replace(tool, () => what) } };
  }

  /** Another branch of the thread has asked it: an answer would not wake this one. */
  isElsewhere(question: StoredRecord): boolean {
    return askedAt(question) !== this.#call.place.root_checkpoint_id;
  }

  wait(hitl_id: string): Promise<void> {
    return this.#call.wait(hitl_id);
  }
}
