/** Compile-time tests: a route for each outcome that can occur and for no other, typed on the graph's state. */
import {
  Annotation,
  type Command,
  END,
  MessagesAnnotation,
  START,
  StateGraph,
  StateSchema,
} from "@langchain/langgraph";
import { z } from "zod";
import type { Actor, Decision, JsonValue, OnExpire } from "../../src/index.ts";
import { approvalNode } from "../../src/nodes/interrupt-nodes/approval-node.ts";
import { askUserNode } from "../../src/nodes/interrupt-nodes/ask-user-node.ts";
import { confirmNode } from "../../src/nodes/interrupt-nodes/confirm-node.ts";
import { formNode } from "../../src/nodes/interrupt-nodes/form-node.ts";
import { permissionNode } from "../../src/nodes/interrupt-nodes/permission-node.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** `same<Expected>()(value)` compiles only if the types are identical. */
const same =
  <Expected>() =>
  <Actual>(_value: Actual, ..._proof: Equal<Expected, Actual> extends true ? [] : [never]): void => {};

const State = Annotation.Root({ draft: Annotation<string>, amount: Annotation<number> });
type Seen = typeof State.State;
const ask = { message: "?" };
const away = { update: {} };

export function statesOfEveryKind(): void {
  const review = approvalNode(
    State,
    { message: (state) => (same<Seen>()(state), state.draft) },
    { approved: "publish", rejected: { goto: "write", update: (_, state) => ({ draft: state.draft }) } },
  );
  new StateGraph(State)
    .addNode("write", () => ({}))
    .addNode("review", review, { ends: review.ends })
    .addNode("publish", () => ({}))
    .addEdge(START, "write")
    .addEdge("write", "review");
  new StateGraph(State).addNode("review", review, { ends: ["publish", "write"] }).addEdge(START, "review");

  const Zod = z.object({ title: z.string(), pages: z.number().default(1) });
  const zodNode = confirmNode(
    Zod,
    { message: (state) => `${state.title} ${state.pages.toFixed()}` },
    { confirmed: { update: { pages: 2 } }, declined: END },
  );
  new StateGraph(Zod).addNode("sure", zodNode, { ends: [END] }).addEdge(START, "sure");

  const messages = askUserNode(
    MessagesAnnotation,
    { message: (state) => state.messages.at(-1)?.text ?? "?" },
    { answered: { update: ({ answer }) => ({ messages: [{ role: "user", content: answer }] }) } },
  );
  new StateGraph(MessagesAnnotation).addNode("ask", messages).addEdge(START, "ask").addEdge("ask", END);

  const Schema = new StateSchema({ city: z.string() });
  const form = formNode(
    Schema,
    { message: (state) => state.city, schema: z.object({ city: z.string() }) },
    { submitted: { update: ({ response }) => response } },
  );
  new StateGraph(Schema).addNode("form", form).addEdge(START, "form");

  // The node's own input, and the graph's state.
  const Item = Annotation.Root({ item: Annotation<{ id: number }> });
  const each = confirmNode(
    { input: Item, state: State },
    { message: ({ item }) => `${item.id.toFixed()}?` },
    { confirmed: { update: (_, { item }) => ({ amount: item.id }) }, declined: away },
  );
  new StateGraph(State).addNode("each", each, { input: Item }).addEdge(START, "each");
}

export function routesAndEnds(): void {
  const review = approvalNode(State, ask, {
    approved: "a",
    rejected: { goto: ["b", END] },
    cancelled: { throw: true },
  });
  same<("a" | "b" | "__end__")[]>()(review.ends);
  same<
    Promise<
      | typeof State.Update
      | Command<unknown, typeof State.Update & Record<string, unknown>, "a" | "b" | "__end__">
    >
  >()(review({} as Seen));
  same<never[]>()(confirmNode(State, ask, { confirmed: away, declined: away }).ends);
  const known = new StateGraph({ state: State, nodes: ["a", "b"] });
  const fits: typeof known.Node = confirmNode(State, ask, { confirmed: "a", declined: "b" });
  // @ts-expect-error the graph has no node "c"
  const misses: typeof known.Node = confirmNode(State, ask, { confirmed: "a", declined: "c" });
  void [fits, misses];
}

export function approvalRoutes(): void {
  // @ts-expect-error what if it is rejected?
  approvalNode(State, ask, { approved: "a" });
  // @ts-expect-error nothing can be edited
  approvalNode(State, ask, { approved: "a", rejected: "b", edited: "c" });
  // @ts-expect-error there is no such outcome
  approvalNode(State, ask, { approved: "a", rejected: "b", aproved: "c" });
  // @ts-expect-error what if it is edited?
  approvalNode(State, { message: "?", editable: { draft: z.string() } }, { approved: "a", rejected: "b" });
  approvalNode(
    State,
    // @ts-expect-error an amount is a number
    { message: "?", editable: { amount: z.string() } },
    { approved: "a", rejected: "b", edited: "c" },
  );
  approvalNode(
    State,
    // @ts-expect-error the state has no such part
    { message: "?", editable: { drft: z.string() } },
    { approved: "a", rejected: "b", edited: "c" },
  );
  // @ts-expect-error the state has no such part
  approvalNode(State, { message: ({ drft }) => `${drft}` }, { approved: "a", rejected: "b" });
  // @ts-expect-error the state has no such part
  approvalNode(State, ask, { approved: "a", rejected: { update: { drft: "" } } });
  // @ts-expect-error a draft is a text
  approvalNode(State, ask, { approved: "a", rejected: { update: () => ({ draft: 1 }) } });
  // @ts-expect-error a route leads somewhere or updates something
  approvalNode(State, ask, { approved: "a", rejected: {} });
  // @ts-expect-error a question has no such option
  approvalNode(State, { message: "?", expiresInMS: 5 }, { approved: "a", rejected: "b" });
  // @ts-expect-error a message is needed
  approvalNode(State, {}, { approved: "a", rejected: "b" });
  // @ts-expect-error only what is no answer may throw
  approvalNode(State, ask, { approved: "a", rejected: { throw: true } });

  approvalNode(
    State,
    { message: (state) => state.draft, editable: { draft: z.string(), amount: z.coerce.number() } },
    {
      approved: { update: ({ outcome }) => (same<"approved">()(outcome), {}) },
      rejected: { update: ({ comment }) => (same<string | null>()(comment), {}) },
      edited: {
        goto: "a",
        update: ({ values, responded_by, response, responded_at }) => {
          same<string | undefined>()(values.draft);
          same<number | undefined>()(values.amount);
          same<Actor | null>()(responded_by);
          same<"edit">()(response.decision);
          same<number | null>()(responded_at);
          return { amount: values.amount ?? 0 };
        },
      },
      cancelled: { update: ({ reason, response }) => (same<null>()(response), { draft: reason }) },
    },
  );
}

export function expiry(): void {
  const routes = { confirmed: "a", declined: "b" } as const;
  confirmNode(State, ask, routes);
  // @ts-expect-error it cannot expire
  confirmNode(State, ask, { ...routes, expired: "c" });
  // @ts-expect-error what if it expires?
  confirmNode(State, { message: "?", expiresInMs: 5 }, routes);
  // @ts-expect-error what if it expires?
  confirmNode(State, { message: "?", expires_at: (state) => state.amount }, routes);
  // @ts-expect-error what if it expires?
  confirmNode(State, { message: "?", expiresInMs: 5, on_expire: "expire" }, routes);
  confirmNode(State, { message: "?", expiresInMs: 5 }, { ...routes, expired: { throw: true } });
  confirmNode(
    State,
    { message: (state) => state.draft, expiresInMs: 5 },
    { ...routes, expired: { update: ({ outcome }) => (same<"expired">()(outcome), { amount: 0 }) } },
  );
  // Where the deadline is made of the state, the state's type is written down.
  confirmNode(
    State,
    { message: "?", expires_at: (state: Seen) => state.amount },
    { ...routes, expired: { update: ({ reason }) => ({ draft: reason }) } },
  );

  // Somebody answers or is asked instead: the question does not expire.
  confirmNode(State, { message: "?", expiresInMs: 5, on_expire: { respond: { confirmed: false } } }, routes);
  confirmNode(State, { message: "?", expiresInMs: 5, on_expire: { escalate: "boss" } }, routes);
  confirmNode(
    State,
    { message: "?", expiresInMs: 5, on_expire: { escalate: "boss" } },
    // @ts-expect-error it cannot expire
    { ...routes, expired: "c" },
  );
  const either = (): OnExpire => "expire";
  // @ts-expect-error nobody knows what happens then
  confirmNode(State, { message: "?", expiresInMs: 5, on_expire: either }, routes);
}

export function askUserRoutes(dynamic: string[]): void {
  const options = ["main", { value: "savings", label: "Savings" }] as const;
  const node = askUserNode(State, { message: "?", options }, { options: { main: "a", savings: "b" } });
  same<("a" | "b")[]>()(node.ends);
  // @ts-expect-error what if "savings" is answered?
  askUserNode(State, { message: "?", options }, { options: { main: "a" } });
  // @ts-expect-error only the options can be answered
  askUserNode(State, { message: "?", options }, { options: { main: "a", savings: "b" }, free_text: "c" });
  askUserNode(
    State,
    { message: "?", options, allow_free_text: true },
    // @ts-expect-error something else may be answered
    { options: { main: "a", savings: "b" } },
  );
  // @ts-expect-error one route for all, or one for each
  askUserNode(State, { message: "?", options }, { answered: "c", options: { main: "a", savings: "b" } });
  // @ts-expect-error several may be answered
  askUserNode(State, { message: "?", options, multiple: true }, { options: { main: "a", savings: "b" } });
  // @ts-expect-error nobody knows the options
  askUserNode(State, { message: "?", options: () => dynamic }, { options: {} });

  askUserNode(
    State,
    { message: ({ draft }) => draft, options: ["main", "savings"], allow_free_text: true },
    {
      options: { main: "a", savings: { goto: "b", update: ({ answer }) => (same<"savings">()(answer), {}) } },
      free_text: { goto: "c", update: ({ answer }) => (same<string>()(answer), { draft: answer }) },
    },
  );
  askUserNode(
    State,
    { message: "?", options: ["x", "y"] },
    {
      answered: { update: ({ answer }) => (same<"x" | "y">()(answer), {}) },
    },
  );
  askUserNode(
    State,
    { message: "?", options: ["x", "y"], multiple: true },
    {
      answered: { update: ({ answer }) => (same<readonly ("x" | "y")[]>()(answer), {}) },
    },
  );
  askUserNode(
    State,
    { message: "?", options: () => dynamic },
    {
      answered: { update: ({ answer }) => (same<string>()(answer), {}) },
    },
  );
  askUserNode(
    State,
    { message: "?", questions: [{ id: "who", message: "Who?" }] },
    {
      answered: {
        update: ({ answers }) => (same<{ readonly who: string | readonly string[] }>()(answers), {}),
      },
    },
  );
}

export function permissionRoutes(dynamic: Decision[]): void {
  const refund = { message: "?", tool: "refund", args: {} };
  permissionNode(State, refund, { approve_once: "a", reject: "b" });
  // @ts-expect-error what if it is rejected?
  permissionNode(State, refund, { approve_once: "a" });
  // @ts-expect-error editing is not allowed
  permissionNode(State, refund, { approve_once: "a", reject: "b", edit: "c" });
  // @ts-expect-error args are needed: the approval is bound to them
  permissionNode(State, { message: "?", tool: "refund" }, { approve_once: "a", reject: "b" });
  // @ts-expect-error any decision may occur
  permissionNode(State, { ...refund, allowed_decisions: dynamic }, { approve_once: "a", reject: "b" });
  permissionNode(
    State,
    {
      message: ({ draft }) => draft,
      tool: "refund",
      args: ({ amount }) => ({ amount }),
      allowed_decisions: ["approve_once", "edit", "reject"],
      args_schema: z.object({ amount: z.number() }),
    },
    {
      approve_once: { update: ({ args }) => (same<Readonly<Record<string, JsonValue>>>()(args), {}) },
      edit: { update: ({ args, response }) => ({ amount: args.amount + response.edited_args.amount }) },
      // @ts-expect-error nothing was approved
      reject: { update: ({ args }) => ({ draft: String(args) }) },
    },
  );
}

export function formRoutes(): void {
  const schema = z.object({ amount: z.coerce.number() });
  formNode(
    State,
    { message: "?", schema },
    { submitted: { update: ({ response }) => (same<{ amount: number }>()(response), response) } },
  );
  formNode(
    State,
    { message: "?", schema: { type: "object" } },
    {
      submitted: { update: ({ response }) => (same<unknown>()(response), {}) },
    },
  );
  // @ts-expect-error a schema is needed
  formNode(State, { message: "?" }, { submitted: "a" });
  // @ts-expect-error what if it is submitted?
  formNode(State, { message: "?", schema }, {});
}
