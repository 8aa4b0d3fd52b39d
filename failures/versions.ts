import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const versionOf = (name: string): string =>
  (require(`${name}/package.json`) as { readonly version: string }).version;

/** What the stock side is, as it is installed. */
export const VERSIONS = {
  langgraph: versionOf("@langchain/langgraph"),
  langchain: versionOf("langchain"),
  node: process.versions.node,
} as const;
