/** What other processes do in the tests: `worker.child.ts <job> <path> [parameters]`. A line on stdin starts the work. */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { makeRandomId } from "../../../../src/core/ids.ts";
import { SqliteRecordStore } from "../../../../src/backends/sqlite/sqlite-store.ts";

const [, , job = "", path = "", ...parameters] = process.argv;
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (line: string): void => void writeSync(1, `${line}\n`);
const store = new SqliteRecordStore({ path, busyTimeoutMs: 30_000, watchIntervalMs: 10 });

async function increment(id: string, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const [record] = await store.get([id]);
    if (!record) throw new Error(`${id} is missing`);
    const count = Number(record.value["count"]) + 1;
    const { status } = await store.commit([
      {
        op: "update",
        id,
        guard: { version: record.version },
        patch: { value: { count } },
        event: { type: "counted" },
      },
    ]);
    if (status === "committed") done += 1;
  }
}

async function writeForever(): Promise<never> {
  for (let n = 0; ; n += 1) {
    const id = makeRandomId("hitl", 7, () => n.toString(16).padStart(29, "0"));
    const { status } = await store.commit([
      {
        op: "insert",
        record: {
          id,
          kind: "hitl",
          tenant_id: "default",
          status: "pending",
          keys: { session: "s" },
          value: { n },
        },
        event: { type: "created" },
      },
    ]);
    if (status === "committed") say(id);
  }
}

say("ready");
await input.next();
const [first = "", second = ""] = parameters;
if (job === "open") await store.get([first]);
if (job === "increment") await increment(first, Number(second));
if (job === "write") await writeForever();
if (job === "watch") {
  // Nothing closes the watch: it must not keep the process alive.
  await store.watch([first], () => undefined);
  say("watching");
} else {
  await store.close();
}
say("done");
process.stdin.destroy();
