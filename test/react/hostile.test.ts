/** What an agent writes is only ever text: markup, links, hidden characters, lengths and shapes that no one expects. */
import { type BlockKind, parseBlockEvent, textDelta } from "holdpoint/blocks";
import { describe, expect, it } from "vitest";
import { useHarness } from "./support/harness.ts";

const app = useHarness("list");

const MARKUP = `"><img src=x onerror="alert(1)"><script>alert(2)</script><a href="javascript:alert(3)">x</a>`;
const TURNED = "gpj.\u202Eexe\u200B";

const put = (kind: BlockKind, data: object, block_id = `blk_${kind}`): Promise<void> =>
  app.dispatch(parseBlockEvent({ block_id, kind, persistence: "persistent", op: "apply", data }));

const hitl = (hitl_type: string, data: object): Promise<void> =>
  put("hitl", { hitl_id: `h_${hitl_type}`, hitl_type, status: "pending", ...data }, `blk_${hitl_type}`);

/** Elements that only markup of the agent could have made. */
const foreign = (): Promise<number> =>
  app.page.locator("#root :is(img, script, iframe, a, style, svg, object)").count();

describe("texts", () => {
  it("markup stays text in every place that shows a word of the agent", async () => {
    const evil = MARKUP;
    const schema = {
      type: "object",
      title: evil,
      properties: {
        [evil]: { type: "string", title: evil, description: evil, default: evil },
        pick: { oneOf: [{ const: evil, title: evil, description: evil }, { const: 2 }] },
        list: { type: "array", title: evil, items: { type: "string" }, default: [evil] },
      },
    };
    await app.ask({
      hitl_type: "ask_user",
      data: { message: evil, options: [evil, { value: evil, label: evil, description: evil }] },
      tool_name: evil,
    });
    await app.ask({ hitl_type: "confirm", data: { message: evil, details: evil, error: evil } });
    await app.ask({
      hitl_type: "permission",
      data: { message: evil, tool: evil, args: { [evil]: evil }, preview: evil, suggestions: [evil] },
    });
    await app.ask({ hitl_type: "form", data: { message: evil, schema } });
    await app.ask({
      hitl_type: "external_auth",
      data: { message: evil, auth_url: evil, provider: evil, scopes: [evil] },
    });
    await app.ask({ hitl_type: evil, data: { message: evil } });
    const ended = await app.ask({ hitl_type: "workflow_human", data: { message: evil } });
    await app.backend.respond(ended.hitl_id, { [evil]: evil }, { actor: { id: evil, name: evil } });
    await app.show(ended.hitl_id);
    await app.dispatch(textDelta({ block_id: "t", index: 0, content: evil }));
    await put("thinking", { content: evil });
    await put("tool_use", {
      name: evil,
      call_id: "c",
      arguments: { [evil]: evil },
      status: "failed",
      error: evil,
    });
    await put("plan", { steps: [evil, { title: evil }, { [evil]: evil }], current: 0 });
    await put("node", { node_id: evil, status: "failed", error: evil });
    await put("artifact", { artifact_id: evil, title: evil });
    await put("error", { code: evil, message: evil, recoverable: true });
    await app.page.getByRole("button", { name: "Edit" }).click();

    await app.page.locator('[data-block-id="blk_error"]').getByText(evil).waitFor();
    expect(await foreign()).toBe(0);
    const words = await app.page
      .locator("#root")
      .evaluate((root) => root.textContent.split("onerror").length - 1);
    expect(words).toBeGreaterThan(40);
  });

  it("what turns or hides text is spelled out, and named beside a field that holds it", async () => {
    const { hitl_id } = await app.ask({
      hitl_type: "permission",
      data: { message: TURNED, tool: TURNED, args: { file: TURNED } },
    });
    const question = app.question(hitl_id);
    const shown = "gpj.\\u{202e}exe\\u{200b}";
    expect((await question.innerText()).split(shown)).toHaveLength(4);
    expect(await question.innerText()).not.toContain("\u202E");
    await question.getByRole("button", { name: "Edit" }).click();
    const file = question.getByLabel("file");
    expect(await file.inputValue()).toBe(TURNED);
    await question.getByText("Holds characters that are not seen: \\u{202e} \\u{200b}").waitFor();
    // What was not edited is approved as it was asked.
    await question.getByRole("button", { name: "Approve with these changes" }).click();
    await question.and(app.page.locator("[data-state=answered]")).waitFor();
    expect(await app.answer(hitl_id)).toEqual({ decision: "edit", edited_args: { file: TURNED } });
  });

  it("a text of 100 kB is cut visibly, can be read in full, and does not keep anybody from answering", async () => {
    const long = `${"long ".repeat(20_000)}END`;
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data: { message: long } });
    const question = app.question(hitl_id);
    expect((await question.innerText()).length).toBeLessThan(3000);
    expect(await question.getByText("END").count()).toBe(0);
    await question.getByRole("button", { name: "Show all 100003 characters" }).click();
    await question.getByText("END").waitFor();
    await question.getByRole("button", { name: "Yes, go on" }).click();
    await question.and(app.page.locator("[data-state=answered]")).waitFor();
  });
});

describe("shapes", () => {
  const wrong: readonly unknown[] = [null, 0, true, "text", [], [[1]], {}, { a: { b: [null] } }];
  const fields: Readonly<Record<string, readonly string[]>> = {
    ask_user: ["options", "questions", "multiple"],
    confirm: ["details", "risk_level"],
    permission: ["tool", "args", "allowed_decisions", "suggestions", "preview"],
    form: ["schema"],
    external_auth: ["auth_url", "provider", "scopes"],
    in_doubt: ["tool", "args", "steps_done", "options"],
  };
  const standing = [
    "message",
    "tool_name",
    "response_schema",
    "expires_at",
    "error",
    "responded_by",
    "responded_at",
  ];

  it.each(Object.entries(fields))(
    "%s shows a question whatever its data is made of",
    async (hitl_type, own) => {
      for (const value of wrong) {
        const data = Object.fromEntries([...own, ...standing].map((field) => [field, value]));
        await hitl(hitl_type, data);
        await app.page.locator(`[data-hitl-id=h_${hitl_type}] [role=status]`).waitFor({ state: "attached" });
        await hitl(hitl_type, { ...data, status: "completed", user_response: value, reason: value });
        await app.page
          .locator(`[data-hitl-id=h_${hitl_type}][data-state=answered]`)
          .waitFor({ state: "attached" });
        await hitl(hitl_type, data);
        await app.page
          .locator(`[data-hitl-id=h_${hitl_type}][data-state=idle]`)
          .waitFor({ state: "attached" });
      }
    },
  );

  it("other blocks are shown whatever their data is made of", async () => {
    const kinds = [
      "text",
      "thinking",
      "tool_use",
      "plan",
      "node",
      "error",
      "hitl",
      "sub_agent",
      "constructor",
      "__proto__",
    ];
    for (const [index, value] of wrong.entries()) {
      for (const kind of kinds) {
        const names = [
          "content",
          "name",
          "arguments",
          "status",
          "steps",
          "current",
          "node_id",
          "message",
          "hitl_id",
        ];
        const data = Object.fromEntries(names.map((name) => [name, value]));
        await put(kind, data, `blk_${kind}_${index}`);
      }
    }
    await app.page.locator(`[data-block-id="blk___proto___${wrong.length - 1}"]`).waitFor();
    expect(await app.page.locator("[data-block-id]").count()).toBe(wrong.length * kinds.length);
  });

  it("a schema of 5000 properties and one of 25 levels are shown, and can be answered", async () => {
    const properties = Object.fromEntries(
      Array.from({ length: 5000 }, (_, index) => [`p${index}`, { type: "string" }]),
    );
    let deep: object = { type: "string" };
    for (let depth = 0; depth < 25; depth += 1) deep = { type: "object", properties: { next: deep } };
    for (const [schema, label] of [
      [{ type: "object", properties }, "Answer"],
      [deep, "Next"],
    ] as const) {
      const { hitl_id } = await app.ask({ hitl_type: "form", data: { message: "?", schema } });
      const question = app.question(hitl_id);
      await question.getByRole("textbox", { name: label }).fill("{}");
      await question.getByRole("button", { name: "Send" }).click();
      await question.and(app.page.locator("[data-state=answered]")).waitFor();
      expect(JSON.stringify(await app.answer(hitl_id))).toMatch(/^(\{"next":)*\{\}\}*$/);
    }
  });
});
