/**
 * A real process dies at each operation of a round in which a human approves a call for always and the next one runs by the
 * grant: each call runs once (P6), the second one by the one use that there is, and nobody is asked twice (P7, P8).
 */
import { describeKills } from "./describe-kills.ts";

describeKills(["policy", "policy in createAgent"], { sqlite: 9, redis: 13 });
