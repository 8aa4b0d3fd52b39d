/** What becomes of an answer: the server's word counts, and people see it. */
import { hitlBlock } from "holdpoint/blocks";
import { describe, expect, it } from "vitest";
import { gate } from "../support/poll.ts";
import { useHarness } from "./support/harness.ts";

const app = useHarness("list");

const data = { message: "Deploy?" };
const bob = { id: "bob", name: "Bob" };
const inState = (hitl_id: string, state: string): Promise<void> =>
  app
    .question(hitl_id)
    .and(app.page.locator(`[data-state=${state}]`))
    .waitFor();
const status = (hitl_id: string): Promise<string> => app.question(hitl_id).getByRole("status").innerText();
const press = (hitl_id: string, name: string): Promise<void> =>
  app.question(hitl_id).getByRole("button", { name, exact: true }).click();
const responses = (): string[] => app.server.requests.filter((path) => path.startsWith("/respond"));

describe("when somebody else was quicker", () => {
  it("P4 shows the winner's answer and that one's own was not used, and moves the focus there", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    await app.backend.respond(hitl_id, { confirmed: false, comment: "not on Friday" }, { actor: bob });
    await press(hitl_id, "Yes, go on");
    await inState(hitl_id, "conflict");
    expect(await status(hitl_id)).toBe("Somebody else was quicker. Your answer was not used.");
    const ending = app.question(hitl_id).locator(".holdpoint-ending:focus");
    expect(await ending.innerText()).toMatch(/Answered by Bob.*"not on Friday"/s);
    expect(await app.answer(hitl_id)).toEqual({ confirmed: false, comment: "not on Friday" });

    // The block's own end comes after it, and does not hide that one's own answer lost.
    await app.show(hitl_id);
    await inState(hitl_id, "conflict");
  });

  it("P4 closes the form as soon as the block says so", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    await app.backend.respond(hitl_id, { confirmed: true }, { actor: bob });
    await app.show(hitl_id);
    await inState(hitl_id, "answered");
    expect(await app.question(hitl_id).getByRole("button").count()).toBe(0);
    expect(await app.question(hitl_id).innerText()).toContain("Answered by Bob");
  });

  it("P4 of two pages that answer at once one wins, and each page says which", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    const both = gate();
    let waiting = 0;
    app.server.intercept = async (_request, next) => {
      waiting += 1;
      if (waiting === 2) both.open();
      await both.passed;
      return next();
    };
    const other = await app.page.context().newPage();
    await other.goto(app.server.url);
    const record = await app.backend.get(hitl_id);
    await other.waitForFunction(() => "dispatch" in globalThis);
    await other.evaluate(
      (event) =>
        (globalThis as unknown as { dispatch: (event: unknown) => void }).dispatch(JSON.parse(event)),
      JSON.stringify(record && hitlBlock(record)),
    );
    const theirs = other.locator(`[data-hitl-id="${hitl_id}"]`);
    await Promise.all([
      press(hitl_id, "Yes, go on"),
      theirs.getByRole("button", { name: "No", exact: true }).click(),
    ]);
    const ended = "[data-state=answered], [data-state=conflict]";
    await Promise.all([
      app.question(hitl_id).and(app.page.locator(ended)).waitFor(),
      theirs.and(other.locator(ended)).waitFor(),
    ]);
    const states = await Promise.all([
      app.question(hitl_id).getAttribute("data-state"),
      theirs.getAttribute("data-state"),
    ]);
    expect(states.toSorted()).toEqual(["answered", "conflict"]);
    const winner = states[0] === "answered";
    expect(await app.answer(hitl_id)).toEqual({ confirmed: winner });
    for (const text of [await app.question(hitl_id).innerText(), await theirs.innerText()])
      expect(text).toContain(`"confirmed": ${winner}`);
  });
});

describe("when it ends without an answer", () => {
  it("P8 a late answer to an expired question says that nothing was approved", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data, expires_at: app.clock.now() + 1000 });
    await app.question(hitl_id).getByText("Open until").waitFor();
    app.clock.advance(1001);
    await press(hitl_id, "Yes, go on");
    await inState(hitl_id, "expired");
    expect(await status(hitl_id)).toBe("The time to answer is over. Nothing was approved.");
    expect(await app.answer(hitl_id)).toBeNull();
  });

  it("P8 an answer to a cancelled question says so, with the reason", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    await app.backend.cancel(hitl_id, { reason: "superseded" });
    await press(hitl_id, "Yes, go on");
    await inState(hitl_id, "cancelled");
    expect(await app.question(hitl_id).innerText()).toContain("superseded");
  });

  it("can be cancelled here", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    await press(hitl_id, "Cancel the request");
    await inState(hitl_id, "cancelled");
    expect((await app.backend.get(hitl_id))?.status).toBe("cancelled");
  });

  it("P4 a cancellation that comes too late shows the answer", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    await app.backend.respond(hitl_id, { confirmed: true }, { actor: bob });
    await press(hitl_id, "Cancel the request");
    await inState(hitl_id, "conflict");
    expect(await app.question(hitl_id).innerText()).toContain("Answered by Bob");
  });
});

describe("when it is not known", () => {
  it("P8 an unconfirmed answer is not shown as given, and sending it again is accepted once", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    app.server.intercept = async (_request, next) => {
      app.server.intercept = undefined;
      await next();
      return { status: "indeterminate" };
    };
    await press(hitl_id, "Yes, go on");
    await inState(hitl_id, "error");
    expect(await status(hitl_id)).toContain("It is not known");
    await press(hitl_id, "Try again");
    await inState(hitl_id, "answered");
    expect((await app.backend.get(hitl_id))?.version).toBe(2);
  });

  it("P8 what is no outcome is an error, never an answer", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    for (const nonsense of [null, {}, [], "accepted", { status: "ok" }, { status: "toString" }]) {
      app.server.intercept = async () => nonsense;
      await press(hitl_id, "Yes, go on");
      await inState(hitl_id, "error");
      expect(await status(hitl_id)).toBe("The answer could not be sent.");
    }
    app.server.intercept = undefined;
    await press(hitl_id, "Try again");
    await inState(hitl_id, "answered");
  });

  it("says that one may not answer, or that there is no such question", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    const record = await app.backend.get(hitl_id);
    app.server.intercept = async () => ({ status: "forbidden", record });
    await press(hitl_id, "Yes, go on");
    await app.question(hitl_id).getByText("You may not answer this.").waitFor();
    app.server.intercept = async () => ({ status: "not_found" });
    await press(hitl_id, "Yes, go on");
    await app.question(hitl_id).getByText("does not exist").waitFor();
  });
});

describe("while it is on its way", () => {
  it("sends once, however often the button is pressed, and shows nothing before the server has said it", async () => {
    const { hitl_id } = await app.ask({ hitl_type: "confirm", data });
    const held = gate();
    app.server.intercept = async (_request, next) => {
      await held.passed;
      return next();
    };
    const yes = app.question(hitl_id).getByRole("button", { name: "Yes, go on" });
    await yes.dblclick();
    await inState(hitl_id, "sending");
    await yes.focus();
    await yes.press("Enter");
    await app.question(hitl_id).getByRole("button", { name: "No", exact: true }).press("Enter");
    expect(await status(hitl_id)).toBe("Sending …");
    expect(await yes.getAttribute("aria-disabled")).toBe("true");
    expect(await app.question(hitl_id).locator(".holdpoint-ending").count()).toBe(0);
    held.open();
    await inState(hitl_id, "answered");
    expect(responses()).toHaveLength(1);
    expect(await app.answer(hitl_id)).toEqual({ confirmed: true });
  });

  it("keeps what was typed when an event says something else about the question", async () => {
    const { hitl_id } = await app.ask({
      hitl_type: "confirm",
      data,
      expires_at: app.clock.now() + 1000,
      on_expire: { escalate: "boss" },
    });
    const comment = app.question(hitl_id).getByLabel("Comment");
    await comment.fill("half a sen");
    app.clock.advance(2000);
    await app.show(hitl_id);
    await app.question(hitl_id).getByText("Open until").waitFor({ state: "detached" });
    expect(await comment.inputValue()).toBe("half a sen");
    await comment.pressSequentially("tence");
    await press(hitl_id, "Yes, go on");
    await inState(hitl_id, "answered");
    expect(await app.answer(hitl_id)).toEqual({ confirmed: true, comment: "half a sentence" });
  });
});
