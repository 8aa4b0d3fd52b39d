/**
 * A real process dies at each operation of a round whose tools are behind the effect ledger: between claim and handler, in
 * the handler, after the effect and before its record, before the checkpoint. Each effect happens once, by a log of its own
 * (P6), approved as it has to be (P7), and nobody is asked twice about one doubt (P9).
 */
import { describeKills } from "./describe-kills.ts";

describeKills(["ledger", "ledger in createAgent"], { sqlite: 7, redis: 11 });
