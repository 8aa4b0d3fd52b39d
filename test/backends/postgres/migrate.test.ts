import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresMigrationSql, PostgresRecordStore } from "../../../src/backends/postgres/index.ts";
import { Link } from "../../../src/backends/postgres/link.ts";
import { migrate } from "../../../src/backends/postgres/migrate.ts";
import { quoteSchema } from "../../../src/backends/postgres/names.ts";
import { MIGRATIONS } from "../../../src/backends/postgres/sql.generated.ts";
import { Statements } from "../../../src/backends/postgres/statements.ts";
import { type PostgresServer, startPostgresServer } from "../../support/postgres-server.ts";
import { idOf, insertOf, read } from "../../support/store-ops.ts";
import { expectFile } from "./kit.ts";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgresServer();
});
afterAll(() => server?.stop());

async function using<T>(
  options: { schema: string; migrate?: boolean; url?: string },
  act: (store: PostgresRecordStore) => Promise<T>,
): Promise<T> {
  const { url = server.url, ...rest } = options;
  const store = new PostgresRecordStore({ connectionString: url, maxConnections: 2, ...rest });
  try {
    return await act(store);
  } finally {
    await store.close();
  }
}

/** Everything of a schema that the catalog knows, as text that does not depend on the version of PostgreSQL. */
async function dump(schema: string): Promise<string> {
  const lines: string[] = [];
  const section = async (title: string, sql: string): Promise<void> => {
    lines.push(`# ${title}`, "");
    for (const { line } of await server.sql(sql, [schema]))
      lines.push(String(line).replaceAll(`"${schema}".`, "{schema}.").replaceAll(`${schema}.`, "{schema}."));
    lines.push("");
  };
  await section(
    "columns",
    `SELECT format('%s.%s %s%s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       CASE WHEN coll.collname <> 'default' THEN ' COLLATE ' || coll.collname ELSE '' END,
       CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
       coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')) AS line
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     LEFT JOIN pg_collation coll ON coll.oid = a.attcollation
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'c') AND a.attnum > 0 ORDER BY c.relname COLLATE "C", a.attnum`,
  );
  await section(
    "storage",
    `SELECT format('%s %s', c.relname, c.reloptions) AS line FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind = 'r' ORDER BY c.relname COLLATE "C"`,
  );
  await section(
    "indexes",
    `SELECT indexdef AS line FROM pg_indexes WHERE schemaname = $1 ORDER BY indexname COLLATE "C"`,
  );
  await section(
    "constraints",
    `SELECT format('%s %s', conname, pg_get_constraintdef(oid)) AS line FROM pg_constraint
     WHERE connamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND contype <> 'n' ORDER BY conname COLLATE "C"`,
  );
  await section(
    "functions",
    `SELECT format('%s(%s) RETURNS %s, %s, %s: %s', p.proname, pg_get_function_identity_arguments(p.oid),
       pg_get_function_result(p.oid), p.provolatile, p.proparallel, p.prosrc) AS line
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1 ORDER BY p.proname COLLATE "C"`,
  );
  await section(
    `migrations`,
    `SELECT format('%s %s', version, name) AS line, $1 FROM ${schema}.migrations ORDER BY version`,
  );
  return `${lines.join("\n").trimEnd()}\n`;
}

describe("migrations", () => {
  it("the schema that they make is the one in schema.snapshot.txt", async () => {
    const schema = server.schema();
    await using({ schema }, (store) => store.now());
    expectFile(new URL("schema.snapshot.txt", import.meta.url), await dump(schema));
  });

  it("twenty that open a schema at once: each finds it ready, each migration was done once", async () => {
    const schema = server.schema();
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        using({ schema }, (store) => store.commit([insertOf(idOf(n), {}, { event: { type: "created" } })])),
      ),
    );
    const applied = await server.sql(`SELECT version FROM ${schema}.migrations ORDER BY version`);
    expect(applied.map(({ version }) => version)).toEqual(MIGRATIONS.map(({ version }) => version));
    expect(await server.sql(`SELECT count(*)::int AS n FROM ${schema}.records`)).toEqual([{ n: 20 }]);
  });

  it("two releases that open at once: the newer one adds what is its own, the older one works or says why not", async () => {
    const schema = server.schema();
    const newer = [
      ...MIGRATIONS,
      { version: 2, name: "more", sql: "CREATE TABLE {schema}.more (id text PRIMARY KEY);" },
    ];
    const pool = new Pool({ connectionString: server.url });
    const link = new Link(async () => pool, 5000, true);
    const statements = new Statements(quoteSchema(schema));
    await using({ schema }, (store) => store.now());
    await Promise.all([
      migrate(link, statements, schema, true, newer),
      migrate(link, statements, schema, true, newer),
    ]);
    expect(await server.sql(`SELECT count(*)::int AS n FROM ${schema}.more`)).toEqual([{ n: 0 }]);
    await expect(using({ schema }, (store) => store.now())).rejects.toMatchObject({
      code: "ERR_HITL_STORE_SCHEMA",
      details: { found: 2, newest: 1 },
    });
    await link.close();
    await pool.end();
  });

  it("one that fails in its middle leaves nothing, and the next one works", async () => {
    const schema = server.schema();
    const pool = new Pool({ connectionString: server.url });
    const link = new Link(async () => pool, 5000, true);
    const broken = [
      ...MIGRATIONS,
      { version: 2, name: "broken", sql: "CREATE TABLE {schema}.half (id text); SELECT 1/0;" },
    ];
    await expect(
      migrate(link, new Statements(quoteSchema(schema)), schema, true, broken),
    ).rejects.toMatchObject({ code: "ERR_HITL_STORE", details: { reason: "22012" } });
    expect(await server.sql("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema])).toEqual([]);
    await using({ schema }, (store) => store.now());
    await link.close();
    await pool.end();
  });

  it("migrate: false only checks: a schema that is missing or old is ERR_HITL_STORE_SCHEMA, and nothing is made", async () => {
    const schema = server.schema();
    await expect(using({ schema, migrate: false }, (store) => store.now())).rejects.toMatchObject({
      code: "ERR_HITL_STORE_SCHEMA",
      details: { found: 0, newest: 1 },
    });
    expect(await server.sql("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema])).toEqual([]);
    await server.sql(postgresMigrationSql({ schema }));
    await using({ schema, migrate: false }, (store) => store.commit([insertOf(idOf(1))]));
    const byHand = await dump(schema);
    const other = server.schema();
    await using({ schema: other }, (store) => store.now());
    expect(byHand).toBe(await dump(other));
  });

  it("a user without the right to create schemas uses one that is there", async () => {
    const schema = server.schema();
    const role = `role_${schema}`;
    await using({ schema }, (store) => store.now());
    await server.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    await server.sql(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    const url = new URL(server.url);
    url.username = role;
    url.password = "x";
    await expect(using({ schema, url: url.href }, (store) => store.now())).rejects.toMatchObject({
      code: "ERR_HITL_STORE",
      message: expect.stringMatching(/grant it rights on the schema/),
      details: { reason: "42501" },
    });
    await server.sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
    const record = await using({ schema, url: url.href }, async (store) => {
      await store.commit([insertOf(idOf(1)), insertOf(idOf(2))]);
      return read(store, idOf(1));
    });
    expect(record.version).toBe(1);
    await server.sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it("any name can be a schema's that PostgreSQL takes, and no name is more than a name", async () => {
    const start = server.schema();
    const names = [
      `${start}"; DROP TABLE x; --`,
      `${start} with spaces`,
      `${start}$&$1`,
      `${start}Ünïcode👍`,
      `${start}'quote`,
      `${start}{schema}`,
    ];
    for (const schema of names) {
      await using({ schema }, async (store) => {
        const hints: number[] = [];
        await store.commit([insertOf(idOf(1), {}, { event: { type: "created" } })]);
        const watcher = await store.watch([idOf(1)], ({ version }) => hints.push(version));
        await store.commit([{ op: "update", id: idOf(1) }]);
        await expect.poll(() => hints).toContain(2);
        await watcher.close();
        expect(
          await store.purge({ kind: "thing", statuses: ["open"], updatedBefore: 1e15, limit: 1 }),
        ).toEqual({
          purged: 1,
          more: false,
        });
      });
      expect(await server.sql("SELECT nspname FROM pg_namespace WHERE nspname = $1", [schema])).toHaveLength(
        1,
      );
    }
    for (const schema of [
      "",
      "public",
      "pg_mine",
      "information_schema",
      "a\0b",
      "x".repeat(64),
      "é".repeat(32),
      "\ud800",
    ]) {
      expect(() => new PostgresRecordStore({ connectionString: server.url, schema })).toThrowError(
        expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
      );
    }
  });

  it("a database that is not UTF8 is refused before anything is made", async () => {
    const name = `latin_${server.schema()}`;
    await server.sql(
      `CREATE DATABASE ${name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    );
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    await expect(using({ schema: "h", url: url.href }, (store) => store.now())).rejects.toMatchObject({
      code: "ERR_HITL_STORE",
      message: expect.stringContaining("ENCODING 'UTF8'"),
    });
    await server.sql(`DROP DATABASE ${name}`);
  });
});
