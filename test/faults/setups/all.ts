/** Every set-up, by its name. */
import type { FaultSetup } from "../setup.ts";
import { postgresSetup } from "./postgres.ts";
import { redisSetup } from "./redis.ts";
import { redisClusterSetup } from "./redis-cluster.ts";
import { redisSentinelSetup } from "./redis-sentinel.ts";
import { sqliteSetup } from "./sqlite.ts";

export const SETUPS: readonly FaultSetup[] = [
  sqliteSetup,
  redisSetup,
  postgresSetup,
  redisClusterSetup,
  redisSentinelSetup,
];

/** @throws Error */
export function setupNamed(name: string): FaultSetup {
  const found = SETUPS.find((setup) => setup.name === name);
  if (!found)
    throw new Error(`There is no set-up "${name}"; there are: ${SETUPS.map((one) => one.name).join(", ")}.`);
  return found;
}
