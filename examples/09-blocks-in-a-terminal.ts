/** A run as blocks, shown in a terminal: streamed while it goes, live when it is resumed, rebuilt for who comes late. */
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { HITLToolNode, InMemoryHITLBackend, requestPermission, respondAndResume } from "holdpoint";
import { blockEvents, createBlockStore, recordedEvents, renderBlockText } from "holdpoint/blocks";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const clock = { now: () => Date.UTC(2026, 0, 31, 12) };
const backend = new InMemoryHITLBackend({ clock });

const remove = tool(
  async ({ path }) => {
    const { decision } = await requestPermission({
      // Whatever a model writes is shown as what it is: this one turns the text around.
      message: `Delete ${path}?`,
      tool: "remove",
      args: { path },
    });
    return decision === "approve_once" ? `removed ${path}` : "kept";
  },
  { name: "remove", description: "Deletes a file.", schema: z.object({ path: z.string() }) },
);

const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", scriptedModel([{ name: "remove", args: { path: "\u{202e}txt.exe" } }]))
  .addNode("tools", new HITLToolNode([remove], { backend }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: new MemorySaver() });

const screen = createBlockStore();
const show = (): void => console.log(renderBlockText(screen.getSnapshot(), { plain: true, width: 60 }));

const config = { configurable: { thread_id: "cleaning" } };
const stream = await graph.stream({ messages: [] }, { ...config, streamMode: ["custom"] });
for await (const event of blockEvents(stream)) screen.dispatch(event);
show();
// prints: > tool_use - remove - waiting
// prints: | path: \u{202e}txt.exe
// prints:   ? hitl - permission - remove - pending
// prints:   | Delete \u{202e}txt.exe?
// prints:     Tool: remove
// prints:     Arguments:
// prints:       | path: \u{202e}txt.exe
// prints:     Decisions: approve_once, reject

for (const { hitl_id } of (await backend.getByThread("cleaning")).items) {
  const response = { decision: "reject", message: "That is no text." };
  await respondAndResume(graph, { backend, hitl_id, response, onBlock: (event) => screen.dispatch(event) });
}
show();
// prints: > tool_use - remove - success
// prints: | path: \u{202e}txt.exe
// prints:   ? hitl - permission - remove - completed
// prints:   | Delete \u{202e}txt.exe?
// prints:     Tool: remove
// prints:     Arguments:
// prints:       | path: \u{202e}txt.exe
// prints:     Decisions: approve_once, reject
// prints:     Answer:
// prints:       | decision: reject
// prints:       | message: That is no text.
// prints:     At: 2026-01-31T12:00:00.000Z

// A user interface that comes late: what the backend knows of the session.
const late = createBlockStore();
for await (const event of recordedEvents(backend, { session_id: "cleaning" })) late.dispatch(event);
console.log(renderBlockText(late.getSnapshot(), { plain: true, width: 60 }));
// prints: ? hitl - permission - remove - completed
// prints: | Delete \u{202e}txt.exe?
// prints:   Tool: remove
// prints:   Arguments:
// prints:     | path: \u{202e}txt.exe
// prints:   Decisions: approve_once, reject
// prints:   Answer:
// prints:     | decision: reject
// prints:     | message: That is no text.
// prints:   At: 2026-01-31T12:00:00.000Z
