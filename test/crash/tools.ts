/** Tools that ask in each style and have effects, and what has to come of a call of each. */
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { askUser, confirm, HITLSuspend, resumption, step } from "holdpoint";
import { z } from "zod";
import { note, type Site } from "./site.ts";
import type { Tripwire } from "./tripwire.ts";

export type ToolName = "charge" | "ship" | "note" | "pay" | "refund" | "name" | "stamp" | LedgerToolName;

/** Behind the ledger: see `ledger.scenario.ts`. */
export type LedgerToolName = "bill" | "send" | "book";

/** The questions that each call asks, in their order. */
export const QUESTIONS: { readonly [name in ToolName]: readonly string[] } = {
  charge: ["charge?", "receipt?"],
  ship: ["ship?", "insure?"],
  note: ["note?"],
  pay: ["pay?"],
  refund: ["refund?"],
  name: ["name?"],
  stamp: [],
  bill: [],
  send: ["send?"],
  book: ["book?"],
};

/** The effects that each call has, in their order. */
export const EFFECTS: { readonly [name in ToolName]: readonly string[] } = {
  charge: ["charge"],
  ship: ["ship", "insure"],
  note: ["note"],
  pay: ["pay"],
  refund: ["refund"],
  name: ["name"],
  stamp: ["stamp"],
  bill: ["bill"],
  send: ["send"],
  book: ["book"],
};

const schema = z.object({ n: z.string() });

async function agree(message: string): Promise<string> {
  const { comment } = await confirm({ message });
  return comment ?? "";
}

export function toolsOf(site: Site, wire: Tripwire): StructuredToolInterface[] {
  const effect = (name: string, fence = 0): Promise<void> =>
    wire.around(`effect ${name}`, () => note(site, name, fence));
  const kept = (name: string): Promise<void> => step(name, ({ fence }) => effect(name, fence));
  const asking = (message: string, state: Readonly<Record<string, string>>): HITLSuspend =>
    new HITLSuspend({
      hitl_type: "confirm",
      data: { message },
      resume_mode: "continuation",
      tool_state: state,
    });

  const charge = async (): Promise<string> => {
    const first = await agree("charge?");
    await kept("charge");
    return `charge ${first} ${await agree("receipt?")}`;
  };
  const ship = async (): Promise<string> => {
    const found = resumption();
    if (!found) throw asking("ship?", {});
    const { first } = found.tool_state as { first?: string };
    const { comment } = found.response as { comment: string };
    await effect(first === undefined ? "ship" : "insure");
    if (first === undefined) throw asking("insure?", { first: comment });
    return `ship ${first} ${comment}`;
  };
  const noting = async (): Promise<string> => {
    await kept("note");
    return `note ${await agree("note?")}`;
  };
  const simple = (name: ToolName) => async (): Promise<string> => {
    const first = await agree(`${name}?`);
    await kept(name);
    return `${name} ${first}`;
  };
  const naming = async (): Promise<string> => {
    const { answer } = await askUser({ message: "name?" });
    await kept("name");
    return `name ${answer}`;
  };
  const stamp = async (): Promise<string> => {
    await kept("stamp");
    return "stamp";
  };
  const [pay, refund] = [simple("pay"), simple("refund")];
  const bodies = { charge, ship, note: noting, pay, refund, name: naming, stamp };
  return Object.entries(bodies).map(([name, body]) =>
    tool(body, { name, description: `Does ${name}.`, schema }),
  );
}
