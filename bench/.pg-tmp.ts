import pg from "pg";
import { startPostgresServer } from "/work/main/test/support/postgres-server.ts";
import { PostgresRecordStore } from "/work/main/src/backends/postgres/index.ts";
import { makeId } from "/work/main/src/core/ids.ts";
const server = await startPostgresServer({ own: true, fsync: process.argv[2] === "fsync" });
const pool = new pg.Pool({ connectionString: server.url, max: 16 });
const store = new PostgresRecordStore({ pool });
await store.get([makeId("rec", 1, ["x"])]);
const value = { schema_version: 1, text: "x".repeat(400) };
const text = JSON.stringify(value);
let n = 0;
const keys = { session: "s", invocation: "i", thread: "t" };
const ids: string[] = [];
const newId = () => makeId("rec", n % 4096, ["bench", n++]);
const COLS =
  "id,kind,tenant_id,slot,status,version,due_at,fence,touches,events,created_at,updated_at,key_session,key_invocation,key_thread,insert_request,update_requests,touch_requests,value";
const bareInsert = {
  name: "bi",
  text: `INSERT INTO holdpoint.records (${COLS}) VALUES ($1,$2,$3,$4,$5,1,$6,0,0,1,$7,$7,$8,$9,$10,'','','',$11)`,
};
const bareInsertEvent = {
  name: "bie",
  text: `WITH f AS (INSERT INTO holdpoint.records (${COLS}) VALUES ($1,$2,$3,$4,$5,1,$6,0,0,1,$7,$7,$8,$9,$10,'','','',$11) RETURNING id) INSERT INTO holdpoint.history(id,seq,at,version,status,type) SELECT id,1,$7,1,$5,$12 FROM f`,
};
const bareUpdate = {
  name: "bu",
  text: `WITH u AS (UPDATE holdpoint.records SET status=$2, version=version+1, value=$3, updated_at=$4, events=events+1 WHERE id=$1 AND version=1 RETURNING *) , e AS (INSERT INTO holdpoint.history(id,seq,at,version,status,type) SELECT id,events,$4,version,status,$5 FROM u) SELECT id,version,status,created_at,updated_at,key_session FROM u`,
};
const ev = { type: "created" };
const T = Date.now();
const ops: Record<string, () => Promise<unknown>> = {
  bareInsert: () => {
    const id = newId();
    return pool.query({
      ...bareInsert,
      values: [
        id,
        "hitl",
        "default",
        1,
        "pending",
        T + 1e6,
        T,
        "s" + (n % 500),
        "i" + (n % 500),
        "t" + (n % 500),
        text,
      ],
    });
  },
  bareInsertEvent: () => {
    const id = newId();
    ids.push(id);
    return pool.query({
      ...bareInsertEvent,
      values: [
        id,
        "hitl",
        "default",
        1,
        "pending",
        T + 1e6,
        T,
        "s" + (n % 500),
        "i" + (n % 500),
        "t" + (n % 500),
        text,
        "created",
      ],
    });
  },
  ourInsert: () => {
    const id = newId();
    ids.push(id);
    return store.commit([
      {
        op: "insert",
        record: {
          id,
          kind: "hitl",
          tenant_id: "default",
          status: "pending",
          due_at: T + 1e6,
          keys: { session: "s" + (n % 500), invocation: "i" + (n % 500), thread: "t" + (n % 500) },
          value,
        },
        event: ev,
      },
    ]);
  },
  bareUpdate: () => pool.query({ ...bareUpdate, values: [ids.pop(), "completed", text, T, "answered"] }),
  ourUpdate: () =>
    store.commit([
      {
        op: "update",
        id: ids.pop()!,
        guard: { version: 1, status: ["pending"] },
        patch: { status: "completed", value },
        event: { type: "answered" },
      },
    ]),
  bareGet: () =>
    pool.query({
      name: "g",
      text: "SELECT * FROM holdpoint.records WHERE id=$1",
      values: [ids[n++ % ids.length]],
    }),
  ourGet: () => store.get([ids[n++ % ids.length]!]),
  ourInsert3: () =>
    store.commit(
      [0, 1, 2].map((k) => ({
        op: "insert" as const,
        record: {
          id: makeId("rec", 7, ["m", n++]),
          kind: k ? "call" : "hitl",
          tenant_id: "default",
          status: "pending",
          keys: { session: "s" + (n % 500) },
          value,
        },
        event: ev,
      })),
    ),
  fnInsert: () => {
    const id = newId();
    ids.push(id);
    return store.commit([
      {
        op: "insert",
        record: {
          id,
          kind: "hitl",
          tenant_id: "default",
          status: "pending",
          due_at: T + 1e6,
          keys: { session: "s" + (n % 500), invocation: "i" + (n % 500), thread: "t" + (n % 500) },
          value,
        },
        event: ev,
      },
      { op: "read", id },
    ]);
  },
  fnUpdate: () => {
    const id = ids.pop()!;
    return store.commit([
      {
        op: "update",
        id,
        guard: { version: 1, status: ["pending"] },
        patch: { status: "completed", value },
        event: { type: "answered" },
      },
      { op: "read", id },
    ]);
  },
};
ops.bare3 = async () => {
  const c = await pool.connect();
  try {
    await c.query("BEGIN");
    for (let k = 0; k < 3; k++) {
      await c.query({
        ...bareInsertEvent,
        values: [
          makeId("rec", 7, ["m", n++]),
          "hitl",
          "default",
          1,
          "pending",
          null,
          T,
          "s" + (n % 500),
          null,
          null,
          text,
          "created",
        ],
      });
    }
    await c.query("COMMIT");
  } finally {
    c.release();
  }
};
import { readdirSync, readFileSync } from "node:fs";
function serverCpu(): number {
  let t = 0;
  for (const d of readdirSync("/proc")) {
    if (!/^\d+$/.test(d)) continue;
    try {
      const cmd = readFileSync(`/proc/${d}/cmdline`, "utf8");
      if (!cmd.includes("postgres")) continue;
      const st = readFileSync(`/proc/${d}/stat`, "utf8");
      if (!cmd.includes("127.0.0.1") && !cmd.startsWith("postgres:")) continue;
      const f = st.slice(st.lastIndexOf(")") + 2).split(" ");
      t += Number(f[11]) + Number(f[12]);
    } catch {}
  }
  return t * 10000;
}
const cpu: Record<string, [number, number, number]> = {};
async function seg(op: () => Promise<unknown>, c: number, ms: number, name = "") {
  const n0 = process.cpuUsage(),
    s0 = serverCpu();
  const r = await seg0(op, c, ms);
  const n1 = process.cpuUsage(n0),
    s1 = serverCpu();
  const e = (cpu[name] ??= [0, 0, 0]);
  e[0] += n1.user + n1.system;
  e[1] += s1 - s0;
  e[2] += (r * ms) / 1000;
  return r;
}
async function seg0(op: () => Promise<unknown>, c: number, ms: number) {
  const end = performance.now() + ms;
  let k = 0;
  const b = performance.now();
  await Promise.all(
    Array.from({ length: c }, async () => {
      while (performance.now() < end) {
        await op();
        k++;
      }
    }),
  );
  return (k / (performance.now() - b)) * 1000;
}
const med = (a: number[]) => a.sort((x, y) => x - y)[a.length >> 1]!;
const pairs = (
  process.argv[3] ??
  "bareInsert:ourInsert,bareInsertEvent:ourInsert,bareUpdate:ourUpdate,bareGet:ourGet,bareInsertEvent:fnInsert,bareUpdate:fnUpdate,bare3:ourInsert3"
).split(",");
for (const w of [1, 16]) {
  await seg(ops.ourInsert!, w, 1500);
  for (const p of pairs) {
    const [a, b] = p.split(":") as [string, string];
    const r: number[] = [];
    const fa: number[] = [],
      fb: number[] = [];
    for (let i = 0; i < 9; i++) {
      if (/pdate/.test(a))
        while (ids.length < 16000)
          await Promise.all(Array.from({ length: 64 }, () => ops.bareInsertEvent!()));
      const order = i % 2 ? [a, b] : [b, a];
      const got: Record<string, number> = {};
      for (const o of order) got[o] = await seg(ops[o]!, w, 350, `c${w} ${o}`);
      r.push(got[b]! / got[a]!);
      fa.push(got[a]!);
      fb.push(got[b]!);
    }
    console.log(
      `c=${w} ${p}  ratio ${med(r).toFixed(3)}  (${r[2]!.toFixed(2)}-${r[6]!.toFixed(2)})  ${med(fa).toFixed(0)}/s → ${med(fb).toFixed(0)}/s`,
    );
  }
}
for (const [k, [a, b, m]] of Object.entries(cpu))
  if (k) console.log(k.padEnd(24), "node µs", (a / m).toFixed(0), "server µs", (b / m).toFixed(0));
await store.close();
await pool.end();
await server.stop();
