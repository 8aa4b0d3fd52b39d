/** What a node is typed on: the graph's state, its update, and the nodes to which its outcomes lead. */
import type {
  Command,
  ExtractStateType,
  ExtractUpdateType,
  LangGraphRunnableConfig,
} from "@langchain/langgraph";

/** A value, or a function of the state. It has to give the same for the same state: a node runs once more on resume. */
export type FromState<S, T> = T | ((state: S, config: LangGraphRunnableConfig) => T | Promise<T>);

/**
 * What the node sees of a graph's schema: an `Annotation.Root`, a `StateSchema` or a zod object. Where the node is
 * given something else than the state (`addNode("x", node, { input })`, `Send`), `{ input, state }` names both.
 */
export type StateOf<Schema> = Schema extends { readonly input: infer Input; readonly state: unknown }
  ? ExtractStateType<Input>
  : ExtractStateType<Schema>;

export type UpdateOf<Schema> = Schema extends { readonly input: unknown; readonly state: infer State }
  ? ExtractUpdateType<State>
  : ExtractUpdateType<Schema>;

/** To nodes of the graph (or `END`), with an update of the state or without. */
export type Route<S, U, O> =
  | string
  | { readonly goto: string | readonly string[]; readonly update?: RouteUpdate<S, U, O> }
  | { readonly goto?: undefined; readonly update: RouteUpdate<S, U, O> };

/** An update, or what makes one of the outcome. Without effects of its own: it may run more than once. */
export type RouteUpdate<S, U, O> =
  | U
  | ((outcome: O, state: S, config: LangGraphRunnableConfig) => U | Promise<U>);

/** The run fails with `HITLExpiredError` or `HITLCancelledError`. */
export interface Throws {
  readonly throw: true;
}

type TargetsOf<R> = R extends string
  ? R
  : R extends { readonly goto: infer Goto }
    ? Goto extends string
      ? Goto
      : Goto extends readonly (infer Node extends string)[]
        ? Node
        : never
    : never;

/** The nodes that some route leads to. */
export type EndsOf<Routes> =
  | { [Name in Exclude<keyof Routes, "options">]: TargetsOf<Routes[Name]> }[Exclude<keyof Routes, "options">]
  | (Routes extends { readonly options: infer ByOption }
      ? { [Value in keyof ByOption]: TargetsOf<ByOption[Value]> }[keyof ByOption]
      : never);

/** Refuses names that are not known, which TypeScript allows where a type parameter takes the whole object. */
export type Only<Given, Known extends PropertyKey> = {
  readonly [Name in keyof Given]: Name extends Known ? unknown : never;
};

/** A function for `addNode`; `ends` are all nodes that its outcomes can lead to, for `addNode`'s own `ends`. */
export interface InterruptNode<S, U, Ends extends string> {
  (
    state: S,
    config?: LangGraphRunnableConfig,
  ): Promise<U | Command<unknown, U & Record<string, unknown>, Ends>>;
  readonly ends: Ends[];
}
