/** Who is asked about a file that an agent writes sees the change itself: a unified diff, made only because somebody is asked. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { HITLToolNode, InMemoryHITLBackend, respondAndResume, withPreview } from "holdpoint";
import { definePolicy } from "holdpoint/policy";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";
import { unifiedDiff } from "./unified-diff.ts";

const folder = mkdtempSync(join(tmpdir(), "holdpoint-example-"));
const pathOf = (name: string): string => join(folder, basename(name));
writeFileSync(pathOf("notes.md"), "# Notes\n- apples\n- bread\n- cake\n");

const writeFile = withPreview(
  tool(
    ({ name, text }) => {
      writeFileSync(pathOf(name), text);
      return `wrote ${name}`;
    },
    {
      name: "write_file",
      description: "Writes a text file.",
      schema: z.object({ name: z.string().regex(/^[\w-]+\.md$/), text: z.string() }),
    },
  ),
  ({ name, text }) => unifiedDiff(name, readFileSync(pathOf(name), "utf8"), text),
);

const policy = definePolicy({
  rules: [
    { id: "write", for: "write_file", verdict: "ask", allowed_decisions: ["approve_once", "edit", "reject"] },
  ],
});
const backend = new InMemoryHITLBackend();
const text = "# Notes\n- apples\n- brown bread\n- cake\n- dates\n";
const graph = new StateGraph(MessagesAnnotation)
  .addNode(
    "model",
    scriptedModel(
      [{ name: "write_file", args: { name: "notes.md", text } }],
      [{ name: "write_file", args: { name: "missing.md", text: "new" } }],
    ),
  )
  .addNode("tools", new HITLToolNode([writeFile], { backend, policy }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: new MemorySaver() });

const question = async () => (await backend.list({ thread_id: "notes", status: "pending" })).items[0];

await graph.invoke({ messages: [] }, { configurable: { thread_id: "notes" } });
const first = await question();
console.log(first?.data["preview"]);
// prints: --- a/notes.md
// prints: +++ b/notes.md
// prints: @@ -1,4 +1,5 @@
// prints:  # Notes
// prints:
// prints:  - apples
// prints: -- bread
// prints: +- brown bread
// prints:  - cake
// prints: +- dates

// Without the dates: what is written is what the human has left of it, and the model is told.
const edited_args = { name: "notes.md", text: text.replace("- dates\n", "") };
const response = { decision: "edit", edited_args };
await respondAndResume(graph, { backend, hitl_id: first?.hitl_id ?? "", response });
console.log(readFileSync(pathOf("notes.md"), "utf8").includes("dates")); // prints: false

// A preview that fails is no reason not to ask, and whoever is asked reads that there is none.
console.log(String((await question())?.data["preview_error"]).replace(folder, ""));
// prints: Error: ENOENT: no such file or directory, open '/missing.md'
rmSync(folder, { recursive: true });
