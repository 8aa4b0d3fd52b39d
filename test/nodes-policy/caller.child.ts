/** A process that calls a tool under a policy, on a store that others share, as often as it is told to. */
import { join } from "node:path";
import type { HITLBackend, StoreHITLBackend } from "holdpoint";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { doJobs } from "../support/worker-jobs.ts";
import { type CallJob, callTool, type CallReply } from "./caller.ts";

const opened = new Map<string, HITLBackend>();

/** Kept: nothing that one call has read may count for the next. */
function backendOf({ redis, folder }: CallJob): HITLBackend {
  const name = JSON.stringify([redis, folder]);
  const known = opened.get(name);
  if (known) return known;
  const made: StoreHITLBackend = redis
    ? new RedisHITLBackend(redis)
    : new SqliteHITLBackend({ path: join(folder, "records.db") });
  opened.set(name, made);
  return made;
}

doJobs<CallJob, CallReply>(async (job, { barrier }) => {
  const backend = backendOf(job);
  await backend.list({ thread_id: job.thread });
  if (job.together) await barrier();
  return callTool(backend, job.thread);
});
