import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import { ActorSchema, OnExpireSchema, type Upcaster, upcast } from "../../src/core/record.ts";

const steps: readonly Upcaster[] = [
  (value) => ({ ...value, trail: [1] }),
  (value) => ({ ...value, trail: [...(value["trail"] as number[]), 2] }),
];

describe("upcast", () => {
  it("takes a value through every version up to the newest", () => {
    expect(upcast({ schema_version: 1 }, steps, "it")).toEqual({ schema_version: 3, trail: [1, 2] });
    expect(upcast({ schema_version: 2, trail: [1] }, steps, "it")).toEqual({
      schema_version: 3,
      trail: [1, 2],
    });
  });

  it("leaves a value of the newest version as it is", () => {
    const value = { schema_version: 3 };
    expect(upcast(value, steps, "it")).toBe(value);
  });

  it.each([[4], [0], [-1], [1.5], ["1"], [null], [undefined]])(
    "refuses schema_version %j: reading it could lose what it holds",
    (found) => {
      const value: JsonObject = found === undefined ? {} : { schema_version: found };
      expect(() => upcast(value, steps, "record x")).toThrow(
        expect.objectContaining({ code: "ERR_HITL_SCHEMA_VERSION" }),
      );
    },
  );
});

describe("record shapes", () => {
  it("know three things that may happen at a deadline (P8)", () => {
    for (const good of ["expire", { respond: null }, { respond: { a: [false] } }, { escalate: "boss" }]) {
      expect(OnExpireSchema.safeParse(good).success).toBe(true);
    }
    for (const bad of ["approve", {}, { escalate: "" }, { escalate: 1 }, null, { respond: undefined }]) {
      expect(OnExpireSchema.safeParse(bad).success).toBe(false);
    }
  });

  it("need an actor with an id and a known role", () => {
    expect(ActorSchema.safeParse({ id: "u", role: "user", name: "U", meta: { a: 1 } }).success).toBe(true);
    for (const bad of [{}, { id: "" }, { id: "x".repeat(256) }, { id: "u", role: "root" }, { id: 1 }, null]) {
      expect(ActorSchema.safeParse(bad).success).toBe(false);
    }
  });
});
