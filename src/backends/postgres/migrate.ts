import { HoldpointError, isHoldpointError } from "../../core/errors.ts";
import { assertNotNewer } from "../schema-version.ts";
import type { Link } from "./link.ts";
import { quoteSchema } from "./names.ts";
import { isTrue } from "./rows.ts";
import { type Migration, MIGRATIONS } from "./sql.generated.ts";
import type { Statements } from "./statements.ts";

/** Names our migrations among all advisory locks of the database; they are rare, so one for all schemas. */
const LOCK = 5_204_730_191;
/** So often another process may migrate between a look and a migration; each of its releases can do so once. */
const MAX_ROUNDS = 20;

interface Found {
  readonly schemaExists: boolean;
  readonly version: number;
}

/**
 * The SQL that brings a schema from a version to the newest one, to be run as one transaction. The row of each migration
 * comes before what it does: its primary key stops a second run, and with it the whole transaction.
 */
function migrationScript(schema: string, found: Found, migrations: readonly Migration[]): string {
  const lines = [
    // Two sessions that create the same thing at once would fail in the catalog.
    `SELECT pg_advisory_xact_lock(${LOCK});`,
    // Asking for the right to create it, even where it exists: so only where it does not.
    ...(found.schemaExists ? [] : [`CREATE SCHEMA IF NOT EXISTS ${schema};`]),
    `CREATE TABLE IF NOT EXISTS ${schema}.migrations (
  version int NOT NULL CONSTRAINT migrations_pkey PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);`,
  ];
  for (const { version, name, sql } of migrations) {
    if (version <= found.version) continue;
    lines.push(
      `INSERT INTO ${schema}.migrations (version, name) VALUES (${version}, '${name}');`,
      sql.replaceAll("{schema}", () => schema),
    );
  }
  return `${lines.join("\n")}\n`;
}

/**
 * The SQL that makes the schema, for those who run migrations by hand, with `psql` or a tool of their own; then set the
 * option `migrate: false`.
 *
 * @param options.schema - default `holdpoint`
 * @param options.from - the version that the database has (`SELECT max(version) FROM holdpoint.migrations`); default 0
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for a name that cannot be a schema's
 *
 * @example
 * ```ts
 * import { writeFileSync } from "node:fs";
 * import { postgresMigrationSql } from "holdpoint/backends/postgres";
 *
 * export function writeMigration(path: string): void {
 *   writeFileSync(path, postgresMigrationSql({ schema: "approvals" }));
 * }
 * ```
 */
export function postgresMigrationSql(
  options: { readonly schema?: string; readonly from?: number } = {},
): string {
  const { schema = "holdpoint", from = 0 } = options;
  const found = { schemaExists: from > 0, version: from };
  return `BEGIN;\n${migrationScript(quoteSchema(schema), found, MIGRATIONS)}COMMIT;\n`;
}

async function look(link: Link, statements: Statements, name: string): Promise<Found> {
  const [row = []] = await link.run({
    statement: statements.of("hasSchema"),
    values: [name],
    effect: "reads",
  });
  const [encoding, schemaExists, hasMigrations] = row;
  if (encoding !== "UTF8") {
    throw new HoldpointError(
      "ERR_HITL_STORE",
      `The database has the encoding ${String(encoding)}, which cannot hold every text. Create one with ENCODING 'UTF8'.`,
      { details: { encoding } },
    );
  }
  if (!isTrue(hasMigrations)) return { schemaExists: isTrue(schemaExists), version: 0 };
  const [version] = await link.run({
    statement: statements.of("schemaVersion"),
    values: [],
    effect: "reads",
  });
  return { schemaExists: true, version: Number(version?.[0]) };
}

/**
 * Brings the schema up to date. Several processes may do so at once: the first one migrates, the others wait for it,
 * fail at the first row of `migrations`, and look again.
 *
 * @param allowed - false only checks
 * @throws HoldpointError `ERR_HITL_STORE_SCHEMA` if a newer release was there, or nobody may migrate and it is needed
 */
export async function migrate(
  link: Link,
  statements: Statements,
  name: string,
  allowed: boolean,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const newest = migrations.at(-1)?.version ?? 0;
  let last: unknown;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const found = await look(link, statements, name);
    assertNotNewer(found.version, newest);
    if (found.version === newest) return;
    if (!allowed) {
      throw new HoldpointError(
        "ERR_HITL_STORE_SCHEMA",
        `The schema ${statements.schema} has version ${found.version}, this release needs ${newest}. Run its migrations ` +
          "(postgresMigrationSql), or leave the option migrate on.",
        { details: { found: found.version, newest } },
      );
    }
    try {
      await link.script(migrationScript(statements.schema, found, migrations));
    } catch (error) {
      // Somebody else has migrated, or made the schema: the next look shows it.
      if (!isHoldpointError(error, "ERR_HITL_STORE") || !RACED.has(String(error.details["reason"])))
        throw error;
      last = error;
    }
  }
  throw last;
}

/** unique_violation, duplicate_schema, duplicate_table, duplicate_object, duplicate_function. */
const RACED: ReadonlySet<string> = new Set(["23505", "42P06", "42P07", "42710", "42723"]);
