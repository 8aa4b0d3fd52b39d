/** The record operations against a bare store that does the same writes at the same durability. */
import { join } from "node:path";
import type { Redis } from "ioredis";
import {
  type CreateRequest,
  type HITLBackend,
  InMemoryHITLBackend,
  StoreHITLBackend,
  type StoredRecord,
} from "holdpoint";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { barePostgres } from "./bare-postgres.ts";
import {
  type BareStore,
  bareMemory,
  bareRedis,
  bareSqlite,
  recordingClient,
  type Template,
} from "./bare-stores.ts";
import { compare, type Contender } from "./measure.ts";
import type { Options } from "./options.ts";
import { postgresPlace, redisPlace, sqlitePlace, temporaryFolder } from "./places.ts";
import { atLeast, type Bound, type Report } from "./report.ts";

const OPERATIONS = ["create", "respond", "cancel", "get", "page"] as const;
type OperationName = (typeof OPERATIONS)[number];
const WITHOUT_CANCEL = OPERATIONS.filter((name) => name !== "cancel");
const COUNT = 400;

interface Subject {
  readonly name: string;
  readonly operations: readonly OperationName[];
  /** A new backend for a segment, or one for all. */
  backend(): Promise<{ backend: HITLBackend; end?: () => Promise<void> }>;
  bare(
    count: number,
    request: CreateRequest,
  ): Promise<{ store: BareStore; end?: () => Promise<void> | void }>;
  bound(operation: OperationName, concurrency: number): Bound | undefined;
}

function requestOf(session_id: string): CreateRequest {
  return {
    hitl_type: "confirm",
    session_id,
    thread_id: session_id,
    data: { message: "Refund 42 for order-1?", details: "x".repeat(200), risk_level: "high" },
    tool_name: "refund",
    params: { order: "order-1", amount: 42 },
  };
}

const ANSWER = { confirmed: true };
let segments = 0;

function own(subject: Subject, operation: OperationName): Contender {
  return async (count) => {
    const { backend, end } = await subject.backend();
    // A second handle, which has written nothing itself: it reads a record before it answers it.
    const elsewhere = new StoreHITLBackend(backend.store);
    segments += 1;
    const session = `own${segments}`;
    const request = requestOf(session);
    const ids: string[] = [];
    if (operation !== "create") {
      for (let index = 0; index < count; index += 1) ids.push((await backend.create(request)).record.hitl_id);
    }
    const operations: Readonly<Record<OperationName, (index: number) => Promise<unknown>>> = {
      create: () => backend.create(request),
      respond: (index) => elsewhere.respond(ids[index] as string, ANSWER),
      cancel: (index) => elsewhere.cancel(ids[index] as string),
      get: (index) => backend.get(ids[index] as string),
      page: () => backend.getPendingBySession(session, { limit: 50 }),
    };
    return end ? { run: operations[operation], end } : { run: operations[operation] };
  };
}

function bare(subject: Subject, operation: OperationName): Contender {
  return async (count) => {
    segments += 1;
    const { store, end } = await subject.bare(count, requestOf(`bare${segments}`));
    if (operation !== "create") for (let index = 0; index < count; index += 1) await store.create(index);
    const run = store[operation];
    if (!run) throw new Error(`There is no bare ${operation} of ${subject.name}.`);
    return end ? { run, end } : { run };
  };
}

async function sampleOf(backend: HITLBackend, request: CreateRequest): Promise<StoredRecord> {
  const { record } = await backend.create(request);
  return (await backend.store.get([record.hitl_id]))[0] as StoredRecord;
}

const memory: Subject = {
  name: "memory",
  operations: WITHOUT_CANCEL,
  backend: async () => ({ backend: new InMemoryHITLBackend() }),
  bare: async (count, request) => ({
    store: bareMemory(await sampleOf(new InMemoryHITLBackend(), request), count),
  }),
  bound: () => undefined,
};

function sqlite(synchronous: "FULL" | "NORMAL"): Subject {
  return {
    name: `SQLite ${synchronous}`,
    operations: WITHOUT_CANCEL,
    backend: () => sqlitePlace(synchronous),
    bare: async (count, request) => {
      const { path, remove } = temporaryFolder();
      const like = await sampleOf(new InMemoryHITLBackend(), request);
      const store = bareSqlite(join(path, "bare.db"), synchronous, like, count);
      const end = (): void => {
        store.close();
        remove();
      };
      return { store, end };
    },
    bound: (operation) => (operation === "create" ? atLeast(0.8) : undefined),
  };
}

type Bounds = Readonly<Record<string, number>>;

const REDIS_BOUNDS: Bounds = {
  "create 1": 0.95,
  "create 16": 0.8,
  "create 64": 0.8,
  "respond 1": 0.95,
  "respond 16": 0.8,
  "respond 64": 0.8,
  "cancel 1": 0.95,
  "cancel 16": 0.8,
  "cancel 64": 0.8,
  "get 1": 0.9,
  "page 1": 0.77,
};

const POSTGRES_BOUNDS: Bounds = {
  "create 1": 0.85,
  "create 16": 0.8,
  "respond 1": 0.85,
  "respond 16": 0.8,
  "cancel 1": 0.85,
  "cancel 16": 0.8,
};

const boundIn = (bounds: Bounds) => (operation: OperationName, concurrency: number) => {
  const bound = bounds[`${operation} ${concurrency}`];
  return bound === undefined ? undefined : atLeast(bound);
};

/** What the store sends for one record, taken down while it does it. */
async function redisTemplates(
  client: Redis,
  prefix: string,
  request: CreateRequest,
): Promise<{ like: StoredRecord; templates: Parameters<typeof bareRedis>[2] }> {
  const recorder = recordingClient(client);
  const backend = new RedisHITLBackend({ client: recorder.client as never, prefix });
  await backend.get("none");
  const taken = async (run: () => Promise<unknown>): Promise<Template[]> => {
    recorder.calls.length = 0;
    await run();
    return [...recorder.calls];
  };
  let id = "";
  const [create] = await taken(async () => {
    id = (await backend.create(request)).record.hitl_id;
  });
  const like = (await backend.store.get([id]))[0] as StoredRecord;
  const [get] = await taken(() => backend.get(id));
  const [page] = await taken(() => backend.getPendingBySession(request.session_id as string, { limit: 50 }));
  const [read, write] = await taken(() => new StoreHITLBackend(backend.store).respond(id, ANSWER));
  const other = (await backend.create(request)).record.hitl_id;
  const [, end] = await taken(() => new StoreHITLBackend(backend.store).cancel(other));
  if (!create || !get || !page || !read || !write || !end)
    throw new Error("The store sent other calls than expected.");
  const args = end.args.map((arg) => (typeof arg === "string" ? arg.replaceAll(other, id) : arg));
  return { like, templates: { create, get, page, read, write, cancel: { ...end, args } } };
}

async function redis(): Promise<Subject & { close(): Promise<void> }> {
  const { backend, client, prefix, close } = await redisPlace();
  return {
    name: "Redis",
    backend: async () => ({ backend }),
    bare: async (count, request) => {
      const { like, templates } = await redisTemplates(client, prefix, request);
      return { store: bareRedis(client, like, templates, count) };
    },
    operations: OPERATIONS,
    bound: boundIn(REDIS_BOUNDS),
    close,
  };
}

async function postgres(): Promise<Subject & { close(): Promise<void> }> {
  const { backend, pool, schema, close } = await postgresPlace();
  const like = await sampleOf(backend, requestOf("sample"));
  return {
    name: "PostgreSQL",
    operations: OPERATIONS,
    backend: async () => ({ backend }),
    bare: async (count, { session_id }) => {
      const keys = { ...like.keys, session: String(session_id), thread: String(session_id) };
      return { store: barePostgres(pool, schema, { ...like, keys }, count) };
    },
    bound: boundIn(POSTGRES_BOUNDS),
    close,
  };
}

export async function storeOperations(report: Report, options: Options): Promise<void> {
  report.section(
    "store",
    "operations a second, as a ratio to the bare store doing the same (respond: read + guarded write)",
  );
  const { stores } = options;
  const servers = await Promise.all([
    ...(stores.includes("redis") ? [redis()] : []),
    ...(stores.includes("postgres") ? [postgres()] : []),
  ]);
  const files = stores.includes("sqlite") ? [sqlite("FULL"), sqlite("NORMAL")] : [];
  try {
    for (const subject of [memory, ...files, ...servers]) {
      for (const operation of subject.operations) {
        for (const concurrency of options.concurrency ?? [1, 16, 64, 256]) {
          const plan = {
            concurrency,
            count: operation === "page" ? COUNT / 4 : COUNT,
            pairs: options.quick ? 4 : 12,
          };
          const result = await compare(bare(subject, operation), own(subject, operation), plan);
          report.compared(
            `${subject.name} ${operation}, ${concurrency} at once`,
            result,
            subject.bound(operation, concurrency),
          );
        }
      }
    }
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
}
