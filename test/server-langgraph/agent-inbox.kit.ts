/**
 * What Agent Inbox makes of a thread, and what each of its controls sends, by LangGraph's client as it uses it. It has been
 * read in its sources (`contexts/utils.ts`, `utils.ts`, `hooks/use-interrupted-actions.tsx`, `components/inbox-item-input.tsx`);
 * the words here are our own.
 */
import type { Client, Thread } from "@langchain/langgraph-sdk";
import { collect } from "./kit.ts";

type Args = Readonly<Record<string, unknown>>;

/** A request as it shows it, whichever of the two forms it was read in. */
interface Request {
  readonly action: string;
  readonly args: Args;
  readonly description: string | undefined;
  readonly config: Readonly<Record<"accept" | "edit" | "respond" | "ignore", boolean>>;
  /** It was read in LangChain's form, and is answered in LangChain's words. */
  readonly isLangChain: boolean;
}

export type Control = "accept" | "edit" | "response" | "ignore" | "resolve";

/** What a human sees: the first request, and the controls of its card. */
export interface Item extends Pick<Request, "action" | "args" | "description" | "isLangChain"> {
  readonly controls: readonly Control[];
}

interface Interrupt {
  readonly id?: string;
  readonly value?: unknown;
}

const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** Null for what it calls an invalid schema. LangChain's form goes first, and of its lists the first entries. */
function requestOf({ value }: Interrupt): Request | null {
  const { action_requests, review_configs, action_request, config, description } = asObject(value);
  if (Array.isArray(action_requests) && action_requests.length > 0) {
    const [first] = action_requests as Record<string, unknown>[];
    const [review] = Array.isArray(review_configs)
      ? (review_configs as { allowed_decisions?: string[] }[])
      : [];
    const allowed = review?.allowed_decisions ?? [];
    const can = (name: string): boolean => allowed.length === 0 || allowed.includes(name);
    return {
      action: String(first?.["name"]),
      args: (first?.["args"] ?? first?.["arguments"] ?? {}) as Args,
      description: first?.["description"] as string | undefined,
      // Its text field is the rejection; it has no word for passing a question over.
      config: { accept: can("approve"), edit: can("edit"), respond: can("reject"), ignore: false },
      isLangChain: true,
    };
  }
  if (typeof action_request !== "object" || typeof config !== "object") return null;
  const { action, args } = action_request as { action: string; args: Args };
  const allows = config as Record<string, boolean>;
  return {
    action,
    args,
    description: description as string | undefined,
    config: {
      accept: allows["allow_accept"] === true,
      edit: allows["allow_edit"] === true,
      respond: allows["allow_respond"] === true,
      ignore: allows["allow_ignore"] === true,
    },
    isLangChain: false,
  };
}

/** The first interrupt of each task. */
function requestsOf(thread: Thread): (Request | null)[] {
  return Object.values(thread.interrupts).flatMap(([first]) =>
    first ? [requestOf(first as Interrupt)] : [],
  );
}

export function itemOf(thread: Thread): Item {
  const requests = requestsOf(thread);
  const [shown] = requests;
  if (!shown || requests.includes(null)) throw new Error("Agent Inbox calls it an invalid schema.");
  const { action, args, description, config, isLangChain } = shown;
  // An accept that any of the tasks allows is a button of the first one's card.
  const accepts = requests.some((one) => one?.config.accept);
  const fields = Object.keys(args).length;
  const controls: Control[] = [
    ...(accepts ? (["accept"] as const) : []),
    ...(config.edit && fields > 0 ? (["edit"] as const) : []),
    ...(config.respond ? (["response"] as const) : []),
    ...(config.ignore ? (["ignore"] as const) : []),
  ];
  return { action, args, description, isLangChain, controls };
}

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** What a human has put in: other texts for some arguments, or the text of the response field. */
export interface Typed {
  readonly fields?: Args;
  readonly text?: string;
}

/** The value that a control sends. A field that was touched is a text from then on; the others are as they came. */
export function sentBy(thread: Thread, control: Control, { fields = {}, text = "" }: Typed = {}): unknown {
  const [shown] = requestsOf(thread);
  if (!shown) throw new Error("Nothing is shown.");
  const { action, args, config, isLangChain } = shown;
  const touched = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, asText(value)]));
  const call = { action, args: { ...args, ...touched } };
  const answers: Readonly<Record<Exclude<Control, "resolve">, { type: string; args: unknown }>> = {
    accept: { type: "accept", args: config.edit && config.accept ? call : null },
    edit: { type: "edit", args: call },
    response: { type: "response", args: text },
    ignore: { type: "ignore", args: null },
  };
  const answer = answers[control as Exclude<Control, "resolve">];
  if (!isLangChain) return [answer];
  const words: Readonly<Record<string, string>> = { accept: "approve", response: "reject" };
  return { decisions: [{ ...answer, type: words[control] ?? control }] };
}

/** Uses a control of the card that it shows now. */
export async function use(
  client: Client,
  thread_id: string,
  control: Control,
  typed: Typed = {},
): Promise<void> {
  if (control === "resolve") {
    await client.threads.updateState(thread_id, { values: null, asNode: "__end__" });
    return;
  }
  const resume = sentBy(await client.threads.get(thread_id), control, typed) as never;
  if (control === "ignore") {
    const { run_id } = await client.runs.create(thread_id, "agent", { command: { resume } });
    await client.runs.join(thread_id, run_id);
    return;
  }
  const options = { command: { resume }, streamMode: "events" } as const;
  const chunks = await collect(client.runs.stream(thread_id, "agent", options));
  const failed = chunks.filter(({ event }) => event === "error");
  if (failed.length > 0) throw new Error(JSON.stringify(failed));
}

/** The list that a human sees: threads that wait. */
export async function listed(client: Client, thread_id: string): Promise<Thread | undefined> {
  const found = await client.threads.search({
    status: "interrupted",
    metadata: { graph_id: "agent" },
    limit: 100,
    offset: 0,
  });
  return found.find((thread) => thread.thread_id === thread_id);
}
