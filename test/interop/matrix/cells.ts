/** What is tried, and what is to come of it: client × question × action, alone and beside others. */
import { type HITLRecord, InMemoryHITLBackend } from "../../../src/index.ts";
import type { JsonValue } from "../../../src/core/json.ts";
import type { Client, Part, Saying } from "./client.ts";
import { CLIENTS } from "./clients.ts";
import { type Action, ACTIONS, CANCELLED, OF, type Question, QUESTIONS, SIBLINGS } from "./questions.ts";

export type Outcome = JsonValue | typeof CANCELLED;

/** What a message comes to. */
export type Cell =
  /** The record has this answer, or is cancelled. */
  | { readonly kind: "works"; readonly values: readonly unknown[]; readonly outcome: Outcome }
  /** The question does not allow it: it stays open, and says what it expects. */
  | { readonly kind: "refused"; readonly values: readonly unknown[] }
  /** The client has no words for it; what comes closest answers nothing. */
  | { readonly kind: "cannot"; readonly why: string; readonly values: readonly unknown[] };

export function alone(client: Client, question: Question, action: Action, ask: HITLRecord): Cell | null {
  return cellOf(client.says(action, question, ask), question, action);
}

function cellOf(said: Saying | null, question: Question, action: Action): Cell | null {
  if (said === null) return null;
  if ("cannot" in said) return { kind: "cannot", why: said.cannot, values: valuesOf(said) };
  const outcome = said.answer ?? (action === "cancel" ? CANCELLED : OF[question].answers[action]);
  return outcome === undefined
    ? { kind: "refused", values: said.values }
    : { kind: "works", values: said.values, outcome };
}

function valuesOf(said: Saying): readonly unknown[] {
  if (!("cannot" in said)) return said.values;
  return said.nearest === undefined ? [] : [said.nearest];
}

export type Extent = "all" | "one";

/**
 * The question beside two others, of which all are answered (these approved), or it alone. Null for what is not said or not
 * allowed there either.
 *
 * @param shown - the question, and its siblings
 */
export function beside(
  client: Client,
  question: Question,
  action: Action,
  extent: Extent,
  shown: readonly HITLRecord[],
): Cell | null {
  const [ask, ...siblings] = shown;
  const cell = cellOf(client.says(action, question, ask as HITLRecord), question, action);
  if (cell?.kind !== "works") return null;
  const parts: Part[] = [{ ask: ask as HITLRecord, value: cell.values[0] }];
  if (extent === "all")
    for (const [index, sibling] of siblings.entries()) {
      const said = client.says("approve", SIBLINGS[index]?.like as Question, sibling);
      if (said === null || "cannot" in said) return null;
      parts.push({ ask: sibling, value: said.values[0] });
    }
  const said = client.several(parts, shown);
  return "cannot" in said
    ? { kind: "cannot", why: said.cannot, values: valuesOf(said) }
    : { ...cell, values: said.values };
}

/** The questions, recorded anew; the first one is the one that is meant. */
export async function asked(
  question: Question,
  withSiblings: boolean,
): Promise<{ readonly backend: InMemoryHITLBackend; readonly asks: readonly HITLRecord[] }> {
  const backend = new InMemoryHITLBackend();
  const asks: HITLRecord[] = [];
  for (const { request } of withSiblings ? [OF[question], ...SIBLINGS] : [OF[question]])
    asks.push((await backend.create({ ...request, thread_id: "t", session_id: "s" })).record);
  return { backend, asks };
}

export interface Row {
  readonly client: Client;
  readonly question: Question;
  readonly cells: readonly (readonly [Action, Cell])[];
}

/** Every client with every question. */
export async function rowsAlone(): Promise<readonly Row[]> {
  return rowsOf(false, (client, question, action, [ask]) =>
    alone(client, question, action, ask as HITLRecord),
  );
}

export async function rowsBeside(extent: Extent): Promise<readonly Row[]> {
  return rowsOf(true, (client, question, action, shown) => beside(client, question, action, extent, shown));
}

async function rowsOf(
  withSiblings: boolean,
  cell: (client: Client, question: Question, action: Action, shown: readonly HITLRecord[]) => Cell | null,
): Promise<readonly Row[]> {
  const shown = new Map<Question, readonly HITLRecord[]>();
  for (const question of QUESTIONS) shown.set(question, (await asked(question, withSiblings)).asks);
  return CLIENTS.flatMap((client) =>
    QUESTIONS.map((question): Row => {
      const cells = ACTIONS.flatMap((action) => {
        const found = cell(client, question, action, shown.get(question) as readonly HITLRecord[]);
        return found === null ? [] : [[action, found] as const];
      });
      return { client, question, cells };
    }),
  );
}
