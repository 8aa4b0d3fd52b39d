import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import type { HostConfig } from "./place.ts";

/** The config of the running node or tool, from LangChain's own AsyncLocalStorage. */
export function currentConfig(): HostConfig | undefined {
  return AsyncLocalStorageProviderSingleton.getRunnableConfig() as HostConfig | undefined;
}
