/** From langchain's `humanInTheLoopMiddleware` to `hitlMiddleware`: one import and a backend. The same agent with both. */
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { fakeModel } from "@langchain/core/testing";
import { tool } from "@langchain/core/tools";
import { Command, MemorySaver } from "@langchain/langgraph";
import { hitlMiddleware, InMemoryHITLBackend, respondAndResume } from "holdpoint";
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
const before = humanInTheLoopMiddleware(options);
const after = hitlMiddleware({ backend, ...options });

const config = { configurable: { thread_id: "t" } };
const calls = [
  { name: "read", id: "c1", args: { path: "/etc/hosts" } },
  { name: "pay", id: "c2", args: { amount: 40 } },
  { name: "remove", id: "c3", args: { path: "/etc/hosts" } },
];

async function started(middleware: AgentMiddleware) {
  const ran: string[] = [];
  const tools = calls.map(({ name }) =>
    tool(() => `${name} done, as number ${ran.push(name)}`, {
      name,
      description: name,
      schema: z.looseObject({}),
    }),
  );
  const model = fakeModel().respondWithTools(calls).respond(new AIMessage("done"));
  const agent = createAgent({ model, tools, middleware: [middleware], checkpointer: new MemorySaver() });
  await agent.invoke({ messages: [new HumanMessage("Pay, and tidy up.")] }, config);
  console.log("before anybody has answered, these ran:", ran);
  const show = async (): Promise<void> => {
    const { values } = await agent.graph.getState(config);
    const results = (values.messages as BaseMessage[]).filter((message) => ToolMessage.isInstance(message));
    console.log(
      "ran:",
      ran,
      "calls with a result:",
      results.map(({ tool_call_id }) => tool_call_id),
    );
  };
  return { agent, show };
}

const langchain = await started(before as AgentMiddleware);
// prints: before anybody has answered, these ran: []
// One list for all, by place. The rejection costs the payment that was approved, and leaves `read` without a result.
const decisions = [{ type: "approve" }, { type: "reject", message: "Keep it." }];
await langchain.agent.invoke(new Command({ resume: { decisions } }), config);
await langchain.show(); // prints: ran: [] calls with a result: [ 'c3' ]

const holdpoint = await started(after as AgentMiddleware);
// prints: before anybody has answered, these ran: [ 'read' ]
// Each question by itself, in any order. An answer that does not fit changes nothing, and the next one counts.
const answers = { remove: { decision: "reject", message: "Keep it." }, pay: { decision: "approve_once" } };
for (const [name, response] of Object.entries(answers)) {
  const { items } = await backend.list({ thread_id: "t", status: "pending" });
  const { hitl_id = "", data } = items.find(({ tool_name }) => tool_name === name) ?? {};
  console.log(String(data?.["message"]).split("\n")[0]);
  const wrong = await respondAndResume(holdpoint.agent, { backend, hitl_id, response: { decision: "edit" } });
  const right = await respondAndResume(holdpoint.agent, { backend, hitl_id, response });
  console.log(wrong.status, right.status);
}
// prints: Tool execution requires approval
// prints: invalid accepted
// prints: Pay 40 EUR?
// prints: invalid accepted
await holdpoint.show(); // prints: ran: [ 'read', 'pay' ] calls with a result: [ 'c1', 'c2', 'c3' ]
