/** From an answer to the waiter that it wakes, with one waiting and with thousands, in two processes' worth of handles. */
import { setMaxListeners } from "node:events";
import type { HITLBackend } from "holdpoint";
import { quantile } from "./measure.ts";
import type { Options } from "./options.ts";
import { atMost, type Report } from "./report.ts";
import { type Subject, subjects } from "./subjects.ts";

const CROWDS = [1, 100, 10_000];
const ROUNDS = 200;
const ANSWER = { confirmed: true };

async function asked(backend: HITLBackend, count: number, name: string): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at += 100) {
    const made = await Promise.all(
      Array.from({ length: Math.min(100, count - at) }, (_, n) =>
        backend.create({
          hitl_type: "confirm",
          session_id: `${name}${(at + n) % 500}`,
          data: { message: "Go on?" },
        }),
      ),
    );
    ids.push(...made.map(({ record }) => record.hitl_id));
  }
  return ids;
}

async function crowd(subject: Subject, count: number, rounds: number): Promise<{ ms: number; more: number }> {
  const [waiting, answering] = [subject.open(), subject.open()];
  const idle = await asked(answering, count - 1, `idle${count}-`);
  await waiting.get("none");
  const before = (await subject.connections?.()) ?? 0;
  const end = new AbortController();
  setMaxListeners(0, end.signal);
  const all = idle.map((id) => waiting.waitFor(id, { signal: end.signal }).catch(() => null));
  const times: number[] = [];
  let most = 0;
  for (let round = 0; round < rounds + 20; round += 1) {
    const [id] = (await asked(answering, 1, `r${round}-`)) as [string];
    const woken = waiting.waitFor(id).then(() => performance.now());
    // The watch is in force before the answer is given: what is measured is the wake-up alone.
    await waiting.get(id);
    await new Promise((resolve) => setTimeout(resolve, 2));
    const started = performance.now();
    const [at] = await Promise.all([woken, answering.respond(id, ANSWER)]);
    if (round >= 20) times.push(at - started);
    if (round === 20) most = ((await subject.connections?.()) ?? 0) - before;
  }
  end.abort();
  await Promise.all(all);
  return { ms: quantile(times, 0.5), more: most };
}

export async function waiters(report: Report, options: Options): Promise<void> {
  report.section("waiters", "answer → waiter woken, as a ratio to the same with one waiter");
  for (const make of subjects(options)) {
    const subject = await make();
    try {
      let alone: number | undefined;
      for (const count of CROWDS) {
        report.progress(`${subject.name}: ${count} waiting`);
        const { ms, more } = await crowd(subject, count, options.quick ? 40 : ROUNDS);
        alone ??= ms;
        report.add({
          name: `${subject.name}, ${count.toLocaleString("en")} waiting`,
          value: ms / alone,
          note: `${ms.toFixed(2)} ms${subject.connections ? `; ${more} connection more than without waiters` : ""}`,
          bound: count === 10_000 ? atMost(2.5) : undefined,
        });
      }
    } finally {
      await subject.stop();
    }
  }
}
