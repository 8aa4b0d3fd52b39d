/** The hooks in components of an application. */
import { textDelta } from "holdpoint/blocks";
import { describe, expect, it } from "vitest";
import { gate } from "../support/poll.ts";
import { useHarness } from "./support/harness.ts";

const app = useHarness("hooks");

const rendered = async (name: string): Promise<number> =>
  Number(await app.page.locator(`[data-rendered="${name}"]`).innerText());
const inState = (hitl_id: string, state: string): Promise<void> =>
  app.page.locator(`[data-hitl-id="${hitl_id}"][data-state=${state}]`).waitFor({ state: "attached" });
const show = (): Promise<void> => app.page.getByRole("button", { name: "Show or hide" }).click();

describe("useBlock and useBlocks", () => {
  it("renders only what looks at the block that changed", async () => {
    for (const block_id of ["a", "b"])
      await app.dispatch(textDelta({ block_id, index: 0, content: block_id }));
    const before = {
      b: await rendered("b"),
      kinds: await rendered("kinds"),
      questions: await rendered("questions"),
    };
    for (let index = 1; index <= 20; index += 1)
      await app.dispatch(textDelta({ block_id: "a", index, content: "." }));
    await app.page.getByText(`a${".".repeat(20)}`).waitFor();
    expect({
      b: await rendered("b"),
      kinds: await rendered("kinds"),
      questions: await rendered("questions"),
    }).toEqual(before);
    expect(await rendered("a")).toBeGreaterThan(before.b);
  });

  it("selects again when what is selected has changed", async () => {
    await app.dispatch(textDelta({ block_id: "a", index: 0, content: "x" }));
    await app.ask({ hitl_type: "confirm", data: { message: "?" } });
    await app.page.locator('[data-kinds="text hitl"]').waitFor();
  });
});

describe("useHitl", () => {
  it("P10 has every open question, in the order in which they were asked, answerable in any", async () => {
    const asked: string[] = [];
    for (const message of ["one", "two", "three"])
      asked.push((await app.ask({ hitl_type: "confirm", data: { message } })).hitl_id);
    await app.page.locator(`[data-open="${asked.join(" ")}"]`).waitFor();
    const [one = "", two = "", three = ""] = asked;
    await app.question(two).getByRole("button").click();
    await inState(two, "answered");
    await app.page.locator(`[data-open="${one} ${three}"]`).waitFor();
    expect(await app.answer(one)).toBeNull();
  });

  it("calls the function of the last rendering", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data: { message: "?" } });
    await app.page.getByRole("button", { name: "Next round" }).click();
    await app.question(hitl_id).getByRole("button").click();
    await inState(hitl_id, "answered");
    expect(await app.answer(hitl_id)).toEqual({ confirmed: true, comment: "round 1" });
  });

  it.each(["", "?strict"])("may be unmounted while an answer is on its way %s", async (query) => {
    await app.page.goto(`${app.server.url}${query}`);
    await app.page.waitForFunction(() => "dispatch" in globalThis);
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data: { message: "?" } });
    const [held, arrived] = [gate(), gate()];
    app.server.intercept = async (_request, next) => {
      arrived.open();
      await held.passed;
      return next();
    };
    await app.question(hitl_id).getByRole("button").click();
    await inState(hitl_id, "sending");
    await arrived.passed;
    await show();
    await app.question(hitl_id).waitFor({ state: "detached" });
    const said = app.page.waitForResponse(/respond/);
    held.open();
    await (await said).finished();
    expect(await app.answer(hitl_id)).toMatchObject({ confirmed: true });
    await show();
    await inState(hitl_id, "idle");
    await app.show(hitl_id);
    await inState(hitl_id, "answered");
  });
});
