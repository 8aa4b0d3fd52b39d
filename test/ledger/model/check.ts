/** What has to hold of every run of the world, by the oracle's log alone. */
import { KINDS, LEASE_MS, type ModelWorld } from "./world.ts";

/** All that is wrong, one line each. */
export async function violations(world: ModelWorld): Promise<string[]> {
  const { oracle } = world;
  const found: string[] = oracle.unexpected.map((error) => `unexpected: ${String(error)}`);
  for (const [call, kind] of KINDS.entries()) {
    const of = <T extends { readonly call: number }>(entries: readonly T[]): T[] =>
      entries.filter((entry) => entry.call === call);
    const wrong = (what: string): void => void found.push(`${kind.name}: ${what}`);

    const outcomes = new Set(of(oracle.given).map(({ value }) => value));
    if (outcomes.size > 1) wrong(`P6 several outcomes: ${[...outcomes].join(", ")}`);
    const started = of(oracle.started);
    const known = new Set<unknown>([
      ...started.map(({ token }) => token),
      ...of(oracle.words).map(({ word }) => word),
    ]);
    for (const outcome of outcomes)
      if (!known.has(outcome)) wrong(`P6 an outcome of nobody: ${String(outcome)}`);
    for (const { token } of of(oracle.refused))
      if (outcomes.has(token)) wrong(`P9 a refused outcome was given: ${token}`);

    for (const { token } of of(oracle.late))
      if (outcomes.has(token)) wrong(`P9 an outcome came after its lease: ${token}`);

    const open = await world.openQuestions(call);
    if (open > 1) wrong(`P4 asks ${open} questions at once`);

    const fences = started.map(({ fence }) => fence);
    if (new Set(fences).size < fences.length) wrong(`P9 a fence was given twice: ${fences.join(", ")}`);

    const expiries = Math.floor(oracle.advancedMs / LEASE_MS);
    const allowed = 1 + of(oracle.again).length + (kind.inDoubt === "retry" ? expiries : 0);
    if (started.length > allowed) wrong(`P6 ran ${started.length} times, ${allowed} were allowed`);

    if (kind.needs)
      for (const { variant, at, token } of started) {
        const isAllowed = of(oracle.approving).some(
          (approval) => approval.at < at && approval.variant === variant,
        );
        if (!isAllowed) wrong(`P8 ran without approval: ${token}`);
      }

    const ends = of(oracle.ended);
    if (ends.length > 1) wrong("P4 ended twice");
    for (const { at, how } of ends) {
      const late = started.find((start) => start.at > at);
      // Who has taken it before it was called off may only now have heard of that: a denial comes before any claim.
      if (late) wrong(`P4 ran after ${how}: ${late.token}`);
    }
  }
  return found;
}

/**
 * The world comes to rest: nobody dies any more, leases run out, doubts are decided, and whoever was approved calls once
 * more. P8: no approval is lost.
 */
export async function settle(world: ModelWorld, pick: (count: number) => number): Promise<string[]> {
  const found: string[] = [];
  const { oracle, turns } = world;
  for (const [call, kind] of KINDS.entries()) {
    const isOf = (entry: { readonly call: number }): boolean => entry.call === call;
    const last = oracle.approved.findLast(isOf);
    // With other arguments it is asked anew: the approval has gone, as it should.
    if (!last || oracle.ended.some(isOf) || kind.varies) continue;
    const heard = (): number => [...oracle.given, ...oracle.failed].filter(isOf).length;
    const before = heard();
    world.start({ do: "advance", leases: 1 });
    await turns.run(pick);
    world.start({ do: "doubt", call, decision: "run_again", inbox: false });
    await turns.run(pick);
    world.start({ do: "run", call, variant: last.variant, dies: 0, fails: false });
    await turns.run(pick);
    // It has run, or had failed, or was given up in doubt: that is known. A denial, or silence, is not.
    if (heard() === before) found.push(`${kind.name}: P8 an approval was lost`);
  }
  return found;
}
