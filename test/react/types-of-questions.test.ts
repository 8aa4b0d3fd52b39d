/** Every hitl_type in a real browser: asked by a real backend, answered by clicking and typing. */
import { describe, expect, it } from "vitest";
import { useHarness } from "./support/harness.ts";

const app = useHarness("list");

const answered = async (hitl_id: string): Promise<unknown> => {
  await app.question(hitl_id).and(app.page.locator("[data-state=answered]")).waitFor();
  return app.answer(hitl_id);
};

describe("ask_user", () => {
  it("takes a free text", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "ask_user", data: { message: "Which city?" } });
    const question = app.question(hitl_id);
    await question.getByLabel("Answer").fill("Berlin");
    await question.getByRole("button", { name: "Send" }).click();
    expect(await answered(hitl_id)).toEqual({ answer: "Berlin" });
  });

  it("takes the value of an option, not its label", async () => {
    const options = ["red", { value: "b", label: "Blue", description: "as the sky" }];
    const { hitl_id } = await app.ask({ hitl_type: "ask_user", data: { message: "Colour?", options } });
    const question = app.question(hitl_id);
    await question.getByRole("radio", { name: "Blue" }).check();
    await question.getByRole("button", { name: "Send" }).click();
    expect(await answered(hitl_id)).toEqual({ answer: "b" });
  });

  it("has a list to pick from where there are many options", async () => {
    const options = Array.from({ length: 40 }, (_, index) => `city ${index}`);
    const { hitl_id } = await app.ask({ hitl_type: "ask_user", data: { message: "City?", options } });
    const question = app.question(hitl_id);
    await question.getByRole("combobox", { name: "Answer" }).selectOption({ label: "city 17" });
    await question.getByRole("button", { name: "Send" }).click();
    expect(await answered(hitl_id)).toEqual({ answer: "city 17" });
  });

  it("takes several options and a text of one's own", async () => {
    const data = {
      message: "Toppings?",
      options: ["ham", "corn", "egg"],
      multiple: true,
      allow_free_text: true,
    };
    const schema = { type: "object", properties: { answer: { type: "array", items: { type: "string" } } } };
    const { hitl_id } = await app.ask({ hitl_type: "ask_user", data, response_schema: schema });
    const question = app.question(hitl_id);
    await question.getByLabel("egg").check();
    await question.getByLabel("ham").check();
    await question.getByRole("checkbox", { name: "Other" }).check();
    await question.getByRole("textbox", { name: "Answer: other answer" }).fill("figs");
    await question.getByRole("button", { name: "Send" }).click();
    expect(await answered(hitl_id)).toEqual({ answer: ["ham", "egg", "figs"] });
  });

  it("takes the answers to several questions together, each under its id", async () => {
    const questions = [
      { id: "colour", message: "Which colour?", options: ["red", "blue"] },
      { id: "0", message: "Why?" },
    ];
    const { hitl_id } = await app.ask({ hitl_type: "ask_user", data: { message: "Two things", questions } });
    const question = app.question(hitl_id);
    await question.getByRole("radiogroup", { name: "Which colour?" }).getByLabel("red").check();
    await question.getByLabel("Why?").fill("it is fast");
    await question.getByRole("button", { name: "Send" }).click();
    expect(await answered(hitl_id)).toEqual({ answers: { colour: "red", "0": "it is fast" } });
  });
});

describe("confirm", () => {
  const data = { message: "Deploy?", details: "To production.", risk_level: "high" };

  it("says the risk in words and takes yes with a comment", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    const question = app.question(hitl_id);
    await question.getByText("Risk: high").waitFor();
    await question.getByText("To production.").waitFor();
    await question.getByLabel("Comment").fill("go");
    await question.getByRole("button", { name: "Yes, go on" }).click();
    expect(await answered(hitl_id)).toEqual({ confirmed: true, comment: "go" });
  });

  it("takes no", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    await app.question(hitl_id).getByRole("button", { name: "No", exact: true }).click();
    expect(await answered(hitl_id)).toEqual({ confirmed: false });
  });

  it("shows the form of a response schema that asks for something else", async () => {
    const response_schema = {
      type: "object",
      properties: { confirmed: { type: "boolean" }, ticket: { type: "string" } },
      required: ["confirmed", "ticket"],
    };
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data, response_schema });
    const question = app.question(hitl_id);
    await question.getByRole("radiogroup", { name: "Confirmed" }).getByLabel("Yes").check();
    await question.getByLabel("Ticket").fill("T-1");
    await question.getByRole("button", { name: "Send" }).click();
    expect(await answered(hitl_id)).toEqual({ confirmed: true, ticket: "T-1" });
  });
});

describe("permission", () => {
  const args = {
    to: "ann@example.com",
    amount: 40,
    notify: true,
    memo: "",
    tags: ["a", "b"],
    meta: { deep: null },
  };
  const data = { message: "May I pay?", tool: "pay", args, preview: "40 EUR to Ann" };

  it("P7 shows the call itself, and approves it as it is", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "permission", data });
    const question = app.question(hitl_id);
    const facts = await question.locator("dl").first().innerText();
    for (const shown of ["pay", '"amount": 40', "ann@example.com", "40 EUR to Ann"])
      expect(facts).toContain(shown);
    await question.getByRole("button", { name: "Approve once" }).click();
    expect(await answered(hitl_id)).toEqual({ decision: "approve_once" });
  });

  it("P7 edits arguments as fields; each keeps its type, and what is not touched stays", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "permission", data });
    const question = app.question(hitl_id);
    await question.getByRole("button", { name: "Edit" }).click();
    await question.getByLabel("amount").fill("12.5");
    await question.getByRole("radiogroup", { name: "notify" }).getByLabel("No").check();
    await question.getByRole("button", { name: "Remove tags 1" }).click();
    await question.getByRole("button", { name: "Approve with these changes" }).click();
    expect(await answered(hitl_id)).toEqual({
      decision: "edit",
      edited_args: { ...args, amount: 12.5, notify: false, tags: ["b"] },
    });
  });

  it("shows only the decisions that are allowed", async () => {
    const allowed_decisions = ["reject", "approve_once"];
    const { hitl_id } = await app.ask({ hitl_type: "permission", data: { ...data, allowed_decisions } });
    const question = app.question(hitl_id);
    expect(await question.getByRole("button").allInnerTexts()).toEqual([
      "Approve once",
      "Reject",
      "Cancel the request",
    ]);
    await question.getByLabel("Message").fill("too much");
    await question.getByRole("button", { name: "Reject" }).click();
    expect(await answered(hitl_id)).toEqual({ decision: "reject", message: "too much" });
  });

  it("gives a scope only to a grant, and wants a message where the message is the answer", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "permission", data });
    const question = app.question(hitl_id);
    await question.getByLabel("Scope").fill("this session");
    await question.getByRole("button", { name: "Answer with the message" }).click();
    const message = question.getByLabel("Message");
    await message.and(app.page.locator("[aria-invalid=true]:focus")).waitFor();
    expect((await app.backend.get(hitl_id))?.status).toBe("pending");
    await question.getByRole("button", { name: "Approve always" }).click();
    expect(await answered(hitl_id)).toEqual({ decision: "approve_always", scope: "this session" });
  });
});

describe("form", () => {
  const schema = {
    type: "object",
    properties: {
      name: { type: "string", title: "Full name", minLength: 2, description: "As in the passport" },
      age: { type: "integer", minimum: 18, maximum: 120 },
      weight: { type: ["number", "null"] },
      member: { type: "boolean" },
      colour: { enum: ["red", "blue"] },
      plan: {
        oneOf: [
          { const: 1, title: "Basic" },
          { const: 2, title: "Pro" },
        ],
      },
      born_on: { type: "string", format: "date" },
      wake_at: { type: "string", format: "date-time" },
      pets: { type: "array", items: { enum: ["cat", "dog", "fish"] } },
      emails: { type: "array", items: { type: "string", format: "email" } },
      address: {
        type: "object",
        properties: { street: { type: "string" }, zip: { type: "string", pattern: "^[0-9]{5}$" } },
        required: ["street", "zip"],
      },
      anything: { anyOf: [{ type: "number" }, { type: "array", items: { type: "number" } }] },
      note: { type: "string" },
    },
    required: ["name", "age", "weight", "member", "address"],
  };

  it("fills every kind of field of a JSON Schema", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "form", data: { message: "You?", schema } });
    const question = app.question(hitl_id);
    await question.getByLabel("Full name").fill("Ann Lee");
    await question.getByLabel("Age").fill("30");
    await question.getByRole("radiogroup", { name: "Member" }).getByLabel("No", { exact: true }).check();
    await question.getByLabel("blue").check();
    await question.getByLabel("Pro").check();
    await question.getByLabel("Born on").fill("1990-02-03");
    await question.getByLabel("Wake at").fill("2026-01-31T07:30");
    await question.getByLabel("cat").check();
    await question.getByLabel("fish").check();
    await question.getByRole("button", { name: "Add to Emails" }).click();
    await question.getByLabel("Emails 1").fill("ann@example.com");
    await question.getByRole("group", { name: "Address" }).getByLabel("Street").fill("Main 1");
    await question.getByLabel("Zip").fill("12345");
    await question.getByLabel("Anything").fill("[1, 2]");
    await question.getByRole("button", { name: "Send" }).click();
    expect(await answered(hitl_id)).toEqual({
      name: "Ann Lee",
      age: 30,
      weight: null,
      member: false,
      colour: "blue",
      plan: 2,
      born_on: "1990-02-03",
      // The page's time zone is Berlin's.
      wake_at: "2026-01-31T06:30:00.000Z",
      pets: ["cat", "fish"],
      emails: ["ann@example.com"],
      address: { street: "Main 1", zip: "12345" },
      anything: [1, 2],
    });
  });

  it("P3 shows what the server refuses at the field of its path, keeps what was typed, and takes the next answer", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "form", data: { message: "You?", schema } });
    const question = app.question(hitl_id);
    await question.getByLabel("Full name").fill("Ann");
    await question.getByLabel("Age").fill("7");
    await question.getByRole("radiogroup", { name: "Member" }).getByLabel("Yes").check();
    await question.getByLabel("Street").fill("Main 1");
    await question.getByLabel("Zip").fill("abc");
    await question.getByRole("button", { name: "Send" }).click();

    const age = question.getByLabel("Age");
    await age.and(app.page.locator("[aria-invalid=true]:focus")).waitFor();
    const described = (await age.getAttribute("aria-describedby"))?.split(" ") ?? [];
    const texts = await Promise.all(described.map((id) => app.page.locator(`[id="${id}"]`).innerText()));
    expect(texts.join(" ")).toMatch(/From 18 to 120.*7/s);
    expect(await question.locator("[aria-invalid=true]").count()).toBe(2);
    expect(await question.getByLabel("Zip").getAttribute("aria-invalid")).toBe("true");
    expect(await question.getByRole("status").innerText()).toBe(
      "The answer was not accepted. Please correct it.",
    );
    expect((await app.backend.get(hitl_id))?.status).toBe("pending");

    expect(await question.getByLabel("Full name").inputValue()).toBe("Ann");
    await age.fill("18");
    await question.getByLabel("Zip").fill("12345");
    await question.getByRole("button", { name: "Send" }).click();
    expect(await answered(hitl_id)).toMatchObject({ name: "Ann", age: 18, address: { zip: "12345" } });
  });

  it("sends nothing while a required field is empty or a number is none", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "form", data: { message: "You?", schema } });
    const question = app.question(hitl_id);
    await question.getByLabel("Age").fill("thirty");
    await question.getByLabel("Anything").fill("[1,");
    await question.getByRole("button", { name: "Send" }).click();
    await question.getByLabel("Full name").and(app.page.locator(":focus")).waitFor();
    expect(await question.locator(".holdpoint-error").allInnerTexts()).toEqual([
      "An answer is needed here.",
      "Enter a number.",
      "An answer is needed here.",
      "An answer is needed here.",
      "An answer is needed here.",
      "This is not valid JSON.",
    ]);
    expect(app.server.requests.filter((path) => path.startsWith("/respond"))).toEqual([]);
  });
});

describe("external_auth", () => {
  const data = {
    message: "Please sign in.",
    auth_url: "https://accounts.example.com/o?a=1",
    provider: "Example",
    scopes: ["mail"],
  };

  it("links to the address by its host, safely, and takes what became of it", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "external_auth", data });
    const question = app.question(hitl_id);
    const link = question.getByRole("link", { name: "Open accounts.example.com" });
    expect(await link.getAttribute("href")).toBe(data.auth_url);
    expect(await link.getAttribute("target")).toBe("_blank");
    expect(await link.getAttribute("rel")).toContain("noopener");
    await question.getByLabel("Reference").fill("ref-1");
    await question.getByRole("button", { name: "I have given access" }).click();
    expect(await answered(hitl_id)).toEqual({ status: "granted", reference: "ref-1" });
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,hi",
    " javascript:alert(1)",
    "//x",
    "https://bank.com@evil.example/",
    "not an address",
  ])("shows %s as text and links nowhere", async (auth_url) => {
    const { hitl_id } = await app.ask({ hitl_type: "external_auth", data: { ...data, auth_url } });
    const question = app.question(hitl_id);
    await question.getByText(auth_url.trim()).waitFor();
    expect(await question.getByRole("link").count()).toBe(0);
    await question.getByRole("button", { name: "Refuse access" }).click();
    expect(await answered(hitl_id)).toEqual({ status: "denied" });
  });
});

describe("other types", () => {
  it.each(["workflow_human", "seat_choice", "constructor"])(
    "%s without a schema takes JSON, or else a text",
    async (hitl_type) => {
      for (const [typed, expected] of [
        ["just do it", "just do it"],
        ['{"seat": 4}', { seat: 4 }],
      ] as const) {
        const { hitl_id } = await app.ask({ hitl_type, data: { message: "Which seat?" } });
        const question = app.question(hitl_id);
        await question.getByLabel("Answer").fill(typed);
        await question.getByRole("button", { name: "Send" }).click();
        expect(await answered(hitl_id)).toEqual(expected);
      }
    },
  );

  it("workflow_human with a schema that is no object has one field", async () => {
    const { hitl_id } = await app.ask({
      hitl_type: "workflow_human",
      data: { message: "How many?" },
      response_schema: { type: "integer", minimum: 1, title: "How many" },
    });
    const question = app.question(hitl_id);
    await question.getByLabel("How many").fill("0");
    await question.getByRole("button", { name: "Send" }).click();
    await question.getByLabel("How many").and(app.page.locator("[aria-invalid=true]:focus")).waitFor();
    await question.getByLabel("How many").fill("3");
    // There is one button, so Enter is it.
    await question.getByLabel("How many").press("Enter");
    expect(await answered(hitl_id)).toBe(3);
  });

  it("in_doubt shows what was done, and takes a result only if it happened", async () => {
    const data = {
      message: "The call of pay was interrupted.",
      tool: "pay",
      args: { amount: 4 },
      steps_done: ["charge#0"],
      options: [
        { value: "run_again", label: "It did not happen: run it" },
        { value: "happened", label: "It happened: go on with this result" },
        { value: "give_up", label: "Give it up" },
      ],
    };
    const response_schema = {
      type: "object",
      properties: { decision: { enum: ["run_again", "happened", "give_up"] }, result: { type: "string" } },
      required: ["decision"],
    };
    for (const [button, expected] of [
      ["It happened: go on with this result", { decision: "happened", result: "paid" }],
      ["Give it up", { decision: "give_up" }],
    ] as const) {
      const { hitl_id } = await app.ask({ hitl_type: "in_doubt", data, response_schema });
      const question = app.question(hitl_id);
      expect(await question.locator("dl").first().innerText()).toContain("charge#0");
      await question.getByLabel("Result").fill("paid");
      await question.getByRole("button", { name: button }).click();
      expect(await answered(hitl_id)).toEqual(expected);
    }
  });
});
