/** Interrupt nodes: the question is asked once, its route is followed once, the effect behind it happens once. */
import { describeKills } from "./describe-kills.ts";

describeKills(["approval node", "approval node in a subgraph", "two approval nodes"], {
  sqlite: 17,
  redis: 23,
});
