/** Compile-time tests (`npx tsc -p .`): what is written for langchain's middleware is what ours takes. Nothing here runs. */
import type { BaseMessage } from "@langchain/core/messages";
import {
  type DescriptionFactory,
  type HumanInTheLoopMiddlewareConfig,
  humanInTheLoopMiddleware,
  type InterruptOnConfig as LangchainInterruptOnConfig,
  type Runtime,
  type ToolCall,
  type WhenPredicate,
} from "langchain";
import { hitlMiddleware, type HITLMiddlewareOptions, InMemoryHITLBackend } from "../../src/index.ts";
import {
  definePolicy,
  type InterruptOn,
  type InterruptOnConfig,
  interruptOnRules,
} from "../../src/policy/index.ts";

const backend = new InMemoryHITLBackend();

/** A whole config, by langchain's own name for it. */
declare const config: HumanInTheLoopMiddlewareConfig;
declare const options: Parameters<typeof humanInTheLoopMiddleware>[0];
export const moved = [hitlMiddleware({ backend, ...config }), hitlMiddleware({ backend, ...options })];
export const rules = interruptOnRules(config.interruptOn ?? {}, config);

/** Functions by their names there, and with each parameter annotated, as its documentation does. */
declare const factory: DescriptionFactory;
declare const predicate: WhenPredicate;
declare const entry: LangchainInterruptOnConfig;
type AgentBuiltInState = Parameters<DescriptionFactory>[1];
export const annotated = hitlMiddleware({
  backend,
  interruptOn: {
    a: { allowedDecisions: ["approve"], description: factory, when: predicate },
    b: entry,
    c: {
      allowedDecisions: ["approve", "edit"],
      description: (toolCall: ToolCall, state: AgentBuiltInState, runtime: Runtime<unknown>): string =>
        `${toolCall.name} ${state.messages.length} ${String(runtime.configurable?.thread_id)}`,
      when: ({ toolCall, state }: Parameters<WhenPredicate>[0]): boolean =>
        state.messages.length > 0 && toolCall.id !== undefined,
    },
  },
});

/** Without annotations: the same lambdas, in both. */
const lambdas = {
  interruptOn: {
    mail: {
      allowedDecisions: ["approve", "reject"],
      description: (toolCall, state, runtime) => {
        const { to, subject } = toolCall.args;
        const messages: BaseMessage[] = state.messages;
        const thread: string | undefined = runtime.configurable?.thread_id;
        runtime.signal?.throwIfAborted();
        runtime.writer?.({ to });
        return `${to} ${subject} ${messages.at(-1)?.text} ${thread} ${String(runtime.context)} ${runtime.store?.constructor.name}`;
      },
      when: async (request) =>
        String(request.toolCall.args["path"] ?? "").startsWith("/etc") &&
        request.tool === undefined &&
        request.state.messages.length > 0 &&
        request.runtime.context !== undefined,
    },
    read: false,
    write: true,
  },
  descriptionPrefix: "Review",
} satisfies HITLMiddlewareOptions;
export const ofBoth = [hitlMiddleware({ backend, ...lambdas })];
export const inPlace = [
  humanInTheLoopMiddleware({
    interruptOn: {
      t: { allowedDecisions: ["approve"], when: ({ toolCall }) => toolCall.args["path"].startsWith("/") },
    },
  }),
  hitlMiddleware({
    backend,
    interruptOn: {
      t: { allowedDecisions: ["approve"], when: ({ toolCall }) => toolCall.args["path"].startsWith("/") },
    },
  }),
];
// What ours is used for is what theirs takes, too: going back is as easy.
export const back = humanInTheLoopMiddleware(lambdas as HumanInTheLoopMiddlewareConfig);

/** Functions that know the state and the context of their agent. */
interface Shop extends AgentBuiltInState {
  order: string;
}
interface Context {
  strict: boolean;
}
const forShops: InterruptOnConfig<Shop, { context?: Context }> = {
  allowedDecisions: ["approve"],
  description: (call, state) => `${call.name} for ${state.order}`,
  when: ({ state, runtime }) => state.order !== "" && runtime.context?.strict !== false,
};
const byShop: InterruptOn<Shop, { context?: Context }> = { pay: forShops, read: false };
export const ofShops = [
  hitlMiddleware({ backend, interruptOn: { pay: forShops, read: false } }),
  hitlMiddleware({ backend, interruptOn: byShop }),
];
export const policy = definePolicy({ rules: interruptOnRules(byShop), default: "allow" });

// respond is ours: langchain documents it, and its types refuse it (F13).
hitlMiddleware({ backend, interruptOn: { t: { allowedDecisions: ["respond"] } } });
// @ts-expect-error langchain 1.5.14 has no such decision
humanInTheLoopMiddleware({ interruptOn: { t: { allowedDecisions: ["respond"] } } });

// @ts-expect-error decisions have names
hitlMiddleware({ backend, interruptOn: { t: { allowedDecisions: ["accept"] } } });
// @ts-expect-error a config without decisions would ask nobody
hitlMiddleware({ backend, interruptOn: { t: { description: "Look!" } } });
// @ts-expect-error a description is text
hitlMiddleware({ backend, interruptOn: { t: { allowedDecisions: ["approve"], description: () => 5 } } });
// @ts-expect-error yes or no
hitlMiddleware({ backend, interruptOn: { t: { allowedDecisions: ["approve"], when: () => "no" } } });
// @ts-expect-error no such field
hitlMiddleware({ backend, interruptOn: { t: { allowedDecisions: ["approve"], descriptions: "x" } } });
hitlMiddleware({
  backend,
  interruptOn: {
    t: {
      allowedDecisions: ["approve"],
      // @ts-expect-error messages are no numbers
      description: (_call, state) => state.messages.toFixed(),
    },
  },
});
