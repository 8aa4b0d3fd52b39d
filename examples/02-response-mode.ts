/** Response mode: the human's answer is what the tool gives to the model. The tool is not called again. */
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { HITLSuspend, HITLToolNode, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const backend = new InMemoryHITLBackend();

const whichRoom = tool(
  ({ people }) => {
    console.log("asked"); // prints: asked
    throw new HITLSuspend({
      hitl_type: "ask_user",
      data: { message: `Which room for ${people} people?`, options: ["Kepler", "Curie"] },
      resume_mode: "response",
    });
  },
  { name: "which_room", description: "Asks for a room.", schema: z.object({ people: z.number() }) },
);

const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", scriptedModel([{ name: "which_room", args: { people: 6 } }]))
  .addNode("tools", new HITLToolNode([whichRoom], { backend }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: new MemorySaver() });

const config = { configurable: { thread_id: "meeting" } };
await graph.invoke({ messages: [] }, config);
const [question] = (await backend.getByThread("meeting")).items;
const hitl_id = question?.hitl_id ?? "";

// An answer that the question does not allow changes nothing, and says what is wrong.
const bad = await respondAndResume(graph, { backend, hitl_id, response: { answer: "Room 9" } });
if (bad.status === "invalid") console.log("invalid:", bad.issues[0]?.path.join(".")); // prints: invalid: answer

const good = await respondAndResume(graph, { backend, hitl_id, response: { answer: "Kepler" } });
console.log(good.status); // prints: accepted
const { values } = await graph.getState(config);
console.log(values.messages.at(-2)?.text); // prints: {"answer":"Kepler"}
