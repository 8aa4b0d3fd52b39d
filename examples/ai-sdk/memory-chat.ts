/** What `useChat` is for React: the AI SDK's chat over a state in memory, for a terminal or a test. */
import { AbstractChat, type ChatInit, type ChatState, type ChatStatus, isToolUIPart } from "ai";
import type { ChatMessage } from "./ui-chunks.ts";

class MemoryState implements ChatState<ChatMessage> {
  status: ChatStatus = "ready";
  error: Error | undefined = undefined;
  messages: ChatMessage[];

  constructor(messages: readonly ChatMessage[]) {
    this.messages = [...messages];
  }

  pushMessage = (message: ChatMessage): void => {
    this.messages = [...this.messages, message];
  };

  popMessage = (): void => {
    this.messages = this.messages.slice(0, -1);
  };

  replaceMessage = (index: number, message: ChatMessage): void => {
    this.messages = this.messages.with(index, structuredClone(message));
  };

  snapshot = <T>(value: T): T => structuredClone(value);
}

export class MemoryChat extends AbstractChat<ChatMessage> {
  constructor({ messages = [], ...init }: ChatInit<ChatMessage>) {
    super({ ...init, state: new MemoryState(messages) });
  }
}

/**
 * For `sendAutomaticallyWhen`: each approval is sent at once, so that its call goes on while others are still open. The AI
 * SDK's own `lastAssistantMessageIsCompleteWithApprovalResponses` waits for all of them, and for questions that are none.
 */
export function hasApprovalResponse({ messages }: { messages: readonly ChatMessage[] }): boolean {
  const { parts = [] } = messages.at(-1) ?? {};
  return parts.some((part) => isToolUIPart(part) && part.state === "approval-responded");
}
