/**
 * A chat route for the AI SDK over a LangGraph graph: what `useChat` posts goes in, a UI message stream comes out. Of what
 * a client sends, only its newest text and its approvals count. The conversation is in the checkpointer and the questions
 * are in the backend, so messages that are replayed, changed or forged do nothing.
 */
import {
  createUIMessageStream,
  createUIMessageStreamResponse,
  type InferUIMessageChunk,
  isToolUIPart,
  safeValidateUIMessages,
} from "ai";
import { type HITLBackend, type HITLRecord, type MessageGraph, resumeThread, sendMessage } from "holdpoint";
import { type InteropProblem, respondFrom } from "holdpoint/interop";
import { type ChatMessage, uiChunks } from "./ui-chunks.ts";

export interface ChatRouteOptions {
  readonly graph: MessageGraph;
  readonly backend: HITLBackend;
  /** Who sent the request, by its session and never by its body; null if nobody who may. */
  readonly userOf: (request: Request) => string | null;
}

interface Chat {
  readonly graph: MessageGraph;
  readonly backend: HITLBackend;
  readonly user: string;
  /** Of this user only, whatever id the chat was given. */
  readonly thread_id: string;
  readonly last: ChatMessage;
  /** `{ [hitl_id]: response }`: an approval has no place for them. */
  readonly answers: Readonly<Record<string, unknown>>;
}

const CHAT_ID = /^[\w-]{1,64}$/;
/** Of characters. Whatever is in front of the route has to limit the body before. */
const MAX_BODY = 1024 * 1024;
/** More than a page shows. */
const MAX_QUESTIONS = 100;

export function chatRoute(options: ChatRouteOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const user = options.userOf(request);
    if (user === null) return new Response("Log in first.", { status: 401 });
    const given = await readChat(request);
    if (given === null) return new Response("This is no chat.", { status: 400 });
    const { id, messages, answers } = given;
    const last = messages.at(-1) as ChatMessage;
    const thread_id = `${encodeURIComponent(user)}/${id}`;
    const { graph, backend } = options;
    const chat: Chat = { graph, backend, user, thread_id, last, answers };
    const stream = createUIMessageStream<ChatMessage>({
      originalMessages: messages,
      async execute({ writer }) {
        writer.write({ type: "start" });
        const problems = last.role === "user" ? await say(chat) : await answer(chat);
        for (const chunk of await chunksOf(chat, problems)) writer.write(chunk);
        writer.write({ type: "finish" });
      },
    });
    return createUIMessageStreamResponse({ stream });
  };
}

/** A new message is not sent twice under its id. It calls off what is still open, as a user expects who goes on talking. */
async function say({ graph, backend, user, thread_id, last }: Chat): Promise<readonly InteropProblem[]> {
  const message = last.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
  await sendMessage(graph, {
    backend,
    thread_id,
    message,
    message_id: last.id,
    whenPending: "cancel",
    ifNotExists: "create",
    actor: { id: user, role: "user" },
  });
  return [];
}

/** Approvals, and answers beside them, to open questions of this thread. Any other id answers nothing. */
async function answer({ graph, backend, user, thread_id, last, answers }: Chat): Promise<InteropProblem[]> {
  const options = { backend, thread_id, actor: { id: user, role: "user" } } as const;
  const approvals = last.parts.filter((part) => isToolUIPart(part) && part.state === "approval-responded");
  const problems = [...(await respondFrom("ai_sdk_7", approvals, options)).problems];
  for (const [hitl_id, response] of Object.entries(answers)) {
    const { problems: refused } = await respondFrom("holdpoint_1", { hitl_id, response }, options);
    problems.push(...refused);
  }
  // Also where nothing was accepted now: whoever accepted it may have died before the graph went on.
  await resumeThread(graph, { backend, thread_id });
  return problems;
}

async function chunksOf(
  { graph, backend, thread_id, last }: Chat,
  problems: readonly InteropProblem[],
): Promise<InferUIMessageChunk<ChatMessage>[]> {
  const { values } = await graph.getState({ configurable: { thread_id } });
  const shown = last.role === "assistant" ? last.parts : [];
  const asked = shown.flatMap((part) => {
    if (part.type === "data-question") return [part.data.hitl_id];
    return isToolUIPart(part) && part.approval ? [part.approval.id] : [];
  });
  const found = await Promise.all(asked.slice(0, MAX_QUESTIONS).map((id) => backend.get(id)));
  // What a client has written into its messages says nothing of other threads.
  const known = found.filter((record): record is HITLRecord => record?.thread_id === thread_id);
  const { items: open } = await backend.list({ thread_id, status: "pending", limit: MAX_QUESTIONS });
  return uiChunks({ state: values, open, known, shown, problems });
}

interface Given {
  readonly id: string;
  readonly messages: ChatMessage[];
  readonly answers: Readonly<Record<string, unknown>>;
}

async function readChat(request: Request): Promise<Given | null> {
  const text = await request.text();
  if (text.length > MAX_BODY) return null;
  try {
    const { id, messages, answers = {} } = JSON.parse(text) as Record<string, unknown>;
    if (typeof id !== "string" || !CHAT_ID.test(id)) return null;
    if (typeof answers !== "object" || answers === null) return null;
    const read = await safeValidateUIMessages<ChatMessage>({ messages });
    return read.success ? { id, messages: read.data, answers: answers as Given["answers"] } : null;
  } catch {
    return null;
  }
}
