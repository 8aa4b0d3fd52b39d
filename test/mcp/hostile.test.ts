/** Whatever a client sends: nothing is approved that nobody approved, nothing breaks, and the question can be answered. */
import fc from "fast-check";
import { InMemoryHITLBackend } from "holdpoint";
import { createMcpTools } from "holdpoint/mcp";
import { expect, it } from "vitest";
import { connect2, never, onlyPending, refundTool, textOf, yes } from "./kit.ts";

const RUNS = 250;
const NASTY = [
  "__proto__",
  "constructor",
  "action",
  "content",
  "decision",
  "confirmed",
  "response_json",
  "type",
];

/** Anything that is JSON, with our own words in it. */
const words = fc.oneof(fc.constantFrom(...NASTY, "accept", "decline", "cancel", "approve"), fc.string());
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(words, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(words, tie("value"), { maxKeys: 4 }),
  ),
})).value;

/** A confirmation is approved by exactly this, whatever else is beside it. */
function approves(answer: unknown): boolean {
  const { action, content } = (answer ?? {}) as {
    action?: unknown;
    content?: { confirmed?: unknown } | null;
  };
  return action === "accept" && [true, "true"].includes(content?.confirmed as never);
}

it(`answers of ${RUNS} kinds have an effect only if they approve it (P3, P8)`, async () => {
  const backend = new InMemoryHITLBackend();
  const effects: string[] = [];
  const mcp = createMcpTools([refundTool(effects)], { backend, maxAttempts: 1_000_000 });
  const peer = await connect2(mcp, { elicit: never });
  const answer = fc.oneof(
    json,
    fc.record({ action: fc.constantFrom("accept", "decline", "cancel"), content: json }),
    fc.record({
      action: fc.constant("accept"),
      content: fc.record({ confirmed: json }, { noNullPrototype: true }),
    }),
  );
  let order = 0;
  await fc.assert(
    fc.asyncProperty(answer, async (given) => {
      const args = { order: `A-${(order += 1)}` };
      const asked = await peer.raw("refund", args);
      const [hitl_id] = Object.keys(asked.inputRequests ?? {}) as [string];
      const sent = JSON.parse(JSON.stringify({ [hitl_id]: given })) as Record<string, unknown>;
      const requestState = asked.requestState ?? "";
      await peer.raw("refund", args, { requestState, inputResponses: sent });
      expect(effects.includes(args.order)).toBe(approves(given));
      const record = await backend.get(hitl_id);
      if (record?.status !== "pending") return;
      const right = { requestState, inputResponses: { [hitl_id]: yes } };
      expect(textOf(await peer.raw("refund", args, right))).toBe(`${args.order} refunded`);
    }),
    { numRuns: RUNS },
  );
});

it(`${RUNS} references that were changed are refused, and answer nothing`, async () => {
  const backend = new InMemoryHITLBackend();
  const effects: string[] = [];
  const peer = await connect2(createMcpTools([refundTool(effects)], { backend }), { elicit: never });
  const args = { order: "A-17" };
  const asked = await peer.raw("refund", args);
  const state = asked.requestState ?? "";
  const [hitl_id] = Object.keys(asked.inputRequests ?? {}) as [string];
  const inputResponses = { [hitl_id]: yes };
  const at = fc.nat(state.length - 1);
  const changed = fc.oneof(
    fc
      .tuple(at, fc.constantFrom(..."ABCabc019-_.=+/ \n".split("")))
      .map(([i, c]) => state.slice(0, i) + c + state.slice(i + 1)),
    at.map((i) => state.slice(0, i)),
    fc.string().map((text) => `${state}${text}`),
    fc.string().map((text) => `hp1.${text}`),
    fc.tuple(fc.base64String(), fc.base64String()).map(([a, b]) => `hp1.${a}.${b}`),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(changed, async (requestState) => {
      fc.pre(requestState !== state);
      const said = await peer.raw("refund", args, { requestState, inputResponses });
      expect(said.isError).toBe(true);
      expect(textOf(said)).toContain("ERR_HITL_FORBIDDEN");
    }),
    { numRuns: RUNS },
  );
  expect(effects).toEqual([]);
  expect((await onlyPending(backend)).hitl_id).toBe(hitl_id);
});

it("arguments that nobody could be shown do not begin a call", async () => {
  const backend = new InMemoryHITLBackend();
  const effects: string[] = [];
  const peer = await connect2(createMcpTools([refundTool(effects)], { backend }), { elicit: () => yes });
  let deep: unknown = "x";
  for (let depth = 0; depth < 100; depth += 1) deep = [deep];
  const hostile = [
    { order: "A", more: deep },
    { order: "A", more: "x".repeat(300_000) },
    JSON.parse('{"order":"A","constructor":{"prototype":{}}}') as Record<string, unknown>,
    JSON.parse('{"order":"A","more":{"__proto__":{"confirmed":true}}}') as Record<string, unknown>,
  ];
  for (const args of hostile) {
    const said = await peer.call("refund", args);
    expect(said.isError).toBe(true);
    expect(textOf(said)).toMatch(/ERR_HITL_(TOO_DEEP|TOO_LARGE|NOT_JSON)/);
  }
  expect(effects).toEqual([]);
  expect(({} as { confirmed?: unknown }).confirmed).toBeUndefined();
});
