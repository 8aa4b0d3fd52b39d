/**
 * A page as somebody writes it for LangChain's review of calls: it knows `actionRequests`, `reviewConfigs` and `decisions`,
 * and of ours only `asks`, by which several questions of one interrupt have ids. `?hook=` says whose `useStream` it is.
 */
import { useStream as useReactStream } from "@langchain/react";
import { useStream as useSdkStream } from "@langchain/langgraph-sdk/react";
import { type ReactElement, type ReactNode, useState } from "react";
import { createRoot } from "react-dom/client";

interface Shown {
  readonly hitl_id: string;
  readonly interrupt_id: string;
}
interface Value extends Shown {
  readonly asks?: readonly Shown[];
  readonly actionRequests: readonly {
    readonly name: string;
    readonly args: object;
    readonly description: string;
  }[];
  readonly reviewConfigs: readonly { readonly allowedDecisions: readonly string[] }[];
  readonly issues?: readonly { readonly hitl_id: string | null; readonly message: string }[];
}

interface Stream {
  readonly texts: readonly string[];
  readonly values: readonly Value[];
  readonly isLoading: boolean;
  readonly error: unknown;
  readonly say: (content: string) => Promise<void>;
  /** To the only interrupt, without an id. */
  readonly resume: (value: unknown) => Promise<void>;
  readonly resumeById: (values: Readonly<Record<string, unknown>>) => Promise<void>;
}

const query = new URLSearchParams(location.search);
const options = {
  apiUrl: query.get("api") ?? "",
  assistantId: query.get("graph") ?? "",
  threadId: query.get("thread"),
  defaultHeaders: { "x-user": query.get("user") ?? "" },
  // A reload finds the thread again.
  onThreadId: (id: string) => {
    query.set("thread", id);
    history.replaceState(null, "", `?${query}`);
  },
};

interface AnyMessage {
  readonly type?: string;
  readonly content?: unknown;
  readonly text?: unknown;
}
const textOf = ({ type, text, content }: AnyMessage): string => `${type}: ${String(text ?? content)}`;
const valuesOf = (interrupts: readonly { readonly value?: unknown }[]): readonly Value[] =>
  interrupts.flatMap(({ value }) => (value === undefined ? [] : [value as Value]));

function useSdk(): Stream {
  const [threadId, setThreadId] = useState(options.threadId);
  const stream = useSdkStream<{ messages: { type: string; content: string }[] }>({
    ...options,
    threadId,
    onThreadId: (id) => {
      setThreadId(id);
      options.onThreadId(id);
    },
    fetchStateHistory: query.get("history") === "true",
    reconnectOnMount: true,
  });
  const resume = (value: unknown): Promise<void> => stream.submit(null, { command: { resume: value } });
  return {
    texts: stream.messages.map((message) => textOf(message as AnyMessage)),
    values: valuesOf(stream.interrupts),
    isLoading: stream.isLoading,
    error: stream.error,
    say: (content) => stream.submit({ messages: [{ type: "human", content }] }),
    resume,
    resumeById: resume,
  };
}

function useReact(): Stream {
  const stream = useReactStream<{ messages: { type: string; content: string }[] }>(options);
  return {
    texts: stream.messages.map((message) => textOf(message as AnyMessage)),
    values: valuesOf(stream.interrupts),
    isLoading: stream.isLoading,
    error: stream.error,
    say: (content) => stream.submit({ messages: [{ type: "human", content }] }),
    resume: (value) => stream.respond(value),
    resumeById: (values) => {
      const [[id, value] = ["", null], ...more] = Object.entries(values);
      return more.length > 0 ? stream.respondAll(values) : stream.respond(value, { interruptId: id });
    },
  };
}

interface Asked extends Shown {
  readonly description: string;
  readonly name: string;
  readonly args: object;
  readonly allowed: readonly string[];
  readonly issues: readonly string[];
}

/** Each question once, however many interrupts list it. */
function questionsOf(values: readonly Value[]): Asked[] {
  const all = new Map<string, Asked>();
  for (const value of values)
    for (const [index, { hitl_id, interrupt_id }] of (value.asks ?? [value]).entries()) {
      const { name = "", args = {}, description = "" } = value.actionRequests[index] ?? {};
      const allowed = value.reviewConfigs[index]?.allowedDecisions ?? [];
      const mine = (value.issues ?? []).filter((issue) => [null, hitl_id].includes(issue.hitl_id));
      const issues = mine.map(({ message }) => message);
      if (!all.has(hitl_id))
        all.set(hitl_id, { hitl_id, interrupt_id, name, args, description, allowed, issues });
    }
  return [...all.values()];
}

const decision = (one: object): object => ({ decisions: [one] });

function Question({ asked, stream }: { asked: Asked; stream: Stream }): ReactElement {
  const [text, setText] = useState("");
  const { interrupt_id, name, allowed } = asked;
  const decisions: Record<string, () => object> = {
    approve: () => ({ type: "approve" }),
    reject: () => ({ type: "reject", message: text }),
    respond: () => ({ type: "respond", message: text }),
    edit: () => ({ type: "edit", editedAction: { name, args: JSON.parse(text) as object } }),
  };
  const button = (label: string, onClick: () => Promise<void>): ReactNode => (
    <button key={label} type="button" onClick={() => void onClick()}>
      {label}
    </button>
  );
  return (
    <section data-interrupt={interrupt_id}>
      <p>{asked.description}</p>
      <ul>
        {asked.issues.map((issue) => (
          <li key={issue}>{issue}</li>
        ))}
      </ul>
      <input aria-label="Text" value={text} onChange={(event) => setText(event.target.value)} />
      {allowed.map((type) =>
        button(type, () => stream.resumeById({ [interrupt_id]: decision(decisions[type]?.() ?? {}) })),
      )}
      {button("approve without an id", () => stream.resume(decision({ type: "approve" })))}
    </section>
  );
}

function Review({ stream }: { stream: Stream }): ReactElement {
  const [text, setText] = useState("");
  const questions = questionsOf(stream.values);
  const approveAll = (): Promise<void> =>
    stream.resumeById(
      Object.fromEntries(questions.map(({ interrupt_id }) => [interrupt_id, decision({ type: "approve" })])),
    );
  return (
    <main>
      <ol>
        {stream.texts.map((line, index) => (
          // oxlint-disable-next-line react/no-array-index-key
          <li key={index}>{line}</li>
        ))}
      </ol>
      {questions.map((asked) => (
        <Question key={asked.hitl_id} asked={asked} stream={stream} />
      ))}
      <button type="button" onClick={() => void approveAll()}>
        approve all
      </button>
      <input aria-label="Message" value={text} onChange={(event) => setText(event.target.value)} />
      <button type="button" onClick={() => void stream.say(text)}>
        send
      </button>
      <output>{stream.error ? String(stream.error) : stream.isLoading ? "busy" : "ready"}</output>
    </main>
  );
}

const Sdk = (): ReactElement => <Review stream={useSdk()} />;
const React = (): ReactElement => <Review stream={useReact()} />;

createRoot(document.querySelector("#root") as Element).render(
  query.get("hook") === "sdk" ? <Sdk /> : <React />,
);
