/** Three calls in one step of a `HITLToolNode`, in each style of asking, two rounds long. */
import { Driver } from "./drive.ts";
import type { Scenario } from "./scenarios.ts";
import { openWorld } from "./world.ts";

export const toolsScenario: Scenario = {
  open: openWorld,
  driver: (world) => new Driver(world),
  async examine(_world, end) {
    end.checkTurns(2);
    end.checkCalls();
  },
};
