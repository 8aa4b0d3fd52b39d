/**
 * A real process dies at each operation of a real round, another one goes on: what ran does not run again (P6),
 * a call whose holder died is in doubt and not silently repeated (P9), no question and no answer is lost (P1, P4).
 */
import { describeKills } from "./describe-kills.ts";

// Each point is two processes and one lease to wait for. On SQLite a process dies before each operation: what one leaves
// that dies behind it is what the next operation would have begun with. Redis is covered by a sample.
describeKills(["tools"], { sqlite: 2, redis: 5 });
