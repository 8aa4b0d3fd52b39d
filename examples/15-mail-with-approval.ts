/** A mail that needs approval: nobody waits for the human, the same call is made again, and the mail leaves once. */
import { InMemoryHITLBackend } from "holdpoint";
import { EffectLedger, isEffectDeniedError, isEffectTimeoutError } from "holdpoint/ledger";

const backend = new InMemoryHITLBackend();
const sent: string[] = [];

const ledger = new EffectLedger({
  backend,
  // Null would wait for the human; 0 comes back later.
  defaults: { concurrency: { approvalTimeoutMs: 0 } },
  hooks: {
    requiresApproval: ({ args }) => !String(args["to"]).endsWith("@acme.example"),
    onApprovalRequired: ({ tool, args_canonical }) => console.log(`${tool} asks: ${args_canonical}`),
  },
});

async function mail(to: string): Promise<string> {
  const call = { workflow_id: "offer-7", tool: "mail", args: { to } };
  try {
    return await ledger.run(call, () => {
      sent.push(to);
      return `sent to ${to}`;
    });
  } catch (error) {
    if (isEffectTimeoutError(error)) return `${to} has to wait`;
    if (isEffectDeniedError(error)) return `not to ${to}: ${error.reason}`;
    throw error;
  }
}

console.log(await mail("bob@acme.example")); // prints: sent to bob@acme.example

console.log(await mail("eve@other.example"));
// prints: mail asks: {"to":"eve@other.example"}
// prints: eve@other.example has to wait
console.log(await mail("mallory@other.example"));
// prints: mail asks: {"to":"mallory@other.example"}
// prints: mallory@other.example has to wait

// The questions are where all questions are: in any inbox, for whoever may answer them.
const actor = { id: "alice", role: "user" } as const;
for (const { hitl_id, data } of (await backend.getPendingBySession("offer-7")).items) {
  const { to } = data["args"] as { to: string };
  const answer = to.startsWith("eve")
    ? { decision: "approve_once" }
    : { decision: "reject", message: "who is that?" };
  await backend.respond(hitl_id, answer, { actor });
}

console.log(await mail("eve@other.example")); // prints: sent to eve@other.example
console.log(await mail("eve@other.example")); // prints: sent to eve@other.example
console.log(await mail("mallory@other.example")); // prints: not to mallory@other.example: who is that?
console.log(sent); // prints: [ 'bob@acme.example', 'eve@other.example' ]
