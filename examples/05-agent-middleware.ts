/** `hitlMiddleware`: the tools of langchain's `createAgent` ask humans, beside other middleware; so may the model itself. */
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { fakeModel } from "@langchain/core/testing";
import { tool } from "@langchain/core/tools";
import { MemorySaver } from "@langchain/langgraph";
import { askUserTool, confirm, hitlMiddleware, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import { createAgent, toolCallLimitMiddleware, toolRetryMiddleware } from "langchain";
import { z } from "zod";

const backend = new InMemoryHITLBackend();

const book = tool(
  async ({ city }) => {
    const { confirmed } = await confirm({ message: `Book a room in ${city}?` });
    if (confirmed) console.log("booked", city);
    return confirmed ? `booked a room in ${city}` : "not booked";
  },
  { name: "book", description: "Books a room.", schema: z.object({ city: z.string() }) },
);

// A model from your provider goes here; this one says what it is told to.
const model = fakeModel()
  .respondWithTools([{ name: "ask_user", args: { question: "Which city?" } }])
  .respond((messages) => {
    const city = /Oslo|Bergen/.exec(String(messages.at(-1)?.content))?.[0];
    return new AIMessage({ content: "", tool_calls: [{ name: "book", id: "b1", args: { city } }] });
  })
  .respond(new AIMessage("Have a good trip."));

const agent = createAgent({
  model,
  tools: [askUserTool, book],
  middleware: [
    toolRetryMiddleware({ maxRetries: 2 }),
    hitlMiddleware({ backend }),
    toolCallLimitMiddleware({ runLimit: 5 }),
  ],
  checkpointer: new MemorySaver(),
});

await agent.invoke({ messages: [new HumanMessage("A trip!")] }, { configurable: { thread_id: "trip" } });
for (const response of [{ answer: "Oslo" }, { confirmed: true }]) {
  const { items } = await backend.list({ thread_id: "trip", status: "pending" });
  for (const { hitl_id, data } of items) {
    console.log(data["message"]);
    await respondAndResume(agent, { backend, hitl_id, response });
  }
}
// prints: Which city?
// prints: Book a room in Oslo?
// prints: booked Oslo
const { values } = await agent.graph.getState({ configurable: { thread_id: "trip" } });
console.log(values.messages.at(-1)?.text); // prints: Have a good trip.
