/** What the audit trail costs: create and respond with and without it, on the same store, interleaved. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HITLBackend, InMemoryHITLBackend, type RecordStore, StoreHITLBackend } from "holdpoint";
import { audited, type AuditOptions, readAudit, verifyAudit } from "holdpoint/audit";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { startPostgresServer } from "../test/support/postgres-server.ts";
import { startRedisServer } from "../test/support/redis-server.ts";
import { compare, type Contender } from "./measure.ts";
import type { Options } from "./options.ts";
import type { Report } from "./report.ts";

const COUNT = 400;
const ANSWER = { confirmed: true };
const REDACTED: AuditOptions = {
  redact: { paths: ["value.params.card.number", "value.user_response.comment"] },
  salt: "the salt of the benchmark",
};

interface Subject {
  readonly name: string;
  /** A backend without the trail, and what ends it. */
  open(): Promise<{ backend: StoreHITLBackend; end?: () => Promise<void> }>;
}

interface Server extends Subject {
  close(): Promise<void>;
}

type OperationName = "create" | "respond";
type Trail = AuditOptions | null;
let segments = 0;

/** Another handle, which has written nothing itself: it reads a record before it answers it. */
function elsewhere(store: RecordStore, trail: Trail): StoreHITLBackend {
  const backend = new StoreHITLBackend(store, { retention: { sweepEveryMs: 0 } });
  return trail ? audited(backend, trail) : backend;
}

function contender(subject: Subject, operation: OperationName, trail: Trail): Contender {
  return async (count) => {
    const { backend: bare, end } = await subject.open();
    const backend: HITLBackend = elsewhere(bare.store, trail);
    const other = elsewhere(bare.store, trail);
    segments += 1;
    const session_id = `audit${segments}`;
    const request = {
      hitl_type: "confirm",
      session_id,
      thread_id: session_id,
      data: { message: "Refund 42 for order-1?", details: "x".repeat(200), risk_level: "high" },
      tool_name: "refund",
      params: { order: "order-1", amount: 42, card: { number: "4111111111111111" } },
    };
    const ids: string[] = [];
    const create = async (): Promise<unknown> => ids.push((await backend.create(request)).record.hitl_id);
    if (operation === "respond") for (let index = 0; index < count; index += 1) await create();
    return {
      run: operation === "create" ? create : (index) => other.respond(ids[index] as string, ANSWER),
      end: async () => {
        if (trail) await assertWhole(other, ids[0] as string);
        await end?.();
      },
    };
  };
}

async function assertWhole(backend: HITLBackend, hitl_id: string): Promise<void> {
  const trail = await readAudit(backend, hitl_id);
  if (!trail || !(await verifyAudit(trail)).ok) throw new Error(`The trail of ${hitl_id} does not verify.`);
}

const memory: Subject = {
  name: "memory",
  open: async () => ({ backend: new InMemoryHITLBackend({ retention: { sweepEveryMs: 0 } }) }),
};

const sqlite: Subject = {
  name: "SQLite FULL",
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdpoint-bench-"));
    const backend = new SqliteHITLBackend({ path: join(folder, "holdpoint.db") });
    await backend.get("none");
    const end = async (): Promise<void> => {
      await backend.close();
      rmSync(folder, { recursive: true, force: true });
    };
    return { backend, end };
  },
};

async function redis(): Promise<Server> {
  const server = await startRedisServer();
  const backend = new RedisHITLBackend({ url: server.url, prefix: server.prefix() });
  const close = async (): Promise<void> => {
    await backend.close();
    await server.stop();
  };
  return { name: "Redis", open: async () => ({ backend }), close };
}

async function postgres(): Promise<Server> {
  const server = await startPostgresServer({ own: true, fsync: true });
  const backend = new PostgresHITLBackend({ connectionString: server.url, schema: server.schema() });
  const close = async (): Promise<void> => {
    await backend.close();
    await server.stop();
  };
  return { name: "PostgreSQL", open: async () => ({ backend }), close };
}

const TRAILS: readonly (readonly [string, AuditOptions])[] = [
  ["", {}],
  [", redacted", REDACTED],
];

export async function auditTrail(report: Report, options: Options): Promise<void> {
  report.section("audit", "create and respond with an audit trail, as a ratio to those without");
  const servers = await Promise.all([redis(), postgres()]);
  try {
    for (const subject of [memory, sqlite, ...servers]) {
      for (const operation of ["create", "respond"] as const) {
        for (const concurrency of options.concurrency ?? [1, 16]) {
          for (const [name, trail] of TRAILS) {
            const plan = { concurrency, count: COUNT, pairs: options.quick ? 4 : 12 };
            const bare = contender(subject, operation, null);
            const result = await compare(bare, contender(subject, operation, trail), plan);
            report.compared(`${subject.name} ${operation}${name}, ${concurrency} at once`, result);
          }
        }
      }
    }
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
}
