/** Names, descriptions, keyboard and focus, as a screen reader and a person without a mouse meet them. */
import { parseBlockEvent } from "holdpoint/blocks";
import { describe, expect, it } from "vitest";
import { useHarness } from "./support/harness.ts";

const app = useHarness("list");

const schema = {
  type: "object",
  properties: {
    name: { type: "string", description: "As in the passport" },
    age: { type: "integer", minimum: 18 },
    member: { type: "boolean" },
    city: { enum: Array.from({ length: 12 }, (_, index) => `city ${index}`) },
    pets: { type: "array", items: { enum: ["cat", "dog"] }, minItems: 1 },
    emails: { type: "array", items: { type: "string" }, default: ["a", "b"] },
    address: { type: "object", properties: { street: { type: "string" } } },
    born: { type: "string", format: "date" },
    other: { anyOf: [{ type: "number" }, { type: "array" }] },
  },
  required: ["name", "age"],
};

const QUESTIONS = [
  { hitl_type: "ask_user", data: { message: "Colour?", options: ["red", "blue"], allow_free_text: true } },
  {
    hitl_type: "ask_user",
    data: { message: "Several", options: ["a", "b"], multiple: true, allow_free_text: true },
  },
  { hitl_type: "confirm", data: { message: "Deploy?", risk_level: "low" } },
  {
    hitl_type: "permission",
    data: { message: "Pay?", tool: "pay", args: { amount: 4, tags: ["a"], memo: "" } },
  },
  { hitl_type: "form", data: { message: "You?", schema } },
  { hitl_type: "external_auth", data: { message: "Sign in", auth_url: "https://example.com/" } },
  { hitl_type: "workflow_human", data: { message: "What now?" } },
];

interface AxNode {
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
  readonly ignored: boolean;
}

const CONTROLS = [
  "textbox",
  "radio",
  "checkbox",
  "combobox",
  "button",
  "link",
  "radiogroup",
  "group",
  "region",
  "spinbutton",
  "Date",
];

async function accessibilityTree(): Promise<AxNode[]> {
  const session = await app.page.context().newCDPSession(app.page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  return (nodes as AxNode[]).filter((node) => !node.ignored);
}

/** What an auditor would find in the page as it is. */
async function faults(): Promise<string[]> {
  const found = await app.page.evaluate(() => {
    const wrong: string[] = [];
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    for (const id of ids) {
      if (/\s/.test(id)) wrong.push(`id with a space: ${id}`);
      if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`id twice: ${id}`);
    }
    for (const attribute of ["aria-describedby", "aria-labelledby", "for"]) {
      for (const element of document.querySelectorAll(`[${attribute}]`)) {
        for (const id of (element.getAttribute(attribute) ?? "").split(" "))
          if (!document.getElementById(id)) wrong.push(`${attribute} leads nowhere: ${id}`);
      }
    }
    for (const control of document.querySelectorAll<HTMLInputElement>("input, textarea, select")) {
      if ((control.labels?.length ?? 0) === 0 && !control.hasAttribute("aria-label"))
        wrong.push(`no label: ${control.outerHTML}`);
      if (control.tabIndex < 0) wrong.push(`not in the tab order: ${control.outerHTML}`);
    }
    for (const element of document.querySelectorAll("[onclick], [tabindex]:not([tabindex='-1'])"))
      wrong.push(`not native: ${element.outerHTML}`);
    for (const group of document.querySelectorAll("fieldset"))
      if (group.firstElementChild?.tagName !== "LEGEND") wrong.push(`no legend: ${group.outerHTML}`);
    return wrong;
  });
  const tree = await accessibilityTree();
  const unnamed = tree.filter(
    ({ role, name }) => CONTROLS.includes(role?.value ?? "") && !name?.value?.trim(),
  );
  return [...found, ...unnamed.map((node) => `no name: ${JSON.stringify(node)}`)];
}

describe("every control has a name, every description and label leads somewhere", () => {
  it("while questions are open, refused and ended", async () => {
    const asked: string[] = [];
    for (const question of QUESTIONS) asked.push((await app.ask(question)).hitl_id);
    await app.dispatch(
      parseBlockEvent({
        block_id: "p",
        kind: "plan",
        persistence: "persistent",
        op: "apply",
        data: { steps: ["a"], current: 0 },
      }),
    );
    await app.page.getByRole("list", { name: "Plan" }).waitFor();
    const roles = (await accessibilityTree()).map(({ role }) => role?.value);
    for (const role of [
      "textbox",
      "radio",
      "checkbox",
      "combobox",
      "button",
      "link",
      "radiogroup",
      "group",
      "region",
    ])
      expect(roles).toContain(role);
    expect(await faults()).toEqual([]);

    for (const radio of await app.page.getByLabel("Other", { exact: true }).all()) await radio.check();
    await app.page.getByRole("button", { name: "Edit" }).click();
    for (const send of await app.page.getByRole("button", { name: "Send" }).all()) await send.click();
    await app.page.locator("[aria-invalid=true]").first().waitFor();
    expect(await faults()).toEqual([]);

    for (const hitl_id of asked) {
      await app.backend.cancel(hitl_id);
      await app.show(hitl_id);
    }
    await app.page.locator("form").first().waitFor({ state: "detached" });
    expect(await app.page.locator("[data-state=cancelled]").count()).toBe(asked.length);
    expect(await faults()).toEqual([]);
  });
});

describe("keyboard and focus", () => {
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await app.page.keyboard.press(key);
  };
  const focused = (): Promise<string> =>
    app.page.evaluate(() => document.activeElement?.textContent || document.activeElement?.id || "");

  it("a question can be answered without a mouse, and the focus goes to what came of it", async () => {
    const { hitl_id } = await app.ask({
      hitl_type: "ask_user",
      data: { message: "Colour?", options: ["red", "blue"] },
    });
    await app.question(hitl_id).waitFor();
    await press("Tab", "Space", "ArrowDown", "Tab");
    expect(await focused()).toBe("Send");
    await press("Enter");
    await app.question(hitl_id).locator(".holdpoint-ending:focus").waitFor();
    expect(await app.answer(hitl_id)).toEqual({ answer: "blue" });
  });

  it("Enter in a text decides nothing where there are several decisions", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "external_auth", data: { message: "Sign in" } });
    const reference = app.question(hitl_id).getByLabel("Reference");
    await reference.fill("r");
    await reference.press("Enter");
    expect(await app.question(hitl_id).getAttribute("data-state")).toBe("idle");
    expect(app.server.requests.filter((path) => path !== "/" && path !== "/page.js")).toEqual([]);
  });

  it("the focus goes into the arguments when they are opened, and back to the button", async () => {
    const { hitl_id } = await app.ask({
      hitl_type: "permission",
      data: { message: "?", tool: "t", args: { a: "x", l: ["1"] } },
    });
    const question = app.question(hitl_id);
    await question.getByRole("button", { name: "Edit" }).press("Enter");
    await question.getByLabel("a (required)", { exact: true }).and(app.page.locator(":focus")).waitFor();
    await question.getByRole("button", { name: "Remove l 1" }).press("Enter");
    await question.getByRole("button", { name: "Add to l" }).and(app.page.locator(":focus")).waitFor();
    await question.getByRole("button", { name: "Back" }).press("Enter");
    await question.getByRole("button", { name: "Edit" }).and(app.page.locator(":focus")).waitFor();
  });

  it("a question that comes or ends by itself does not take the focus", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data: { message: "one" } });
    const comment = app.question(hitl_id).getByLabel("Comment");
    await comment.focus();
    const other = await app.ask({ hitl_type: "permission", data: { message: "two", tool: "t", args: {} } });
    await app.backend.respond(other.hitl_id, { decision: "skip" });
    await app.show(other.hitl_id);
    await app.question(other.hitl_id).and(app.page.locator("[data-state=answered]")).waitFor();
    expect(await comment.and(app.page.locator(":focus")).count()).toBe(1);
  });

  it("the live region is there before it has something to say", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data: { message: "?" } });
    const region = app.question(hitl_id).getByRole("status");
    await region.waitFor({ state: "attached" });
    expect(await region.innerText()).toBe("");
    expect(await region.getAttribute("aria-live")).toBe("polite");
    await region.evaluate((element) => element.setAttribute("data-same", ""));
    await app.question(hitl_id).getByRole("button", { name: "Yes, go on" }).click();
    await app.question(hitl_id).and(app.page.locator("[data-state=answered]")).waitFor();
    expect(await app.question(hitl_id).locator("[data-same]").innerText()).toBe("Answered.");
  });
});

it("takes texts and a class name of the application", async () => {
  await app.page.goto(`${app.server.url}?german`);
  await app.page.waitForFunction(() => "dispatch" in globalThis);
  const { hitl_id } = await app.ask({ hitl_type: "ask_user", data: { message: "Welche Stadt?" } });
  await app.page.locator(".holdpoint-blocks.my-list").waitFor();
  await app.question(hitl_id).getByRole("button", { name: "Senden" }).waitFor();
  await app.question(hitl_id).getByRole("button", { name: "Cancel the request" }).waitFor();
});
