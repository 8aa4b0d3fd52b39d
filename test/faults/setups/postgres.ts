/** One server with `fsync` and `synchronous_commit` on: what it has acknowledged outlives its end. */
import { PostgresRecordStore } from "../../../src/backends/postgres/postgres-store.ts";
import { eventually } from "../../support/redis-server.ts";
import { startPostgresServer } from "../../support/postgres-server.ts";
import { below, type Random } from "../random.ts";
import { type Fault, type FaultSetup, textOf, wait } from "../setup.ts";
import { CALL_TIMEOUT_MS, NETWORK_FAULTS, TcpProxy } from "../tcp-proxy.ts";

const BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'holdpoint' ORDER BY pid";

export const postgresSetup: FaultSetup = {
  name: "postgres",
  promises: { durable: true, linearizable: true },
  start: async () => {
    const server = await startPostgresServer({ own: true, fsync: true });
    const proxy = await TcpProxy.open(server.port);
    const faults: Fault[] = [
      {
        name: "kill-server",
        inject: async (random) => {
          await server.kill();
          await wait(below(random, 300));
          await server.restart();
        },
      },
      {
        name: "terminate-backend",
        inject: async (random) => {
          const found = await server.sql(BACKENDS);
          const one = found[below(random, Math.max(found.length, 1))];
          if (one) await server.sql("SELECT pg_terminate_backend($1)", [one["pid"]]);
        },
      },
      {
        name: "cancel-statement",
        inject: async () => {
          await server.sql(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdpoint' AND state = 'active'",
          );
        },
      },
      ...NETWORK_FAULTS.map((name) => ({
        name,
        inject: (random: Random) => proxy.inject(name, random, wait),
      })),
    ];
    return {
      target: { connectionString: `postgres://postgres@127.0.0.1:${proxy.port}/postgres` },
      direct: { connectionString: server.url },
      faults,
      healed: () =>
        eventually("PostgreSQL answers", () =>
          server.sql("SELECT 1").then(
            () => true,
            () => false,
          ),
        ),
      stop: async () => {
        await proxy.close();
        await server.stop();
      },
    };
  },
  open: (target, callMs = CALL_TIMEOUT_MS) =>
    new PostgresRecordStore({
      connectionString: textOf(target, "connectionString"),
      commandTimeoutMs: callMs,
      maxConnections: 4,
    }),
};
