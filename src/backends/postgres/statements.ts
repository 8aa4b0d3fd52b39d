/** The SQL of `queries/` for one schema. */
import { createHash } from "node:crypto";
import { KEY_NAMES, type KeyName } from "../record-store.ts";
import { QUERIES } from "./sql.generated.ts";

export interface Statement {
  readonly text: string;
  /** For a prepared statement: different for different texts, so that stores may share connections. */
  readonly name: string;
}

/** The envelope in the order that rows.ts reads it; `r` is the record. */
export const ENVELOPE_COLUMNS: readonly string[] = [
  ..."id kind tenant_id status version due_at lease_owner lease_expires_at fence touches created_at updated_at".split(
    " ",
  ),
  ...KEY_NAMES.map((name) => `key_${name}`),
];

/** One column and not twenty: the description of each is sent, and read, with every result. */
const RECORD = `json_build_array(${ENVELOPE_COLUMNS.map((column) => `r.${column}`).join(", ")})`;

/** The statement without its header, which may name what is put into it. */
export function withoutComments(sql: string): string {
  return sql.replaceAll(/^--.*\n/gm, "").trim();
}

type Name = Exclude<keyof typeof QUERIES, "page" | "insertRecord" | "updateRecord">;

export class Statements {
  /** The quoted name. */
  readonly schema: string;
  readonly #made: Map<string, Statement> = new Map();

  constructor(schema: string) {
    this.schema = schema;
  }

  of(name: Name): Statement {
    return this.shaped(name, () => QUERIES[name]);
  }

  /** Only names that `checkPage` has found in a closed set go into its text. */
  page(by: KeyName | "tenant", order: "oldest" | "newest"): Statement {
    return this.shaped(`page ${by} ${order}`, () =>
      withoutComments(QUERIES.page)
        .replaceAll("{key}", by === "tenant" ? "" : `AND t.key_${by} = $9`)
        .replaceAll("{compare}", order === "oldest" ? ">" : "<")
        .replaceAll("{direction}", order === "oldest" ? "ASC" : "DESC"),
    );
  }

  /** The statement of a name; its text is made when it is first asked for. */
  shaped(name: string, sql: () => string): Statement {
    const known = this.#made.get(name);
    if (known) return known;
    const text = withoutComments(sql())
      .replaceAll("{record}", RECORD)
      // By a function: a name with "$&" in it is no pattern.
      .replaceAll("{schema}", () => this.schema);
    const hash = createHash("sha256").update(text).digest("hex").slice(0, 24);
    const statement = { text, name: `holdpoint_${hash}` };
    this.#made.set(name, statement);
    return statement;
  }
}
