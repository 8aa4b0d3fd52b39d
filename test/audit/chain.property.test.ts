/** Any history verifies as it was written, and no history with one change. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AuditTrail, verifyAudit } from "../../src/audit/index.ts";
import { runs } from "../property/stores.ts";
import { type Happening, happen, happening, put, SALT, site } from "./kit.ts";
import { tampering } from "./tampering.ts";

const redact = { paths: ["data.card.number", "value.secret", "actor.meta.*", "reason"] };
const history = fc.array(happening, { minLength: 1, maxLength: 12 });

async function written(happenings: readonly Happening[], redacted: boolean): Promise<AuditTrail> {
  const own = site(redacted ? { redact, salt: SALT } : {});
  const handles = [own.store, own.another()];
  await put(own.store, 1, { keys: { session: "s" } });
  for (const [index, one] of happenings.entries()) await happen(handles[index % 2] ?? own.store, one);
  return own.trail();
}

describe("a chain", () => {
  it("that nobody has touched is whole, whatever was written and by whom, and after JSON", async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.boolean(), async (happenings, redacted) => {
        const trail = await written(happenings, redacted);
        const report = await verifyAudit(JSON.parse(JSON.stringify(trail)) as AuditTrail);
        expect(report.problems).toEqual([]);
        expect(report.record).not.toBe("unchecked");
        expect(report.head).toEqual({ seq: trail.events.length, hash: trail.events.at(-1)?.audit?.hash });
        expect((await verifyAudit(trail.events)).ok).toBe(true);
      }),
      { numRuns: runs(150) },
    );
  });

  it("shows any single edit, removal, insertion or swap", async () => {
    const found = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(history, fc.boolean(), tampering, async (happenings, redacted, { name, apply }) => {
        const changed = apply(await written(happenings, redacted));
        fc.pre(changed !== null);
        const { ok, problems } = await verifyAudit(changed as AuditTrail);
        expect(ok, name).toBe(false);
        expect(problems.length).toBeGreaterThan(0);
        found.set(name, (found.get(name) ?? 0) + 1);
      }),
      { numRuns: runs(600) },
    );
    // Every way to tamper was tried.
    expect(found.size).toBeGreaterThanOrEqual(16);
  });

  it("that was cut off and given a head that fits is found by an anchor, and only by it", async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat(), async (happenings, cut) => {
        const own = site();
        await put(own.store, 1);
        const heads = [];
        const trails = [];
        for (const one of happenings) {
          await happen(own.store, one);
          const trail = await own.trail();
          trails.push(trail);
          heads.push((await verifyAudit(trail)).head);
        }
        const at = cut % trails.length;
        const old = trails[at] as AuditTrail;
        const anchor = heads.at(-1) ?? undefined;
        const isOld = heads[at]?.seq !== anchor?.seq;
        expect((await verifyAudit(old)).ok).toBe(true);
        const { problems } = await verifyAudit(old, { anchor });
        expect(problems.map(({ kind }) => kind)).toEqual(isOld ? ["cut_off"] : []);
        // An anchor of any time before is met by what came after.
        const last = trails.at(-1) as AuditTrail;
        expect((await verifyAudit(last, { anchor: heads[at] ?? undefined })).ok).toBe(true);
      }),
      { numRuns: runs(60) },
    );
  });

  it("that begins in the middle of a history proves what follows, and how much was before it", async () => {
    await fc.assert(
      fc.asyncProperty(history, history, fc.nat(), async (before, after, nth) => {
        const own = site();
        await put(own.bare, 1);
        for (const one of before) await happen(own.bare, one);
        for (const one of after) await happen(own.store, one);
        const trail = await own.trail();
        const older = trail.events.filter(({ audit }) => !audit).length;
        fc.pre(older < trail.events.length);
        const report = await verifyAudit(trail, { unlinked: "allowed" });
        expect(report.problems).toEqual([]);
        expect(report.unlinked).toBe(older);
        expect((await verifyAudit(trail)).problems.map(({ kind }) => kind)).toEqual(
          Array.from({ length: older }, () => "unlinked"),
        );
        const events = trail.events.toSpliced(nth % older, 1).map((one, n) => ({ ...one, seq: n + 1 }));
        expect((await verifyAudit({ ...trail, events }, { unlinked: "allowed" })).ok).toBe(false);
      }),
      { numRuns: runs(80) },
    );
  });
});
