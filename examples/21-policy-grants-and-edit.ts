/** A policy says which calls wait for a human. He changes one, and approves the like of another until he takes that back. */
import { tool } from "@langchain/core/tools";
import { isToolMessage } from "@langchain/core/messages";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { HITLToolNode, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import { definePolicy, PolicyGrants } from "holdpoint/policy";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const mail = z.object({ to: z.email(), text: z.string().min(1) });
// The tools know nothing of who has to agree.
const tools = [
  tool(() => "3 mails", { name: "read_inbox", description: "Reads.", schema: z.object({}) }),
  tool(() => "gone", { name: "delete_inbox", description: "Deletes.", schema: z.object({}) }),
  tool(({ to, text }) => `sent ${text} to ${to}`, { name: "send_mail", description: "Sends.", schema: mail }),
];

const policy = definePolicy({
  rules: [
    { id: "read", for: "read_*", verdict: "allow" },
    { id: "delete", for: "delete_*", verdict: "deny", message: "Nobody deletes here." },
    {
      id: "mail",
      for: "send_mail",
      verdict: "ask",
      message: ({ args }) => `Send "${String(args["text"])}" to ${String(args["to"])}?`,
      allowed_decisions: ["approve_once", "approve_always", "edit", "reject"],
      // Approve always is for this recipient, whatever the text.
      grant: { args: ["to"], uses: 10 },
    },
  ],
});

const send = (to: string, text: string) => ({ name: "send_mail", args: { to: `${to}@example.com`, text } });
const model = scriptedModel(
  [{ name: "read_inbox", args: {} }, { name: "delete_inbox", args: {} }, send("ann", "Hi")],
  [send("ann", "one")],
  [send("ann", "two")],
  [send("bob", "three")],
  [send("ann", "four")],
);
const backend = new InMemoryHITLBackend();
const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", model)
  .addNode("tools", new HITLToolNode(tools, { backend, policy }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: new MemorySaver() });

async function answer(response: object): Promise<void> {
  const [question] = (await backend.list({ thread_id: "mails", status: "pending" })).items;
  console.log(question?.data["message"]);
  await respondAndResume(graph, { backend, hitl_id: question?.hitl_id ?? "", response });
}

await graph.invoke({ messages: [] }, { configurable: { thread_id: "mails" } });
const edited_args = { to: "ann@example.com", text: "Dear Ann" };
await answer({ decision: "edit", edited_args }); // prints: Send "Hi" to ann@example.com?
await answer({ decision: "approve_always" }); // prints: Send "one" to ann@example.com?

// "two" has left without a question. Bob is another recipient, and the grant is taken back before "four".
const grants = new PolicyGrants({ backend });
for (const { grant_id } of (await grants.list({ session_id: "mails" })).items) await grants.revoke(grant_id);
await answer({ decision: "reject", message: "Not to Bob." }); // prints: Send "three" to bob@example.com?
await answer({ decision: "approve_once" }); // prints: Send "four" to ann@example.com?

const { values } = await graph.getState({ configurable: { thread_id: "mails" } });
const results = (values as typeof MessagesAnnotation.State).messages.filter(isToolMessage);
for (const { text } of results) console.log(text.replaceAll("\n", " "));
// prints: 3 mails
// prints: Nobody deletes here.
// prints: sent Dear Ann to ann@example.com  A human changed the arguments of this call to send_mail. It ran with: {"to":"ann@example.com","text":"Dear Ann"}
// prints: sent one to ann@example.com
// prints: sent two to ann@example.com
// prints: A human did not allow this call to send_mail, so it did not run: Not to Bob.
// prints: sent four to ann@example.com
