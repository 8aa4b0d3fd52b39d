/** A backend in the test, a page in a real browser, and what the page must not do. */
import { pathToFileURL } from "node:url";
import { type CreateRequest, type HITLRecord, InMemoryHITLBackend } from "holdpoint";
import { type BlockEvent, hitlBlock } from "holdpoint/blocks";
import { FakeClock } from "holdpoint/testing";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { bundlePage } from "./bundle.ts";
import { type PageServer, servePage } from "./page-server.ts";

const finder = pathToFileURL(new URL("../../../scripts/lib/browser.mjs", import.meta.url).pathname).href;

export async function launchChromium(): Promise<Browser> {
  const { findChromium } = (await import(finder)) as { findChromium: () => string | undefined };
  const executablePath = findChromium();
  if (!executablePath) {
    throw new Error(
      'There is no Chromium. Install it ("apt-get install chromium", "brew install --cask chromium"), or set HOLDPOINT_TEST_CHROMIUM.',
    );
  }
  // Chromium's sandbox refuses to run as root, and the pages are ours. Containers have a small /dev/shm.
  const args = ["--disable-dev-shm-usage", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])];
  return chromium.launch({ executablePath, headless: true, args });
}

export interface Harness {
  readonly page: Page;
  readonly backend: InMemoryHITLBackend;
  /** The backend's: nothing expires by itself. */
  readonly clock: FakeClock;
  readonly server: PageServer;
  /** What the page said on its console as an error, threw, or asked of others. Has to be empty at the end of a test. */
  readonly complaints: string[];
  /** Gives an event to the page's store, as a stream of the server would. */
  dispatch(event: BlockEvent): Promise<void>;
  /** Asks with the backend and shows the block of the question. */
  ask(request: Omit<CreateRequest, "session_id">): Promise<HITLRecord>;
  /** Shows the record as it is now in the backend. */
  show(hitl_id: string): Promise<void>;
  question(hitl_id: string): Locator;
  /** The answer that was stored. */
  answer(hitl_id: string): Promise<unknown>;
}

/** Sets up what a test file needs; the result is filled before each test. */
export function useHarness(pageName: string): Harness {
  let browser: Browser | undefined;
  let script = "";
  const harness = {} as { -readonly [key in keyof Harness]: Harness[key] };

  beforeAll(async () => {
    [browser, script] = await Promise.all([launchChromium(), bundlePage(pageName)]);
  });

  afterAll(async () => {
    await browser?.close();
  });

  beforeEach(async () => {
    const clock = new FakeClock();
    const backend = new InMemoryHITLBackend({ clock });
    const server = await servePage(backend, script);
    const complaints: string[] = [];
    const context = await (browser as Browser).newContext({ locale: "en-GB", timezoneId: "Europe/Berlin" });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("dialog", (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith("data:"))
        complaints.push(`request: ${request.url()}`);
    });
    await page.goto(server.url);
    await page.waitForFunction(() => "dispatch" in globalThis);

    const dispatch = async (event: BlockEvent): Promise<void> => {
      await page.evaluate((given) => {
        (globalThis as unknown as { dispatch: (event: unknown) => void }).dispatch(JSON.parse(given));
      }, JSON.stringify(event));
    };
    const get = async (hitl_id: string): Promise<HITLRecord> => {
      const record = await backend.get(hitl_id);
      if (!record) throw new Error(`There is no ${hitl_id}.`);
      return record;
    };
    Object.assign(harness, {
      page,
      backend,
      clock,
      server,
      complaints,
      dispatch,
      ask: async (request: Omit<CreateRequest, "session_id">) => {
        const { record } = await backend.create({ session_id: "s1", ...request });
        await dispatch(hitlBlock(record));
        return record;
      },
      show: async (hitl_id: string) => dispatch(hitlBlock(await get(hitl_id))),
      question: (hitl_id: string) => page.locator(`[data-hitl-id="${hitl_id}"]`),
      answer: async (hitl_id: string) => (await get(hitl_id)).user_response,
    } satisfies Harness);
  });

  afterEach(async () => {
    await harness.page.context().close();
    await harness.server.close();
    await harness.backend.close();
    expect(harness.complaints).toEqual([]);
  });

  return harness;
}
