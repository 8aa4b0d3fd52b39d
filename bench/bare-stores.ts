/**
 * The bare stores: the same writes as holdpoint's, by hand, with nothing around them. For Redis the very calls
 * that the store sends, taken down once and sent again with other ids.
 */
import { randomBytes } from "node:crypto";
import BetterSqlite3 from "better-sqlite3";
import type { Redis } from "ioredis";
import { fullJson } from "../src/backends/redis/short-json.ts";
import { MIGRATIONS, QUERIES } from "../src/backends/sqlite/sql.generated.ts";
import { selecting } from "../src/backends/sqlite/rows.ts";
import { pageStatement } from "../src/backends/sqlite/page.ts";
import type { StoredRecord } from "holdpoint";

export interface BareStore {
  create(index: number): Promise<unknown>;
  /** One read and one guarded write. */
  respond(index: number): Promise<unknown>;
  /** The same, where it is compared. */
  cancel?(index: number): Promise<unknown>;
  get(index: number): Promise<unknown>;
  /** 50 pending records of one session. */
  page(index: number): Promise<unknown>;
}

/** Ids of the same slot as `like`, so that they go to the same shard. */
export function idsLike(like: string, count: number): string[] {
  const stem = like.slice(0, like.indexOf("_") + 4);
  return Array.from({ length: count }, () => stem + randomBytes(15).toString("hex").slice(0, 29));
}

/** A Map and `structuredClone`, as anyone would begin. */
export function bareMemory(like: StoredRecord, count: number): BareStore {
  const ids = idsLike(like.id, count);
  const records = new Map<string, StoredRecord>();
  const pending: string[] = [];
  return {
    create: async (index) => {
      const id = ids[index] as string;
      records.set(id, structuredClone({ ...like, id }));
      pending.push(id);
      return structuredClone(records.get(id));
    },
    respond: async (index) => {
      const id = ids[index] as string;
      const found = structuredClone(records.get(id)) as StoredRecord;
      const value = { ...found.value, user_response: { confirmed: true } };
      records.set(id, structuredClone({ ...found, status: "completed", version: found.version + 1, value }));
      return structuredClone(records.get(id));
    },
    get: async (index) => structuredClone(records.get(ids[index] as string)),
    page: async () => pending.slice(0, 50).map((id) => structuredClone(records.get(id))),
  };
}

/** better-sqlite3 with the statements and settings of the store; rows are parsed, results thrown away. */
export function bareSqlite(
  path: string,
  synchronous: string,
  like: StoredRecord,
  count: number,
): BareStore & { close(): void } {
  const database = new BetterSqlite3(path);
  database.pragma("journal_mode = WAL");
  database.pragma(`synchronous = ${synchronous}`);
  database.pragma("wal_autocheckpoint = 4000");
  database.pragma("cache_size = -16000");
  for (const { sql } of MIGRATIONS) database.exec(sql);
  const begin = database.prepare("BEGIN IMMEDIATE");
  const commit = database.prepare("COMMIT");
  const insert = database.prepare(QUERIES.insertRecord);
  const update = database.prepare(QUERIES.updateRecord);
  const event = database.prepare(QUERIES.insertEvent);
  const read = database.prepare(selecting(QUERIES.getRecord)).raw();
  const page = database.prepare(pageStatement("session", "oldest", "records")).raw();
  const ids = idsLike(like.id, count);
  const slot = Number.parseInt(like.id.slice(like.id.indexOf("_") + 1).slice(0, 3), 16);
  const { session, invocation, thread } = like.keys;
  const keys = [session ?? null, invocation ?? null, thread ?? null, null, null, null, null];
  const valueOf = (row: unknown): unknown => JSON.parse((row as string[])[12] as string);
  return {
    create: async (index) => {
      const id = ids[index] as string;
      const now = Date.now();
      begin.run();
      insert.run(
        id,
        like.kind,
        like.tenant_id,
        slot,
        now,
        "pending",
        1,
        null,
        null,
        null,
        0,
        0,
        null,
        now,
        ...keys,
        null,
        JSON.stringify(like.value),
      );
      event.run(id, now, 1, "pending", "created", null, null, null, id);
      commit.run();
    },
    respond: async (index) => {
      const id = ids[index] as string;
      const value = { ...(valueOf(read.get(id)) as object), user_response: { confirmed: true } };
      const now = Date.now();
      begin.run();
      // The guard: the row is read again under the lock.
      read.get(id);
      update.run(
        "completed",
        2,
        now,
        null,
        null,
        0,
        0,
        now,
        now,
        ...keys,
        thread ?? null,
        JSON.stringify(value),
        id,
      );
      event.run(id, now, 2, "completed", "answered", null, null, null, id);
      commit.run();
    },
    get: async (index) => valueOf(read.get(ids[index] as string)),
    page: async () =>
      page.all(like.kind, like.tenant_id, session, "pending", -1, "", slot, slot, 51).map(valueOf),
    close: () => database.close(),
  };
}

type Call = readonly (string | number)[];

/** What a store sends through an ioredis client, taken down. */
export function recordingClient(client: Redis): { client: Redis; calls: Template[] } {
  const calls: Template[] = [];
  const proxy = new Proxy(client, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      if (name !== "call" && name !== "evalsha") return own.bind(target);
      return (...args: (string | number)[]): unknown => {
        calls.push({ method: name, args });
        return Reflect.apply(own, target, args);
      };
    },
  });
  return { client: proxy, calls };
}

export interface Template {
  readonly method: "call" | "evalsha";
  readonly args: Call;
}

/** The calls of one create, respond, get and page of the store, sent again with other ids. */
export function bareRedis(
  client: Redis,
  like: StoredRecord,
  templates: Readonly<Record<"create" | "read" | "write" | "cancel" | "get" | "page", Template>>,
  count: number,
): BareStore {
  const ids = idsLike(like.id, count);
  const own = randomBytes(6).toString("base64url");
  let requests = 0;
  const send = ({ method, args }: Template, id: string, writes: boolean): Promise<unknown> => {
    const filled = args.map((arg) =>
      typeof arg === "string" && arg.includes(like.id) ? arg.replaceAll(like.id, id) : arg,
    );
    // The script takes a second call of one request for a repetition: sha, number of keys, keys, now, request.
    if (writes) filled[2 + Number(filled[1]) + 1] = own + (requests += 1).toString(36);
    return method === "call"
      ? client.call(...(filled as [string, ...string[]]))
      : client.evalsha(...(filled as [string, number, ...string[]]));
  };
  const parsed = (packed: string): unknown => JSON.parse(fullJson(packed.split("\n", 2)[1] ?? "null"));
  const guarded = async (write: Template, id: string): Promise<unknown> => {
    const [packed] = (await send(templates.read, id, false)) as [string];
    parsed(packed);
    return send(write, id, true);
  };
  return {
    create: (index) => send(templates.create, ids[index] as string, true),
    respond: (index) => guarded(templates.write, ids[index] as string),
    cancel: (index) => guarded(templates.cancel, ids[index] as string),
    get: async (index) => {
      const [packed] = (await send(templates.get, ids[index] as string, false)) as [string];
      return parsed(packed);
    },
    page: async () => {
      const reply = (await send(templates.page, like.id, false)) as string[];
      return reply.filter((_, position) => position % 2 === 1).map(parsed);
    },
  };
}
