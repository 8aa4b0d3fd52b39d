/** MCP: the schemas of its SDKs of 2025-11-25 and of 2026-07-28, and their own reading of what a client sends. */
import {
  ElicitRequestSchema as CoreElicitRequestSchema,
  ElicitResultSchema as CoreElicitResultSchema,
} from "@modelcontextprotocol/core";
import { ElicitRequestSchema, ElicitResultSchema } from "@modelcontextprotocol/sdk/types.js";
import {
  acceptedContent,
  inputRequired,
  inputResponse,
  isInputRequiredResult,
  isSpecType,
} from "@modelcontextprotocol/server";
import { describe, expect, it } from "vitest";
import {
  fromMcp1,
  fromMcp2,
  type Mcp1Elicitation,
  type Mcp1Field,
  toMcp1,
  toMcp2,
} from "../../../src/interop/index.ts";
import { ALL, askOf, EVERY } from "./kit.ts";

const method = "elicitation/create" as const;
type Form = Extract<Mcp1Elicitation, { mode: "form" }>;

/** What a human enters who fills in what a client shows: every field, with the first choice of those that have some. */
function entered(field: Mcp1Field): string | number | boolean | string[] {
  if (field.type === "boolean") return true;
  if (field.type === "number" || field.type === "integer") return field.maximum ?? 7;
  if (field.type === "array") {
    const { items } = field;
    return "enum" in items ? items.enum.slice(0, 1) : items.anyOf.slice(0, 1).map((choice) => choice.const);
  }
  if ("enum" in field) return field.enum[0] ?? "";
  if ("oneOf" in field) return field.oneOf[0]?.const ?? "";
  return "format" in field && field.format === "email" ? "a@b.example" : "ABC";
}

function filledIn({
  requestedSchema: { properties },
}: Form): Record<string, string | number | boolean | string[]> {
  return Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, entered(field)]));
}

const FORMS = EVERY.flatMap(([name, ask]) => {
  const params = toMcp1(ask);
  return params.mode === "form" ? [[name, ask, params] as const] : [];
});

describe("elicitation/create", () => {
  it.each(EVERY)("%s: both SDKs take the request, and take nothing out of it", (_name, ask) => {
    const request = { method, params: toMcp1(ask) };
    expect(ElicitRequestSchema.parse(request)).toEqual(request);
    expect(CoreElicitRequestSchema.parse(request)).toEqual(request);
  });

  it.each(FORMS)(
    "P3 %s: a form asks for nothing that it does not show, and offers a choice where it shows one",
    (_name, _ask, { requestedSchema }) => {
      const { properties, required } = requestedSchema;
      expect(Object.keys(properties)).toEqual(expect.arrayContaining(required));
      for (const field of Object.values(properties)) if ("enum" in field) expect(field.enum).not.toEqual([]);
    },
  );

  it.each(FORMS.filter(([, , { requestedSchema }]) => !("response_json" in requestedSchema.properties)))(
    "P3 %s: whoever fills in all of it answers the question",
    (_name, ask, params) => {
      const result = { action: "accept" as const, content: filledIn(params) };
      expect(CoreElicitResultSchema.parse(result)).toEqual(result);
      const { answers, problems } = fromMcp1(ElicitResultSchema.parse(result), ask);
      expect(problems).toEqual([]);
      expect(answers).toMatchObject([{ hitl_id: ask.hitl_id, format: "mcp_1" }]);
    },
  );

  it("what a flat form has no place for is one field of JSON", () => {
    const names = FORMS.filter(([, , { requestedSchema }]) => "response_json" in requestedSchema.properties);
    expect(names.map(([name]) => name)).toEqual([
      "nested",
      "free",
      "elsewhere",
      "refers",
      "anything",
      "nothing",
      "silent",
      "permission approve_always",
      "permission edit",
      "permission approve_always edit",
    ]);
  });

  it.each([
    ["numbers", { picks: ["2"] }, { picks: [2] }],
    ["flat", { mail: "a@b.example", seats: "5", host: "" }, { mail: "a@b.example", seats: 5 }],
    ["freely", { answer: '["a","b"]' }, { answer: ["a", "b"] }],
    ["freely", { answer: "a" }, { answer: ["a"] }],
    ["someOrOwn", { answer: '["ham","mustard"]' }, { answer: ["ham", "mustard"] }],
    ["severalKinds", { tags: '["a","b"]', size: ["s"] }, { answers: { tags: ["a", "b"], size: ["s"] } }],
  ] as const)("P3 %s: %j", (name, content, response) => {
    const result = ElicitResultSchema.parse({ action: "accept", content });
    expect(fromMcp1(result, askOf(name)).answers.map((answer) => answer.response)).toEqual([response]);
  });

  it("P8 a page that is no address of the web is not sent to be opened", () => {
    for (const auth_url of ["not a url", "javascript:alert(1)", "/login"]) {
      const ask = askOf("login");
      const params = toMcp1({ ...ask, data: { ...ask.data, auth_url } });
      expect(params.mode).toBe("form");
      ElicitRequestSchema.parse({ method, params });
    }
    expect(ElicitRequestSchema.parse({ method, params: toMcp1(askOf("login")) }).params.mode).toBe("url");
  });

  it.each(["accept", "decline", "cancel"] as const)(
    "%s without content, which some clients send as null",
    (action) => {
      const result = ElicitResultSchema.parse({ action, content: null });
      expect(fromMcp1(result, askOf("mail"))).toEqual(fromMcp1({ action }, askOf("mail")));
      expect(fromMcp1({ action, content: null }, askOf("mail"))).toEqual(fromMcp1({ action }, askOf("mail")));
    },
  );
});

describe("a result that requires input", () => {
  it("P10 every question at once is what the SDK's own builder makes", () => {
    const result = toMcp2(ALL, "state");
    expect(isInputRequiredResult(result)).toBe(true);
    for (const request of Object.values(result.inputRequests))
      expect(isSpecType.ElicitRequest(request)).toBe(true);
    expect(result).toEqual(inputRequired({ inputRequests: result.inputRequests, requestState: "state" }));
  });

  it("without a question and without a state there is none: neither the SDK's builder makes it", () => {
    expect(() => inputRequired({ inputRequests: {} })).toThrow();
    expect(() => toMcp2([])).toThrow(expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }));
    expect(isInputRequiredResult(toMcp2([], "state"))).toBe(true);
  });

  it("P3 the responses of the call that is made again, as the SDK reads them, are read by the ids of their questions", () => {
    const inputResponses = Object.fromEntries(
      FORMS.filter(([, , { requestedSchema }]) => !("response_json" in requestedSchema.properties)).map(
        ([, { hitl_id }, params], index) =>
          [
            hitl_id,
            index % 3 === 0
              ? { action: "cancel" as const }
              : { action: "accept" as const, content: filledIn(params) },
          ] as const,
      ),
    );
    const { answers, problems } = fromMcp2({ inputResponses, requestState: "state" }, ALL);
    expect(problems).toEqual([]);
    expect(answers.map(({ hitl_id }) => hitl_id)).toEqual(Object.keys(inputResponses));
    for (const { hitl_id, cancel } of answers) {
      const seen = inputResponse(inputResponses, hitl_id);
      expect(seen).toMatchObject({ kind: "elicit", action: cancel ? "cancel" : "accept" });
      if (!cancel) expect(acceptedContent(inputResponses, hitl_id)).toBeDefined();
    }
  });
});
