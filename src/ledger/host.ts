/**
 * The seam between the ledger and a host whose callers are not to wait for days: a graph suspends, and makes the call
 * again when its question was answered. Not public: a host hands itself over beside the options of a `run`.
 */
import type { CreateRequest } from "../backends/hitl-backend.ts";
import type { StoredRecord } from "../backends/record-store.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import type { Effect } from "./types.ts";

/** Questions of an effect as the host's own: it shows them, and suspends until they have ended. */
export interface HostQuestions {
  /** The question with where it is asked. @throws HoldpointError if its answer could not be taken up there */
  asking(request: CreateRequest): Promise<CreateRequest>;
  /** Nobody would take up its answer here: it is withdrawn, and asked anew. */
  isElsewhere(question: StoredRecord): boolean;
  /** Resolves if the question has ended meanwhile. @throws what suspends the caller */
  wait(hitl_id: string): Promise<void>;
}

export interface EffectHost {
  /** @throws HoldpointError if the ledger keeps its effects where the host does not look */
  entered(backend: StoreHITLBackend): void;
  /** The outcome is not that of this run's own handler. Told before it is given, or thrown. */
  replayed(effect: Effect): void;
  /** The parts of the call are effects themselves, and say what became of them: in doubt, the call runs again. */
  isDivided?(): boolean;
  /** Absent where callers can wait. */
  readonly questions?: HostQuestions | undefined;
}

const EFFECT_HOST: unique symbol = Symbol.for("holdpoint.effect_host.v1");

interface Hosted {
  readonly [EFFECT_HOST]?: EffectHost;
}

export function withHost<Options extends object>(options: Options, host: EffectHost): Options {
  return { ...options, [EFFECT_HOST]: host };
}

export function hostOf(options: object): EffectHost | undefined {
  return (options as Hosted)[EFFECT_HOST];
}
