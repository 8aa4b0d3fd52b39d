/** `hitlMiddleware`: calls that ask side by side, and one that asks nobody and has an effect. */
import { describeKills } from "./describe-kills.ts";

describeKills(["createAgent v1", "createAgent v2"], { sqlite: 23, redis: 29 });
