/** Options that cannot be are refused when the server is made, not when somebody calls it. */
import { HoldpointError } from "../../core/errors.ts";
import type { LangGraphServerOptions } from "./options.ts";

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT`, `ERR_HITL_NO_BACKEND` */
export function checkOptions(options: LangGraphServerOptions): void {
  const { graphs, backend, authenticate, cors, durability, onError } = options;
  if (typeof (backend as { store?: unknown } | undefined)?.store !== "object")
    throw new HoldpointError(
      "ERR_HITL_NO_BACKEND",
      "backend has to be a HITLBackend, such as new InMemoryHITLBackend(): the same one that the graphs ask by.",
    );
  if (typeof graphs !== "object" || graphs === null || Object.keys(graphs).length === 0)
    throw invalid("graphs", "has to name a graph, as in { agent: graph }");
  for (const [id, graph] of Object.entries(graphs))
    if (typeof (graph as { getState?: unknown } | undefined)?.getState !== "function")
      throw invalid("graphs", `"${id}" is no compiled graph; of langchain's createAgent take agent.graph`);
  if (authenticate !== undefined && authenticate !== "none" && typeof authenticate !== "function")
    throw invalid("authenticate", 'has to be a function, or "none"');
  if (durability !== undefined && durability !== "sync" && durability !== "async")
    throw invalid("durability", 'has to be "sync" or "async": with "exit" nobody can be asked');
  if (onError !== undefined && typeof onError !== "function")
    throw invalid("onError", "has to be a function");
  if (cors !== undefined) checkCors(cors);
}

function checkCors({ origins, credentials }: NonNullable<LangGraphServerOptions["cors"]>): void {
  if (origins === "*") {
    if (credentials) throw invalid("cors", 'credentials need a list of origins, not "*"');
    return;
  }
  if (!Array.isArray(origins)) throw invalid("cors.origins", 'has to be a list of origins, or "*"');
  for (const origin of origins)
    if (originOf(origin) !== origin)
      throw invalid(
        "cors.origins",
        `${JSON.stringify(origin)} is no origin: scheme and host, as in "https://inbox.example.com"`,
      );
}

function originOf(text: unknown): string | null {
  try {
    return typeof text === "string" ? new URL(text).origin : null;
  } catch {
    return null;
  }
}

function invalid(option: string, why: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", `${option}: ${why}.`, { details: { option } });
}
