/** What both suites share: contexts, capabilities, and the life of the handles of a case. */
import { FakeClock } from "./fake-clock.ts";
import type { StoreNeed } from "./record-store/kit.ts";
import type { TestRunner } from "./runner.ts";

/** One for each case, the same object for all of its handles. */
export interface ConformanceContext {
  /** `[a-z0-9]+`, unique for each case and process: part of a file name or a key prefix. */
  readonly id: string;
  /** The store takes its time from it, if the suite declares `fakeClock`. */
  readonly clock: FakeClock;
}

/** What is honestly true of the store; cases that need more are not registered. */
export interface ConformanceCapabilities {
  /** Records outlive the last handle. */
  readonly durable: boolean;
  /** Several processes can share the store; needs `openAnother`. */
  readonly shared: boolean;
  /** The store takes its time from the context's clock. */
  readonly fakeClock: boolean;
}

interface Closable {
  close(): Promise<void>;
}

export interface Case<Context> {
  readonly name: string;
  readonly needs?: readonly StoreNeed[];
  run(context: Context): Promise<void>;
}

interface Suite<Handle, Context> {
  readonly name: string;
  readonly capabilities: ConformanceCapabilities;
  readonly groups: readonly (readonly [string, readonly Case<Context>[]])[];
  readonly open: (context: ConformanceContext) => Promise<Handle>;
  readonly openAnother: ((context: ConformanceContext) => Promise<Handle>) | undefined;
  readonly destroy: ((context: ConformanceContext) => Promise<void>) | undefined;
  readonly contextOf: (handle: Handle, clock: FakeClock, another: () => Promise<Handle>) => Context;
}

const processTag = Math.random().toString(36).slice(2, 10).padEnd(8, "0");
let contexts = 0;

function newContext(): ConformanceContext {
  contexts += 1;
  return { id: `${processTag}c${contexts}`, clock: new FakeClock() };
}

export function registerSuite<Handle extends Closable, Context>(
  suite: Suite<Handle, Context>,
  runner: TestRunner,
): void {
  const { name, capabilities, groups, openAnother } = suite;
  if (capabilities.shared && !openAnother) throw new TypeError(`${name} declares shared: give openAnother.`);
  const has: Readonly<Record<StoreNeed, boolean>> = {
    another: openAnother !== undefined,
    clock: capabilities.fakeClock,
    durable: capabilities.durable,
  };
  runner.describe(name, () => {
    for (const [group, cases] of groups) {
      const possible = cases.filter((one) => (one.needs ?? []).every((need) => has[need]));
      if (possible.length === 0) continue;
      runner.describe(group, () => {
        for (const one of possible) runner.it(one.name, () => runCase(suite, one));
      });
    }
  });
}

async function runCase<Handle extends Closable, Context>(
  suite: Suite<Handle, Context>,
  one: Case<Context>,
): Promise<void> {
  const context = newContext();
  const handles: Handle[] = [];
  const opened = (handle: Handle): Handle => {
    handles.push(handle);
    return handle;
  };
  const another = async (): Promise<Handle> => {
    if (!suite.openAnother) throw new TypeError(`"${one.name}" has to declare that it needs another handle.`);
    return opened(await suite.openAnother(context));
  };
  try {
    const first = opened(await suite.open(context));
    await one.run(suite.contextOf(first, context.clock, another));
  } finally {
    for (const handle of handles) await handle.close();
    await suite.destroy?.(context);
  }
}
