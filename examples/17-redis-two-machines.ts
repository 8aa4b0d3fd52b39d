/**
 * The same call from two machines at once: one of them has the effect, both get its result. All that they share is Redis.
 *
 *   redis-server --port 6379 --appendonly yes --appendfsync always
 *   REDIS_URL=redis://127.0.0.1:6379 npx tsx examples/17-redis-two-machines.ts
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { EffectLedger } from "holdpoint/ledger";

const url = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";

/** What one machine does; the charge names it. */
async function machine(name: string, workflow_id: string): Promise<{ result: string; charged: boolean }> {
  const backend = new RedisHITLBackend({ url, prefix: "example" });
  const ledger = new EffectLedger({ backend });
  const call = { workflow_id, tool: "charge", args: { amount: 1000 } };
  let charged = false;
  try {
    const result = await ledger.run(call, async ({ effect }) => {
      charged = true;
      // Not before the other machine has made the call, too.
      while (((await ledger.getEffect(effect.id))?.dedup_count ?? 0) === 0);
      return `charged by ${name}`;
    });
    return { result, charged };
  } finally {
    await backend.close();
  }
}

const [role, given] = process.argv.slice(2);
if (role !== undefined && given !== undefined) {
  console.log(JSON.stringify(await machine(role, given)));
} else {
  const workflow_id = `order-${Date.now()}`;
  const run = promisify(execFile);
  const start = async (name: string): Promise<{ result: string; charged: boolean }> => {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), name, workflow_id];
    return JSON.parse((await run(process.execPath, args)).stdout) as { result: string; charged: boolean };
  };
  const [one, two] = await Promise.all([start("one"), start("two")]);
  console.log(`charges: ${[one, two].filter(({ charged }) => charged).length}`); // prints: charges: 1
  console.log(`the same result: ${one.result === two.result}`); // prints: the same result: true
  const [charging] = [one, two].filter(({ charged }) => charged);
  console.log(/^charged by (one|two)$/.test(charging?.result ?? "")); // prints: true
}
