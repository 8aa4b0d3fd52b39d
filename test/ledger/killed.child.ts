/** A worker that makes one call, whose effect is a line in a file, and is killed at a point of it. */
import { appendFileSync } from "node:fs";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { EffectLedger } from "../../src/ledger/index.ts";

const [path = "", file = "", point = "", leaseMs = ""] = process.argv.slice(2);

function at(here: string): void {
  if (here === point) process.kill(process.pid, "SIGKILL");
}

const backend = new SqliteHITLBackend({ path, retention: { sweepEveryMs: 0 } });
const ledger = new EffectLedger({ backend, defaults: { leaseMs: Number(leaseMs) } });
const call = { workflow_id: "order-1", tool: "charge", args: { amount: 1 } };
void ledger
  .run(call, ({ effect }) => {
    at("before the effect");
    appendFileSync(file, `${effect.idem_key}\n`);
    at("after the effect");
    return "charged";
  })
  .then(() => at("after the outcome"));
