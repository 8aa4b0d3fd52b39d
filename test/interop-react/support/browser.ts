/** One Chromium, one page, and graphs behind a LangGraph server on another origin; a fresh shop for each test. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { InMemoryHITLBackend } from "holdpoint";
import { createLangGraphServer, toNodeListener } from "holdpoint/server/langgraph";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { bundlePage } from "../../react/support/bundle.ts";
import { launchChromium } from "../../react/support/harness.ts";
import { type Gate, gate } from "../../support/poll.ts";
import { shop } from "../shop.ts";
import { type PageServer, servePage } from "./page-server.ts";

export type Hook = "sdk" | "sdk with history" | "react";

export interface OpenOptions {
  readonly hook: Hook;
  readonly graph?: "shop" | "each";
  readonly user?: string;
  readonly thread?: string;
}

/** What a user sees and does. */
export interface Review {
  readonly page: Page;
  /** Takes what the page has complained of until now, so that the test does not fail for it. */
  complaints(): readonly string[];
  send(calls: readonly object[]): Promise<void>;
  question(text: string): Locator;
  click(question: string, button: string, text?: string): Promise<void>;
  shows(text: string): Promise<void>;
  /** The lines of the conversation without the user's own. */
  lines(): Promise<readonly string[]>;
  ready(): Promise<void>;
  thread(): string;
}

export interface Served {
  readonly backend: InMemoryHITLBackend;
  done(): readonly string[];
  /** Path and body of each request of a page, in their order. */
  readonly requests: readonly { readonly path: string; readonly body: string }[];
  /** Until it is open, the tool `weigh` of the graph `shop` waits. */
  readonly scales: Gate;
  open(options: OpenOptions): Promise<Review>;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** What it gives is of the current test. */
export function useServedGraphs(): () => Served {
  let browser: Browser | undefined;
  let tabs: Tab[] = [];
  let pages: PageServer | undefined;
  let api: Server;
  let current: Served | undefined;
  let opened = 0;

  beforeAll(async () => {
    const [launched, script] = await Promise.all([
      launchChromium(),
      bundlePage("review", "test/interop-react/pages"),
    ]);
    browser = launched;
    tabs = await Promise.all([newTab(launched), newTab(launched)]);
    pages = await servePage(script);
  });

  afterAll(async () => {
    await browser?.close();
    await pages?.close();
  });

  beforeEach(async () => {
    const { origin } = pages as PageServer;
    const backend = new InMemoryHITLBackend();
    const scales = gate();
    const [whole, each] = [shop({ backend, scales: scales.passed }), shop({ backend, send: true })];
    const requests: { path: string; body: string }[] = [];
    const { fetch } = createLangGraphServer({
      graphs: { shop: whole.graph, each: each.graph },
      backend,
      cors: { origins: [origin], headers: ["x-user"] },
      authenticate: (request) => {
        const user_id = request.headers.get("x-user") ?? "";
        return user_id === "" ? new Response(null, { status: 401 }) : { user_id, tenant_id: user_id };
      },
    });
    api = createServer(
      toNodeListener(async (request) => {
        const body = request.method === "GET" ? "" : await request.clone().text();
        requests.push({ path: `${request.method} ${new URL(request.url).pathname}`, body });
        return fetch(request);
      }),
    );
    const apiUrl = await listen(api);
    current = {
      backend,
      requests,
      scales,
      done: () => [...whole.done, ...each.done],
      open: async (options) => {
        const tab = tabs[opened];
        if (!tab) throw new Error(`There are ${tabs.length} tabs.`);
        opened += 1;
        return openReview(tab, origin, apiUrl, options);
      },
    };
  });

  afterEach(async () => {
    opened = 0;
    current?.scales.open();
    await Promise.all(tabs.map(({ page }) => page.goto("about:blank")));
    await closed(api);
    await current?.backend.close();
    expect(tabs.flatMap(({ complaints }) => complaints.splice(0))).toEqual([]);
  });

  return () => current as Served;
}

interface Tab {
  readonly page: Page;
  /** Of what went wrong in its page, by the page's own console. */
  readonly complaints: string[];
}

/**
 * Tabs are used again: a new one would compile the whole script again. Each is in a context of its own, as in a window of its
 * own: one behind another is slow on purpose.
 */
async function newTab(browser: Browser): Promise<Tab> {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { page, complaints };
}

async function openReview(
  { page, complaints }: Tab,
  origin: string,
  api: string,
  { hook, graph = "shop", user = "kim", thread }: OpenOptions,
): Promise<Review> {
  const query = new URLSearchParams({ api, graph, user, hook: hook === "react" ? "react" : "sdk" });
  if (hook === "sdk with history") query.set("history", "true");
  if (thread !== undefined) query.set("thread", thread);
  await page.goto(`${origin}/?${query}`);
  const question = (text: string): Locator => page.locator("section").filter({ hasText: text });
  const ready = (): Promise<void> => page.locator("output", { hasText: /^ready$/ }).waitFor();
  return {
    page,
    complaints: () => complaints.splice(0),
    question,
    ready,
    send: async (calls) => {
      await page.getByLabel("Message").fill(JSON.stringify(calls));
      await page.getByRole("button", { name: "send", exact: true }).click();
    },
    click: async (text, button, typed) => {
      const section = question(text);
      if (typed !== undefined) await section.getByLabel("Text").fill(typed);
      await section.getByRole("button", { name: button, exact: true }).click();
    },
    shows: (text) => page.getByText(text, { exact: true }).waitFor(),
    lines: async () =>
      (await page.locator("ol > li").allTextContents()).filter((line) => !line.startsWith("human:")),
    thread: () => new URL(page.url()).searchParams.get("thread") ?? "",
  };
}
