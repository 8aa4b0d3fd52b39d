/**
 * A real process dies at each operation of a real round, another one goes on: what ran does not run again (P6),
 * a call whose holder died is in doubt and not silently repeated (P9), no question and no answer is lost (P1, P4).
 */
import { describeKills } from "./describe-kills.ts";

// Each point is two processes and one lease to wait for: Redis is covered by a sample, SQLite whole.
describeKills(["tools"], { sqlite: 1, redis: 5 });
