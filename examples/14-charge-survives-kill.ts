/** A charge that survives kill -9: the process dies between the charge and its record; the next one asks the service. */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { EffectLedger } from "holdpoint/ledger";

/** The payment service: it remembers each charge with the idempotency key that it came with. */
class Payments {
  readonly #file: string;

  constructor(folder: string) {
    this.#file = join(folder, "payments.log");
    appendFileSync(this.#file, "");
  }

  get keys(): string[] {
    return readFileSync(this.#file, "utf8").split("\n").filter(Boolean);
  }

  charge(key: string): string {
    appendFileSync(this.#file, `${key}\n`);
    return `ch_${this.keys.length}`;
  }

  find(key: string): string | undefined {
    const found = this.keys.indexOf(key);
    return found < 0 ? undefined : `ch_${found + 1}`;
  }
}

function open(folder: string) {
  const backend = new SqliteHITLBackend({ path: join(folder, "holdpoint.db") });
  const payments = new Payments(folder);
  const ledger = new EffectLedger({
    backend,
    defaults: {
      // So long nobody hears of a dead worker: a minute by default.
      leaseMs: 500,
      inDoubt: {
        verify: ({ idem_key }) => {
          const result = payments.find(idem_key);
          return result === undefined ? { status: "not_run" } : { status: "succeeded", result };
        },
      },
    },
  });
  return { backend, ledger, payments };
}

const call = { workflow_id: "order-123", tool: "charge", args: { amount: 1000, currency: "usd" } };

// The first process, started below: it charges, and is gone before anything could be recorded.
const [role, given] = process.argv.slice(2);
if (role === "charge" && given) {
  const { ledger, payments } = open(given);
  await ledger.run(call, ({ effect }) => {
    payments.charge(effect.idem_key);
    process.kill(process.pid, "SIGKILL");
  });
}

// The second process makes the same call: what happened is found out, and does not happen again.
const folder = mkdtempSync(join(tmpdir(), "holdpoint-example-"));
const again = [...process.execArgv, fileURLToPath(import.meta.url), "charge", folder];
const { signal } = spawnSync(process.execPath, again);
console.log(`the process that charged: ${signal}`); // prints: the process that charged: SIGKILL

const { backend, ledger, payments } = open(folder);
console.log(await ledger.run(call, ({ effect }) => payments.charge(effect.idem_key))); // prints: ch_1
console.log(`charges: ${payments.keys.length}`); // prints: charges: 1
const { items } = await ledger.history(call);
console.log(items.map(({ type }) => type).join(", ")); // prints: created, in_doubt, verified
await backend.close();
rmSync(folder, { recursive: true });
