/**
 * Guards taken out of a copy of the sources, one at a time. Something quick has to notice each: a conformance case, a
 * test of the part, or a round of load and faults.
 */

export interface Mutant {
  readonly name: string;
  /** Below src. A Lua script is changed wherever it includes the text, and its hash with it. */
  readonly file: string;
  /** An expression where the text around it may change without changing what is taken out. */
  readonly find: string | RegExp;
  readonly replace: string;
  /** Tests, by file, and by a part of their names. */
  readonly tests?: { readonly files: readonly string[]; readonly names?: string };
  readonly round?: { readonly setup: string; readonly faults: readonly string[]; readonly loadMs: number };
}

const RULES = "backends/store-rules.ts";
const SQLITE = { files: ["test/conformance/sqlite.test.ts"] };
const CLEAN = { setup: "sqlite", faults: [], loadMs: 2500 };
/** Answers get lost all the time. */
const LOSSY = ["net-drop-replies", "net-cut", "net-drop-replies"];

export const MUTANTS: readonly Mutant[] = [
  {
    name: "no version compare",
    file: RULES,
    find: "  if (guard.version !== undefined && guard.version !== record.version) return false;\n",
    replace: "",
    tests: SQLITE,
    round: CLEAN,
  },
  {
    name: "no status guard",
    file: RULES,
    find: "  if (guard.status && !guard.status.includes(record.status)) return false;\n",
    replace: "",
    tests: SQLITE,
  },
  {
    name: "no fence compare",
    file: RULES,
    find: "(guard.fence !== record.fence || isLeaseFree(record, now))",
    replace: "isLeaseFree(record, now)",
    tests: SQLITE,
    round: { setup: "sqlite", faults: ["stop-client"], loadMs: 5000 },
  },
  {
    name: "a lease that has run out may write",
    file: RULES,
    find: "(guard.fence !== record.fence || isLeaseFree(record, now))",
    replace: "guard.fence !== record.fence",
    tests: SQLITE,
  },
  {
    name: "no test whether the lease is free",
    file: RULES,
    find: '  if (guard.lease === "free" && !isLeaseFree(record, now)) return false;\n',
    replace: "",
    tests: SQLITE,
    round: CLEAN,
  },
  {
    name: "no test that the deadline has not passed",
    file: RULES,
    find: "  if (guard.not_due && due) return false;\n",
    replace: "",
    tests: SQLITE,
    round: { ...CLEAN, loadMs: 4000 },
  },
  {
    name: "no test that the deadline has passed",
    file: RULES,
    find: "  if (guard.due && !due) return false;\n",
    replace: "",
    round: { setup: "sqlite", faults: ["clock"], loadMs: 4000 },
  },
  {
    name: "any answer to an answered question is a duplicate",
    file: "backends/hitl-transitions.ts",
    find: 'hashJson(record.user_response) === hashJson(answer) ? "duplicate" : "conflict"',
    replace: 'hashJson(record.user_response) === hashJson(answer) ? "duplicate" : "duplicate"',
    tests: SQLITE,
    round: CLEAN,
  },
  {
    name: "a refused commit is not taken back",
    file: "backends/sqlite/commit.ts",
    find: "  if (refused) rollback();\n",
    replace: "",
    tests: SQLITE,
    round: CLEAN,
  },
  {
    name: "an event is written for inserts only",
    file: "backends/sqlite/commit.ts",
    find: "    if (event) insertEvent(",
    replace: "    if (event && version === 1) insertEvent(",
    tests: SQLITE,
    round: CLEAN,
  },
  {
    name: "a wait is timed by the clock",
    file: "backends/wait-for.ts",
    find: "performance.now()",
    replace: "clock.now()",
    tests: { files: ["test/faults/clock.test.ts"] },
  },
  {
    name: "Redis: a change of status leaves the lists as they are",
    file: "backends/redis/scripts/commit.lua",
    find: /(?<=\n) +move_indexes\([^\n]*\n/g,
    replace: "",
    round: { setup: "redis", faults: [], loadMs: 2500 },
  },
  {
    name: "Redis: a refused commit does what it can",
    file: "backends/redis/scripts/commit.lua",
    find: "\nif refused then\n",
    replace: "\nif false then\n",
    round: { setup: "redis", faults: [], loadMs: 2500 },
  },
  {
    name: "Redis: a commit does not remember its request",
    file: "backends/redis/scripts/commit.lua",
    find: /replayed = replayed or [^\n]*/g,
    replace: "replayed = false",
    round: { setup: "redis", faults: LOSSY, loadMs: 6000 },
  },
  {
    name: "Redis: an append does not look for itself",
    file: "backends/redis/scripts/append.lua",
    find: "if done_by(record, request) then",
    replace: "if false then",
    tests: { files: ["test/faults/resent.test.ts"], names: "redis: .* appended once" },
    round: { setup: "redis", faults: LOSSY, loadMs: 6000 },
  },
  {
    name: "Redis: acquiring does not remember its request",
    file: "backends/redis/scripts/acquire-due.lua",
    find: "\nif claimed then\n",
    replace: "\nif false then\n",
    tests: { files: ["test/faults/resent.test.ts"], names: "redis: .* acquired once" },
    round: { setup: "redis", faults: LOSSY, loadMs: 6000 },
  },
  {
    name: "Redis: what was not answered counts as not done",
    file: "backends/redis/link.ts",
    find: '      if (verdict === "lost") unanswered = cause;\n',
    replace: "",
    round: { setup: "redis", faults: ["net-late", "net-stall"], loadMs: 7000 },
  },
  {
    name: "Redis: nobody looks how many replicas have the write",
    file: "backends/redis/confirm.ts",
    find: "if (reached >= replicas) return null;",
    replace: "if (reached >= 0) return null;",
    round: { setup: "redis-sentinel", faults: ["failover-behind"], loadMs: 5000 },
  },
  {
    name: "Redis: no re-read after subscribing again",
    file: "backends/redis/watch.ts",
    find: "    await this.#readAll(EVERY);\n",
    replace: "",
    tests: { files: ["test/backends/redis/watch.test.ts"] },
  },
  {
    name: "PostgreSQL: an append does not look for itself",
    file: "backends/postgres/sql.generated.ts",
    find: "  WHERE r.id = $1 AND strpos(r.touch_requests, $3) = 0\n",
    replace: "  WHERE r.id = $1\n",
    tests: { files: ["test/backends/postgres"], names: "S4" },
    round: { setup: "postgres", faults: LOSSY, loadMs: 8000 },
  },
  {
    name: "PostgreSQL: no version compare",
    file: "backends/postgres/sql.generated.ts",
    find: /\(o\.version IS NULL OR \w+\.version = o\.version\)/g,
    replace: "(true)",
    round: { setup: "postgres", faults: [], loadMs: 3000 },
  },
];
