/** The SQL of `queries/` for one schema. */
import { createHash } from "node:crypto";
import { KEY_NAMES, type KeyName } from "../record-store.ts";
import { QUERIES } from "./sql.generated.ts";

export interface Statement {
  readonly text: string;
  /** For a prepared statement: different for different texts, so that stores may share connections. */
  readonly name: string;
}

/** From `id` to `key_wake`, in the order of `RecordRow`. */
const ENVELOPE = [
  ..."id kind tenant_id status version due_at lease_owner lease_expires_at fence touches created_at updated_at".split(
    " ",
  ),
  ...KEY_NAMES.map((name) => `key_${name}`),
]
  .map((column) => `r.${column}`)
  .join(", ");

type Name = Exclude<keyof typeof QUERIES, "page">;

export class Statements {
  /** The quoted name. */
  readonly schema: string;
  readonly #made: Map<string, Statement> = new Map();

  constructor(schema: string) {
    this.schema = schema;
  }

  of(name: Name): Statement {
    return this.#made.get(name) ?? this.#make(name, QUERIES[name]);
  }

  /** Only names that `checkPage` has found in a closed set go into its text. */
  page(by: KeyName | "tenant", order: "oldest" | "newest"): Statement {
    const name = `page ${by} ${order}`;
    return (
      this.#made.get(name) ??
      this.#make(
        name,
        QUERIES.page
          .replaceAll("{key}", by === "tenant" ? "" : `AND t.key_${by} = $9`)
          .replaceAll("{compare}", order === "oldest" ? ">" : "<")
          .replaceAll("{direction}", order === "oldest" ? "ASC" : "DESC"),
      )
    );
  }

  #make(name: string, sql: string): Statement {
    const text = sql
      .replaceAll(/^--.*\n/gm, "")
      .trim()
      .replaceAll("{columns}", `${ENVELOPE}, r.value`)
      .replaceAll("{envelope}", ENVELOPE)
      // By a function: a name with "$&" in it is no pattern.
      .replaceAll("{schema}", () => this.schema);
    const hash = createHash("sha256").update(text).digest("hex").slice(0, 24);
    const statement = { text, name: `holdpoint_${hash}` };
    this.#made.set(name, statement);
    return statement;
  }
}
