/** From an outcome to what the node gives LangGraph: an update, or a `Command`. */
import { Command, type LangGraphRunnableConfig } from "@langchain/langgraph";
import { HoldpointError } from "../../core/errors.ts";
import type { AnyOutcome } from "./outcomes.ts";

/** A route without its types. */
interface AnyRoute {
  readonly goto?: string | readonly string[] | undefined;
  readonly update?: unknown;
  readonly throw?: true | undefined;
}

export type NodeUpdate = Readonly<Record<string, unknown>>;
export type NodeOutput = NodeUpdate | Command;

function invalid(message: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}

/** Outcomes that are no answer, and so may be errors. */
const THROWING = new Set(["expired", "cancelled"]);
const ROUTE_FIELDS = new Set(["goto", "update"]);

/** The routes of one node by the names of their outcomes, checked when the node is made. */
export class Routes {
  readonly #routes: ReadonlyMap<string, AnyRoute>;
  /** All nodes to which some route leads, each once. */
  readonly ends: readonly string[];

  /**
   * @param where - of the node, for errors
   * @param needed - outcomes that can occur, and have to be decided; `cancelled` can always occur, and throws unless
   * it is decided
   * @throws HoldpointError `ERR_HITL_INVALID_INPUT`
   */
  constructor(where: string, given: Readonly<Record<string, unknown>>, needed: readonly string[]) {
    if (typeof given !== "object" || given === null)
      throw invalid(`${where} needs a route for each outcome.`);
    const missing = needed.filter((name) => !Object.hasOwn(given, name) || given[name] === undefined);
    if (missing.length > 0) throw invalid(`${where} has no route for: ${missing.join(", ")}.`);
    const routes = new Map<string, AnyRoute>();
    for (const [name, route] of Object.entries(given)) {
      if (route === undefined) continue;
      if (!needed.includes(name) && name !== "cancelled")
        throw invalid(`${where}: the outcome "${name}" cannot occur.`);
      routes.set(name, routeOf(`${where}, route "${name}"`, route, THROWING.has(name)));
    }
    this.#routes = routes;
    this.ends = [...new Set([...routes.values()].flatMap(targetsOf))];
  }

  has(name: string): boolean {
    const route = this.#routes.get(name);
    return route !== undefined && route.throw !== true;
  }

  /** @param edited - parts of the state that the human has edited; the route's own update outranks them */
  async follow(
    outcome: AnyOutcome,
    route: string,
    state: unknown,
    config: LangGraphRunnableConfig,
    edited: NodeUpdate = {},
  ): Promise<NodeOutput> {
    const found = this.#routes.get(route);
    // Under a `key`, an older release of the application may have asked for something else.
    if (!found) throw invalid(`There is no route for the outcome "${route}" of ${outcome.hitl_id}.`);
    const { goto, update } = found;
    const made: unknown = typeof update === "function" ? await update(outcome, state, config) : update;
    if (made !== undefined && made !== null && (typeof made !== "object" || Array.isArray(made)))
      throw invalid(`The update of the outcome "${route}" is not an object with parts of the state.`);
    const whole = { ...edited, ...(made as NodeUpdate | null | undefined) };
    return goto === undefined ? whole : new Command({ goto: targetsOf({ goto }), update: whole });
  }
}

function targetsOf({ goto }: AnyRoute): string[] {
  return goto === undefined ? [] : typeof goto === "string" ? [goto] : [...goto];
}

function routeOf(where: string, route: unknown, mayThrow: boolean): AnyRoute {
  if (typeof route === "string" && route !== "") return { goto: route };
  if (typeof route !== "object" || route === null)
    throw invalid(`${where} is neither a node nor { goto, update }.`);
  const { goto, update, throw: throws } = route as AnyRoute;
  if (mayThrow && throws === true && goto === undefined && update === undefined) return { throw: true };
  const other = Object.keys(route).find((name) => !ROUTE_FIELDS.has(name));
  if (other !== undefined) throw invalid(`${where} has an unknown field "${other}".`);
  if (goto === undefined && (update === undefined || update === null))
    throw invalid(`${where} leads nowhere and updates nothing.`);
  const targets: readonly unknown[] = targetsOf({ goto });
  if (
    (goto !== undefined && targets.length === 0) ||
    targets.some((node) => typeof node !== "string" || node === "")
  )
    throw invalid(`${where}: goto is the name of a node, or several.`);
  return { goto, update };
}
