/**
 * LangGraph gives every run a writer, also one that does not stream `custom`: that writer drops what it is given, and does
 * not say so. To make events for nobody costs a twentieth of a round in memory (bench, `rounds`).
 */
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { currentConfig } from "./current-config.ts";

type Writer = (chunk: unknown) => void;

/**
 * LangGraph's own writer (1.4.13 to 1.7.3): it returns at once, or reads the running task's config before it passes
 * anything on. A writer that is written in another way is taken for one to which somebody listens.
 */
const LANGGRAPHS_OWN =
  /^\(chunk\) => \{\s*if \(!streamMode\.includes\("custom"\)\) return;\s*const ns = \([\w$.]*getConfig\(\)/;

const TRIPPED = new Error("the config of the running task is read");

/** Stands in the place of the running task: whoever reads its config, goes no further. */
const TRIPWIRE = {
  get extra(): never {
    throw TRIPPED;
  },
};

/** True if the run of this writer surely streams to nobody. Nothing is written. */
export function isDeaf(writer: Writer): boolean {
  if (!LANGGRAPHS_OWN.test(Function.prototype.toString.call(writer))) return false;
  return AsyncLocalStorageProviderSingleton.getInstance().run(TRIPWIRE, () => {
    // Without an AsyncLocalStorage, as in a browser, the wire is not drawn.
    return trips(currentConfig) && !trips(() => writer(undefined));
  });
}

function trips(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}
