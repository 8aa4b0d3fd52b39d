/** Which message lists a provider accepts, and how others are mended. */
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { areMessagesValid, repairMessages, unansweredToolCalls } from "../../src/nodes/message/tool-calls.ts";

const human = (content = "hi"): HumanMessage => new HumanMessage(content);
const tool = (id: string, content = "ok"): ToolMessage => new ToolMessage({ content, tool_call_id: id });
const asks = (...ids: (string | undefined)[]): AIMessage =>
  new AIMessage({
    content: "",
    tool_calls: ids.map((id) => ({
      type: "tool_call",
      name: "t",
      args: {},
      ...(id === undefined ? {} : { id }),
    })),
  });
const open = (...messages: BaseMessage[]): (string | undefined)[] =>
  unansweredToolCalls(messages).map(({ call }) => call.id);
const fill = ({ id = "" }: { id?: string }): ToolMessage => tool(id, "filled");
const shape = (messages: readonly BaseMessage[]): string[] =>
  messages.map((message) =>
    message.getType() === "tool"
      ? `${(message as ToolMessage).tool_call_id}:${message.text}`
      : message.getType(),
  );

describe("unansweredToolCalls", () => {
  it("gives the calls without a tool message right behind their AI message, in their order", () => {
    expect(open()).toEqual([]);
    expect(open(human(), new AIMessage("done"))).toEqual([]);
    expect(open(human(), asks("a", "b"))).toEqual(["a", "b"]);
    expect(open(asks("a", "b", "c"), tool("b"))).toEqual(["a", "c"]);
    expect(open(asks("a", "b"), tool("b"), tool("a"))).toEqual([]);
    expect(open(asks("a"), human(), tool("a"))).toEqual(["a"]);
    expect(open(asks("a"), asks("b"), tool("b"), tool("a"))).toEqual(["a"]);
  });

  it("tells calls without an id, and calls with one id, apart by their number", () => {
    expect(open(asks(undefined, undefined), tool(""))).toEqual([undefined]);
    expect(open(asks("a", "a"), tool("a"))).toEqual(["a"]);
    expect(open(asks("a", "a"), tool("a"), tool("a"))).toEqual([]);
  });
});

describe("repairMessages", () => {
  it("leaves a valid list as it is", () => {
    const messages = [human(), asks("a"), tool("a"), new AIMessage("done")];
    expect(repairMessages(messages, fill)).toBe(messages);
  });

  it("fills what is missing, moves what came too late, and drops what answers nothing", () => {
    expect(shape(repairMessages([human(), asks("a", "b"), tool("b")], fill))).toEqual([
      "human",
      "ai",
      "a:filled",
      "b:ok",
    ]);
    expect(shape(repairMessages([asks("a"), human(), tool("a", "late")], fill))).toEqual([
      "ai",
      "a:late",
      "human",
    ]);
    expect(shape(repairMessages([tool("x"), asks("a"), tool("a", "1"), tool("a", "2")], fill))).toEqual([
      "ai",
      "a:1",
    ]);
  });

  it("makes any list valid, keeps all that is no tool message in its order, and each first answer", () => {
    const id = fc.constantFrom("a", "b", "c");
    const message = fc.oneof(
      fc.constant(0).map(() => human()),
      fc.array(id, { maxLength: 3 }).map((ids) => asks(...ids)),
      fc.tuple(id, fc.string()).map(([name, text]) => tool(name, text)),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const repaired = repairMessages(messages, fill);
        expect(areMessagesValid(repaired)).toBe(true);
        const others = (list: readonly BaseMessage[]): BaseMessage[] =>
          list.filter((entry) => entry.getType() !== "tool");
        expect(others(repaired)).toEqual(others(messages));
        const filled = repaired.filter((entry) => entry.text === "filled").length;
        expect(filled).toBeLessThanOrEqual(unansweredToolCalls(messages).length);
        if (areMessagesValid(messages)) expect(repaired).toBe(messages);
      }),
    );
  });
});
