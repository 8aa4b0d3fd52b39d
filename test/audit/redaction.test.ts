/** Secrets stay out of the trail, and what stands for them can still be proved equal. */
import { describe, expect, it } from "vitest";
import { InMemoryHITLBackend, StoreHITLBackend } from "holdpoint";
import {
  audited,
  AuditedStore,
  type AuditOptions,
  exportAudit,
  isRedacted,
  readAudit,
  type RedactFunction,
  verifyAudit,
} from "../../src/audit/index.ts";
import { change, idOf, insertOp, put, SALT, site } from "./kit.ts";

const CARD = "4111111111111111";
const paths = [
  "data.card.number",
  "data.items.*.pin",
  "value.user_response.*.secret",
  "actor.meta.email",
  "reason",
];

const event = {
  type: "paid",
  actor: { id: "ann", meta: { email: "ann@example.com", team: "a" } },
  reason: "because of 1234",
  data: { card: { number: CARD, brand: "x" }, items: [{ pin: "1" }, { pin: "2" }, "no object"] },
};
const value = { user_response: { a: { secret: "hush", open: 1 }, b: 5 }, rest: CARD };

describe("redaction by paths", () => {
  it("what is named is in no event, the rest is, and the record keeps all of it", async () => {
    const own = site({ redact: { paths }, salt: SALT });
    await put(own.store, 1, { value }, event);
    const trail = await own.trail();
    const text = JSON.stringify(trail);
    for (const secret of [CARD, "ann@example.com", "1234", "hush"]) expect(text).not.toContain(secret);
    const hash = { redacted: expect.stringMatching(/^[0-9a-f]{64}$/) };
    expect(trail.events[0]).toMatchObject({
      actor: { id: "ann", meta: { email: hash, team: "a" } },
      reason: expect.stringMatching(/^redacted:[0-9a-f]{64}$/),
      data: { card: { number: hash, brand: "x" }, items: [{ pin: hash }, { pin: hash }, "no object"] },
    });
    // The graph needs the value itself.
    expect((await own.store.get([idOf(1)]))[0]?.value).toEqual(value);
    expect((await verifyAudit(trail)).problems).toEqual([]);
    // Who reads the history through the backend, and whoever reads the store past it, sees the same form.
    const seen = [await own.store.history(idOf(1)), await own.bare.history(idOf(1))];
    expect(JSON.stringify(seen)).not.toContain(CARD);
  });

  it("a secret that was changed in the record shows, without anybody who checks knowing it", async () => {
    const own = site({ redact: { paths }, salt: SALT });
    await put(own.store, 1, { value }, event);
    const [stored] = await own.bare.get([idOf(1)]);
    const user_response = { ...value.user_response, a: { secret: "other", open: 1 } };
    await change(own.bare, 1, { patch: { value: { ...stored?.value, user_response } } });
    expect((await verifyAudit(await own.trail())).problems.map(({ kind }) => kind)).toEqual([
      "record_edited",
    ]);
  });

  it("equal values have equal hashes under one salt, wherever they stand, and can be proved", async () => {
    const own = site({ redact: { paths }, salt: SALT });
    await put(own.store, 1, {}, event);
    await put(own.store, 2, {}, { type: "paid", data: { card: { number: CARD }, items: [{ pin: CARD }] } });
    const other = site({ redact: { paths }, salt: "another salt of theirs" });
    await put(other.store, 1, {}, event);
    const card = (data: unknown): unknown => (data as { card: { number: unknown } }).card.number;
    const [mine] = (await own.trail()).events;
    const [again] = (await own.trail(idOf(2))).events;
    const [theirs] = (await other.trail()).events;
    expect(card(again?.data)).toEqual(card(mine?.data));
    expect(again?.data?.["items"]).toEqual([{ pin: card(mine?.data) }]);
    expect(card(theirs?.data)).not.toEqual(card(mine?.data));
    const asked = (candidate: unknown, salt: string) => isRedacted(card(mine?.data), candidate, salt);
    expect(await asked(CARD, SALT)).toBe(true);
    expect(await asked("4111111111111112", SALT)).toBe(false);
    expect(await asked(CARD, "another salt of theirs")).toBe(false);
    expect(await isRedacted(mine?.reason, event.reason, SALT)).toBe(true);
  });

  it("an outer path hashes the whole as it was, whatever inner ones say, in any order", async () => {
    const hashes = [];
    for (const both of [
      ["data.card", "data.card.number"],
      ["data.card.number", "data.card"],
    ]) {
      const own = site({ redact: { paths: both }, salt: SALT });
      await put(own.store, 1, {}, { type: "e", data: { card: { number: CARD } } });
      hashes.push((await own.trail()).events[0]?.data?.["card"]);
    }
    expect(hashes[1]).toEqual(hashes[0]);
    expect(await isRedacted(hashes[0], { number: CARD }, SALT)).toBe(true);
  });

  it("a hostile value is redacted as any other", async () => {
    const own = site({ redact: { paths: ["data.*.x"] }, salt: SALT });
    const data = JSON.parse(`{"__proto__":{"x":"${CARD}"},"a":{"x":"${CARD}","__proto__":1}}`) as never;
    await put(own.store, 1, {}, { type: "e", data });
    const trail = await own.trail();
    expect(JSON.stringify(trail)).not.toContain(CARD);
    expect(Object.keys(trail.events[0]?.data ?? {})).toEqual(["__proto__", "a"]);
    expect((await verifyAudit(trail)).ok).toBe(true);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it.each([
    ["another root", ["metadata.x"]],
    ["no name", ["data..x"]],
    ["no step", ["data"]],
    ["a prototype", ["data.__proto__.x"]],
    ["a constructor", ["value.constructor"]],
    ["a double star", ["data.**"]],
    ["a step after reason", ["reason.x"]],
    ["an actor as a whole", ["actor"]],
    ["a control character", ["data.a\u0000b"]],
    ["a lone surrogate", ["data.\ud800"]],
    ["too many steps", [`data${".a".repeat(33)}`]],
    ["too long", [`data.${"a".repeat(1100)}`]],
    ["no text", [5]],
    ["too many", Array.from({ length: 201 }, (_, n) => `data.p${n}`)],
    ["no list", "data.x"],
  ])("refuses a path with %s", (_, bad) => {
    const make = () => new AuditedStore(site().bare, { redact: { paths: bad as string[] } });
    expect(make).toThrow(expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }));
  });
});

describe("redaction by a function", () => {
  const redact: RedactFunction = ({ part, value: given }, hide) =>
    part === "data" && given["token"] !== undefined ? { ...given, token: hide(given["token"]) } : given;

  it("gets a copy of each part, and what it returns is what the trail has", async () => {
    const parts: string[] = [];
    const own = site({
      salt: SALT,
      redact: (part, hide) => {
        parts.push(`${part.part} ${part.kind} ${part.tenant_id} ${part.type ?? "-"}`);
        const result = redact(part, hide);
        part.value["spoilt"] = true;
        return result;
      },
    });
    await put(own.store, 1, { value: { a: 1 } }, { type: "e", actor: event.actor, data: { token: "t" } });
    expect(parts).toEqual(["value thing default -", "data thing default e", "actor_meta thing default e"]);
    const [one] = (await own.trail()).events;
    expect(await isRedacted(one?.data?.["token"], "t", SALT)).toBe(true);
    expect((await own.store.get([idOf(1)]))[0]?.value).toEqual({ a: 1 });
    expect((await verifyAudit(await own.trail())).ok).toBe(true);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["returns no object", () => 5],
    ["returns a promise", async () => ({})],
    ["returns what is no JSON", () => ({ when: new Date(0) })],
  ])("that %s: nothing is written (P8)", async (_, bad) => {
    const own = site({ redact: bad as never, salt: SALT });
    await expect(put(own.store, 1, {}, { type: "e", data: {} })).rejects.toMatchObject({
      code: "ERR_HITL_INVALID_INPUT",
    });
    expect(await own.bare.get([idOf(1)])).toEqual([null]);
  });
});

describe("the salt", () => {
  it("that nobody gives is made once for the store, by whichever process is first", async () => {
    const own = site({ redact: { paths: ["data.x"] } });
    const stores = [own.store, own.another(), own.another()];
    await Promise.all(
      stores.map((store, n) => store.commit([insertOp(n, {}, { type: "e", data: { x: 1 } })])),
    );
    const hashes = await Promise.all(
      stores.map(async (_, n) => (await own.trail(idOf(n))).events[0]?.data?.["x"]),
    );
    expect(new Set(hashes.map((hash) => JSON.stringify(hash))).size).toBe(1);
    const { items } = await own.bare.page({ kind: "audit", tenant_id: "default", statuses: ["active"] });
    expect(items).toHaveLength(1);
    expect(await isRedacted(hashes[0], 1, items[0]?.value["salt"] as string)).toBe(true);
  });

  it.each(["short", "x".repeat(1025), "a lone surrogate \ud800", 5, null])("cannot be %s", (salt) => {
    const options = { redact: { paths: ["data.x"] }, salt } as AuditOptions;
    expect(() => new AuditedStore(site().bare, options)).toThrow(/salt has to be a text/);
  });

  it("is looked for again if the store was away when it was first needed", async () => {
    const own = site();
    let away = true;
    const flaky = new Proxy(own.bare, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target);
        if (name !== "get") return typeof method === "function" ? method.bind(target) : method;
        return async (ids: string[]) => {
          if (away) throw new Error("away");
          return target.get(ids);
        };
      },
    });
    const store = new AuditedStore(flaky, { redact: { paths: ["data.x"] } });
    await expect(put(store, 1)).rejects.toThrow("away");
    away = false;
    await put(store, 1, {}, { type: "e", data: { x: 1 } });
    expect(JSON.stringify(await store.history(idOf(1)))).toContain("redacted");
  });
});

describe("a redacted trail without its redaction", () => {
  it("verifies, but nobody can say whether the value is the one that was linked", async () => {
    const own = site({ redact: { paths: ["value.secret"] }, salt: SALT });
    await put(own.store, 1, { value: { secret: "hush" } });
    const stranger = new StoreHITLBackend(new AuditedStore(own.bare));
    const { ok, record } = await verifyAudit((await readAudit(stranger, idOf(1))) as never);
    expect([ok, record]).toEqual([true, "unchecked"]);
  });

  it("an export redacts what is older than the trail as well", async () => {
    const plain = new InMemoryHITLBackend();
    const { record } = await plain.create({
      hitl_type: "confirm",
      session_id: "s",
      data: { message: "Go?" },
    });
    await plain.store.append(record.hitl_id, { type: "noted", data: { pin: CARD } });
    const backend = audited(plain, { redact: { paths: ["data.pin"] }, salt: SALT });
    const lines: string[] = [];
    for await (const line of exportAudit(backend)) lines.push(line);
    expect(lines).toHaveLength(2);
    expect(lines.join("")).not.toContain(CARD);
    expect((await readAudit(backend, record.hitl_id))?.events).toEqual(lines.map((line) => JSON.parse(line)));
    await backend.close();
  });

  it("what is no redacted value cannot be compared", async () => {
    for (const none of [CARD, {}, { redacted: "x" }, { redacted: "0".repeat(64), more: 1 }, null, 5]) {
      await expect(isRedacted(none, CARD, SALT)).rejects.toMatchObject({ code: "ERR_HITL_INVALID_INPUT" });
    }
  });
});
