/** A process that does jobs on threads, one after the other; some of them are its end. */
import { resumeThread, respondAndResume } from "holdpoint";
import { configOf, openQuestion, start } from "../support/agent.ts";
import { doJobs, type Gate } from "../support/worker-jobs.ts";
import { drive } from "./drive.ts";
import type { Job, Reply } from "./jobs.ts";
import { examine } from "./oracle.ts";
import { Tripwire } from "./tripwire.ts";
import { scenarioOf } from "./scenarios.ts";
import type { Site, World } from "./site.ts";
import { openWorld } from "./world.ts";

/** In the scenario `tools`. */
async function within<T>(site: Site, wire: Tripwire, work: (world: World) => Promise<T>): Promise<T> {
  return closing(openWorld(site, wire), work);
}

async function closing<W extends World, T>(world: W, work: (world: W) => Promise<T>): Promise<T> {
  try {
    return await work(world);
  } finally {
    await world.close();
  }
}

async function perform(job: Job, { barrier }: Gate): Promise<Reply> {
  const wire = new Tripwire("trip" in job ? job.trip : undefined);
  switch (job.kind) {
    case "round": {
      const scenario = await scenarioOf(job.site);
      return closing(scenario.open(job.site, wire), async (world) => {
        const report = await drive(world, job);
        const names = [...wire.names];
        const found = job.examine && report.status === "finished" ? await examine(world) : {};
        return { names, drive: report, ...found };
      });
    }
    case "start":
      for (const site of job.sites) {
        await within(site, wire, (world) => world.agent.invoke(start, configOf(site.thread)));
      }
      return { names: wire.names };
    case "answer":
      return within(job.site, wire, async ({ agent, backend, plain, site }) => {
        const { hitl_id } = await openQuestion(plain.backend, site.thread, job.question);
        if (job.together) await barrier();
        const { response } = job;
        const { status, resume } = await respondAndResume(agent, {
          backend,
          hitl_id,
          response,
          leaseMs: site.leaseMs,
        });
        return { names: wire.names, status, resume: resume?.status ?? null };
      });
    case "resume":
      return within(job.site, wire, async ({ agent, backend, plain, site }) => {
        // The connection is open before the barrier falls.
        await plain.backend.list({ thread_id: site.thread });
        if (job.together) await barrier();
        const { status } = await resumeThread(agent, {
          backend,
          thread_id: site.thread,
          leaseMs: site.leaseMs,
        });
        return { names: wire.names, resume: status };
      });
  }
}

doJobs(perform);
