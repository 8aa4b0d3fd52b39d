/** From langchain's `humanInTheLoopMiddleware` to `hitlMiddleware`: one import and a backend. The same agent with both. */
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { fakeModel } from "@langchain/core/testing";
import { tool } from "@langchain/core/tools";
import { Command, MemorySaver } from "@langchain/langgraph";
import { hitlMiddleware, InMemoryHITLBackend } from "holdpoint";
import { type AgentMiddleware, createAgent, humanInTheLoopMiddleware } from "langchain";
import { z } from "zod";

const options: Parameters<typeof humanInTheLoopMiddleware>[0] = {
  interruptOn: {
    pay: { allowedDecisions: ["approve", "reject"], description: ({ args }) => `Pay ${args["amount"]} EUR?` },
    remove: {
      allowedDecisions: ["approve", "reject"],
      when: ({ toolCall }) => toolCall.args["path"] !== "/tmp",
    },
    read: false,
  },
};
const backend = new InMemoryHITLBackend();
const langchain = (): AgentMiddleware => humanInTheLoopMiddleware(options) as AgentMiddleware;
const holdpoint = (): AgentMiddleware => hitlMiddleware({ backend, ...options }) as AgentMiddleware;

const calls = [
  { name: "read", id: "c1", args: { path: "/etc/hosts" } },
  { name: "pay", id: "c2", args: { amount: 40 } },
  { name: "remove", id: "c3", args: { path: "/etc/hosts" } },
];

// As a user interface for langchain's middleware sends it: one decision for each call that waits, in their order.
const right = { decisions: [{ type: "approve" }, { type: "reject", message: "Keep it." }] };
const oneTooFew = { decisions: [{ type: "approve" }] };

async function run(
  middleware: AgentMiddleware,
  thread_id: string,
  answers: readonly object[],
): Promise<void> {
  const ran: string[] = [];
  const tools = calls.map(({ name }) =>
    tool(() => `${name} is number ${ran.push(name)}`, { name, description: name, schema: z.looseObject({}) }),
  );
  const model = fakeModel().respondWithTools(calls).respond(new AIMessage("done"));
  const agent = createAgent({ model, tools, middleware: [middleware], checkpointer: new MemorySaver() });
  const config = { configurable: { thread_id } };
  await agent.invoke({ messages: [new HumanMessage("Pay, and tidy up.")] }, config);
  console.log("nobody has answered, ran:", ran);
  for (const resume of answers)
    await agent.invoke(new Command({ resume }), config).catch(({ name }) => console.log(name));
  const { values } = await agent.graph.getState(config);
  const results = (values.messages as BaseMessage[]).filter((message) => ToolMessage.isInstance(message));
  const ids = results.map(({ tool_call_id }) => tool_call_id);
  console.log("ran:", ran, "with a result:", ids);
}

// langchain's: the rejection costs the payment that was approved, and leaves `read` without a result.
await run(langchain(), "one", [right]);
// prints: nobody has answered, ran: []
// prints: ran: [] with a result: [ 'c3' ]
await run(holdpoint(), "one", [right]);
// prints: nobody has answered, ran: [ 'read' ]
// prints: ran: [ 'read', 'pay' ] with a result: [ 'c1', 'c2', 'c3' ]

// langchain's: once an answer did not fit, the right one fails, too. Here it changes nothing, and the next one counts.
await run(langchain(), "two", [oneTooFew, right]);
// prints: nobody has answered, ran: []
// prints: Error
// prints: Error
// prints: ran: [] with a result: []
await run(holdpoint(), "two", [oneTooFew, right]);
// prints: nobody has answered, ran: [ 'read' ]
// prints: ran: [ 'read', 'pay' ] with a result: [ 'c1', 'c2', 'c3' ]
