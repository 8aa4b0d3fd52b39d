/** Standing approvals: what `approve always` has given, in words; listed, and taken back. */
import type { HITLBackend } from "holdpoint";
import { visible } from "holdpoint/blocks";
import { type Grant, type GrantSuggestion, PolicyGrants } from "holdpoint/policy";
import { visibleShort } from "./format.ts";
import { USER } from "./policy.ts";
import type { Say } from "./read-answer.ts";

const MOST = 100;

/** Of one run, and those for every run. */
export class Approvals {
  readonly #grants: PolicyGrants;
  readonly #thread_id: string | undefined;

  constructor(backend: HITLBackend, thread_id?: string) {
    this.#grants = new PolicyGrants({ backend });
    this.#thread_id = thread_id;
  }

  async list(): Promise<readonly Grant[]> {
    const query = { status: "active", limit: MOST, order: "oldest" } as const;
    const own = this.#thread_id
      ? (await this.#grants.list({ ...query, session_id: this.#thread_id })).items
      : [];
    return [...own, ...(await this.#grants.list({ ...query, user_id: USER })).items];
  }

  async show(say: Say): Promise<void> {
    const grants = await this.list();
    if (grants.length === 0) return say("There are no standing approvals.");
    say("Standing approvals, which you are not asked about again:");
    for (const [index, grant] of grants.entries()) say(`  (${index + 1}) ${grantText(grant)}`);
  }

  /** @param which - an id, or the number in the list */
  async takeBack(which: string, say: Say): Promise<boolean> {
    const numbered = /^\d+$/.test(which) ? (await this.list())[Number(which) - 1]?.grant_id : which;
    const result = await this.#grants.revoke(numbered ?? "", { actor: { id: USER } });
    if (result.status !== "revoked") say(`There is no standing approval ${visible(which)}.`);
    else say(`Taken back: ${grantText(result.grant)}`);
    return result.status === "revoked";
  }
}

const SCOPES: Readonly<Record<string, string>> = { session: "in this run", user: "in later runs, too" };

/** What it allows from now on: of a grant, or of one that is offered. */
export function grantText(
  given: Pick<GrantSuggestion, "scope" | "args"> & { readonly tool: string },
): string {
  return `always ${whatText(given.tool, given.args)}, ${SCOPES[given.scope] ?? given.scope}`;
}

function whatText(tool: string, args: GrantSuggestion["args"]): string {
  const { ending, folder, ...more } = Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, (value as { equals?: unknown } | null)?.equals]),
  );
  if (tool !== "move_file" || Object.keys(more).length > 0)
    return `${visible(tool)} with ${visibleShort(JSON.stringify(args))}`;
  const files = ending === "" ? "files without an ending" : `*${visible(String(ending))}`;
  return `move ${files} into ${visible(String(folder))}`;
}
