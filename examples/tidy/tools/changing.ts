/** The steps that every changing tool is made of. `step` keeps what they come to: they do not run again. */
import { step } from "holdpoint";
import { type Effect, trashFile } from "../files.ts";
import { look, type Seen } from "../paths.ts";
import { type Problem, whyOf } from "../survey.ts";
import type { TidyContext } from "./context.ts";

export interface Looked {
  readonly seen: readonly Seen[];
  readonly left: readonly Problem[];
}

/**
 * Notes what these files are now; what cannot be looked at is left alone.
 *
 * @param noted - what they were when they were proposed: an approval is for that
 */
export function lookAt(
  root: string,
  paths: readonly string[],
  noted: ReadonlyMap<string, Seen> = new Map(),
): Promise<Looked> {
  return step("look", async () => {
    const seen: Seen[] = [];
    const left: Problem[] = [];
    for (const path of new Set(paths)) {
      try {
        seen.push(noted.get(path) ?? (await look(root, path)));
      } catch (error) {
        left.push({ path, why: whyOf(error) });
      }
    }
    return { seen, left };
  });
}

/** One change to the folder, made and told once. */
export function change(context: TidyContext, name: string, make: () => Promise<Effect>): Promise<Effect> {
  return step(name, async () => {
    const effect = await make();
    context.onEffect(effect);
    return effect;
  });
}

/** One step for each file: a process that dies between two goes on with the second. */
export async function trashAll(context: TidyContext, files: readonly Seen[]): Promise<Effect[]> {
  const effects: Effect[] = [];
  for (const seen of files) {
    effects.push(
      await change(context, `trash ${seen.path}`, () => trashFile(context.root, seen, context.run)),
    );
  }
  return effects;
}
