/**
 * `useStream` of @langchain/langgraph-sdk/react and of @langchain/react, in a real browser against real graphs: questions
 * are shown as the interrupts say, answered by clicks in LangChain's words, and count once.
 */
import { describe, expect, it } from "vitest";
import { type Hook, useServedGraphs } from "./support/browser.ts";
import { until } from "../support/poll.ts";
import { book, pay, refund, weigh } from "./shop.ts";

const graphs = useServedGraphs();

async function records(user = "kim") {
  const { items } = await graphs().backend.forTenant(user).list({});
  return items;
}

/** What is shown once, and answered at once. */
function answered(hook: Hook): void {
  it("shows the question of an interrupt; approved by a click, its call runs once", async () => {
    const review = await graphs().open({ hook });
    await review.send([pay("ann", 40)]);
    await review.question("Pay 40 EUR to ann?").waitFor();
    expect(await review.page.locator("section > button").allTextContents()).toEqual([
      "approve",
      "edit",
      "reject",
      "approve without an id",
    ]);
    expect(graphs().done()).toEqual([]);
    await review.click("Pay 40", "approve");
    await review.shows("ai: done: ann 40");
    await review.ready();
    expect(await review.lines()).toEqual(["ai: ", "tool: paid 40 to ann", "ai: done: ann 40"]);
    expect(await review.page.locator("section").count()).toBe(0);
    expect(graphs().done()).toEqual(["ann 40"]);
    expect(await records()).toMatchObject([
      { user_response: { decision: "approve_once" }, responded_by: { id: "kim", role: "user" } },
    ]);
  });

  it("an answer without an id is for the only question", async () => {
    const review = await graphs().open({ hook });
    await review.send([refund("A-17")]);
    await review.click("Refund A-17?", "approve without an id");
    await review.shows("ai: done: refund A-17");
    expect(graphs().done()).toEqual(["refund A-17"]);
  });

  it("an edit of the arguments is what runs, and a rejection says why", async () => {
    const review = await graphs().open({ hook });
    await review.send([pay("ann", 40)]);
    await review.click("Pay 40", "edit", JSON.stringify({ to: "ann", amount: 4 }));
    await review.shows("ai: done: ann 4");
    await review.ready();
    await review.send([pay("bob", 50)]);
    await review.click("Pay 50", "reject", "Not to Bob.");
    await review.question("Pay 50").waitFor({ state: "detached" });
    await review.ready();
    expect((await review.lines()).join()).toContain("did not run: Not to Bob.");
    expect(graphs().done()).toEqual(["ann 4"]);
  });

  it.each(["shop", "each"] as const)(
    "P10 several at once are answered by id in one go: %s",
    async (graph) => {
      const review = await graphs().open({ hook, graph });
      await review.send([pay("ann", 1), refund("A-17"), pay("bob", 2)]);
      await review.question("Pay 2").waitFor();
      expect(await review.page.locator("section").count()).toBe(3);
      await review.page.getByRole("button", { name: "approve all" }).click();
      await review.shows("ai: done: ann 1, bob 2, refund A-17");
      expect(graphs().done().toSorted()).toEqual(["ann 1", "bob 2", "refund A-17"]);
    },
  );

  it("the thread of another tenant is not there", async () => {
    const review = await graphs().open({ hook });
    await review.send([pay("ann", 40)]);
    await review.question("Pay 40").waitFor();
    const other = await graphs().open({ hook, user: "eve", thread: review.thread() });
    await other.page.locator("output", { hasText: /404|^ready$/ }).waitFor();
    expect(await other.page.locator("section, ol > li").count()).toBe(0);
    await until("the refusal", () => other.complaints().some((line) => line.includes("404")));
    expect(await records("eve")).toEqual([]);
  });
}

/** What a page shows after an answer, or again: from the stream, or from the state of the thread. */
function shownAgain(hook: Hook): void {
  it.each(["shop", "each"] as const)(
    "P10 several at once are answered one after the other: %s",
    async (graph) => {
      const review = await graphs().open({ hook, graph });
      await review.send([pay("ann", 1), refund("A-17"), pay("bob", 2)]);
      await review.question("Pay 1").waitFor();
      await review.click("Refund A-17?", "reject");
      await review.question("Refund A-17?").waitFor({ state: "detached" });
      await review.ready();
      // What was answered is not there for whoever looks later, either.
      await review.page.reload();
      await review.question("Pay 2").waitFor();
      expect(await review.page.locator("section").count()).toBe(2);
      await review.click("Pay 2", "approve");
      await review.question("Pay 2").waitFor({ state: "detached" });
      await review.ready();
      expect(await review.page.locator("section p").allTextContents()).toEqual(["Pay 1 EUR to ann?"]);
      expect(graphs().done()).toEqual(["bob 2"]);
      await review.click("Pay 1", "approve");
      await review.shows("ai: done: ann 1, bob 2");
      expect(graphs().done()).toEqual(["bob 2", "ann 1"]);
    },
  );

  it("P3 a wrong answer: the question stays and says what is wrong, until the right one comes", async () => {
    const review = await graphs().open({ hook });
    await review.send([book]);
    await review.click("Which room?", "respond", "Newton");
    await review.question("Which room?").locator("li", { hasText: "Curie" }).waitFor();
    await review.ready();
    expect(await records()).toMatchObject([{ status: "pending" }]);
    await review.click("Which room?", "respond", "Curie");
    await review.shows("ai: done: booked Curie");
    expect(graphs().done()).toEqual(["booked Curie"]);
  });

  it("after a reload the question is there again, and its answer counts", async () => {
    const review = await graphs().open({ hook });
    await review.send([pay("ann", 40)]);
    await review.question("Pay 40").waitFor();
    await review.page.reload();
    await review.click("Pay 40", "approve");
    await review.shows("ai: done: ann 40");
    await review.page.reload();
    await review.shows("ai: done: ann 40");
    expect(await review.page.locator("section").count()).toBe(0);
    expect(graphs().done()).toEqual(["ann 40"]);
  });

  it("a reload in the middle of a run: the page sees its end, and the run has begun once", async () => {
    const review = await graphs().open({ hook });
    await review.send([weigh]);
    await review.page.locator("output", { hasText: /^busy$/ }).waitFor();
    await until("the tool", () => review.lines().then((lines) => lines.length > 0));
    await review.page.reload();
    await review.page.locator("output", { hasText: /^busy$/ }).waitFor();
    graphs().scales.open();
    await review.shows("ai: done: weighed");
    await review.ready();
    expect(graphs().done()).toEqual(["weighed"]);
  });

  it("P4 P9 two pages show one question: the second answer changes nothing", async () => {
    const first = await graphs().open({ hook });
    await first.send([pay("ann", 40)]);
    await first.question("Pay 40").waitFor();
    const second = await graphs().open({ hook, thread: first.thread() });
    await second.question("Pay 40").waitFor();
    await first.click("Pay 40", "approve");
    await first.shows("ai: done: ann 40");
    await second.click("Pay 40", "reject");
    await until("the refusal", () => second.complaints().some((line) => line.includes("answered before")));
    expect(graphs().done()).toEqual(["ann 40"]);
    expect(await records()).toMatchObject([{ user_response: { decision: "approve_once" } }]);
    await second.page.reload();
    await second.shows("ai: done: ann 40");
    expect(await second.page.locator("section").count()).toBe(0);
  });
}

describe.each<Hook>(["sdk", "react"])("useStream: %s", (hook) => {
  answered(hook);
  shownAgain(hook);
});

// It shows what the newest checkpoint of the history says, and not what was streamed.
describe("useStream: sdk with history", () => shownAgain("sdk with history"));
