// One approval given to two workers at once, with OpenAI Agents as its documents say: the run's state is kept as text,
// each worker reads it, approves and goes on. Prints what happened as JSON.
//
//   npm install --prefix failures/two-workers --no-package-lock
//   node failures/two-workers/openai-agents.mjs
import { readFileSync } from "node:fs";
import { Agent, Runner, RunState, setTracingDisabled, tool, Usage } from "@openai/agents";
import { z } from "zod";

const THREADS = 100;
const done = [];

const refund = tool({
  name: "refund",
  description: "Refunds an order.",
  parameters: z.object({ order: z.string() }),
  needsApproval: true,
  execute: async ({ order }) => {
    done.push(order);
    return `refunded ${order}`;
  },
});

/** Calls the tool for the order that the user names, then is done. */
const model = {
  async getResponse({ input }) {
    const items = Array.isArray(input) ? input : [{ role: "user", content: input }];
    const { content } = items.find(({ role }) => role === "user");
    const order = typeof content === "string" ? content : content[0].text;
    const text = { type: "output_text", text: "done" };
    const message = { type: "message", role: "assistant", status: "completed", content: [text] };
    const call = {
      type: "function_call",
      callId: `call_${order}`,
      name: "refund",
      status: "completed",
      arguments: JSON.stringify({ order }),
    };
    const answered = items.some(({ type }) => type === "function_call_result");
    return { usage: new Usage(), output: [answered ? message : call] };
  },
  getStreamedResponse() {
    throw new Error("not used");
  },
};

setTracingDisabled(true);
const agent = new Agent({ name: "shop", instructions: "Refund what is asked for.", tools: [refund], model });
const runner = new Runner({ tracingDisabled: true });

async function worker(saved) {
  const state = await RunState.fromString(agent, saved);
  for (const interruption of state.getInterruptions()) state.approve(interruption);
  return runner.run(agent, state);
}

for (let thread = 0; thread < THREADS; thread += 1) {
  const { state, interruptions } = await runner.run(agent, `order-${thread}`);
  if (interruptions.length !== 1) throw new Error(`order-${thread} did not stop for its approval.`);
  const saved = state.toString();
  await Promise.allSettled([worker(saved), worker(saved)]);
}

const counts = new Map();
for (const order of done) counts.set(order, (counts.get(order) ?? 0) + 1);
const twice = [...counts.values()].filter((count) => count > 1).length;
const manifest = new URL("node_modules/@openai/agents/package.json", import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, "utf8"));
console.log(
  JSON.stringify({ name: "OpenAI Agents", version, threads: THREADS, twice, once: counts.size - twice }),
);
