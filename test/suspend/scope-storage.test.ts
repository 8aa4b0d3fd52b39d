import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ScopeStorage } from "../../src/suspend/scope-storage.ts";

type Program = readonly Instruction[];
type Instruction =
  | { readonly do: "run"; readonly value: number | undefined; readonly body: Program }
  | { readonly do: "branch" | "exit" | "bound" | "immediate" | "timer" | "microtask"; readonly body: Program }
  | { readonly do: "enter"; readonly value: number | undefined }
  | { readonly do: "await" };

const value = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined, freq: 3 });
const { program } = fc.letrec<{ program: Program; instruction: Instruction }>((tie) => ({
  program: fc.array(tie("instruction"), { maxLength: 4, depthIdentifier: "program" }),
  instruction: fc.oneof(
    { depthSize: "small", depthIdentifier: "program" },
    fc.record({ do: fc.constant("await" as const) }),
    fc.record({ do: fc.constant("enter" as const), value }),
    fc.record({ do: fc.constant("run" as const), value, body: tie("program") }),
    fc.record({
      do: fc.constantFrom("branch", "exit", "bound", "immediate", "timer", "microtask"),
      body: tie("program"),
    }),
  ),
}));

/** Runs the program under both storages at once; each observation is what they hold. */
async function observe(
  all: Program,
  stock: AsyncLocalStorage<number | undefined>,
  own: ScopeStorage<number | undefined>,
): Promise<(readonly [number | undefined, number | undefined])[]> {
  const seen: (readonly [number | undefined, number | undefined])[] = [];
  const open: Promise<void>[] = [];
  const look = (): void => void seen.push([stock.getStore(), own.getStore()]);
  const later = (schedule: (go: () => void) => unknown, body: Program): void => {
    open.push(new Promise((resolve, reject) => schedule(() => void execute(body).then(resolve, reject))));
  };
  const execute = async (body: Program): Promise<void> => {
    for (const instruction of body) {
      look();
      switch (instruction.do) {
        case "await":
          await Promise.resolve();
          break;
        case "enter":
          stock.enterWith(instruction.value);
          own.enterWith(instruction.value);
          break;
        case "run":
          await stock.run(instruction.value, () =>
            own.run(instruction.value, () => execute(instruction.body)),
          );
          break;
        case "exit":
          await stock.exit(() => own.exit(() => execute(instruction.body)));
          break;
        case "branch":
          open.push(execute(instruction.body));
          break;
        case "bound": {
          const bound = AsyncResource.bind(() => execute(instruction.body));
          later((go) => setImmediate(() => void bound().then(go)), []);
          break;
        }
        case "immediate":
          later(setImmediate, instruction.body);
          break;
        case "timer":
          later((go) => setTimeout(go, 0), instruction.body);
          break;
        case "microtask":
          later(queueMicrotask, instruction.body);
          break;
      }
    }
    look();
  };
  await execute(all);
  while (open.length > 0) await open.pop();
  return seen;
}

describe("the storage of what a body sees", () => {
  it("holds what Node's own storage holds, in any program of runs, branches, timers and bound callbacks", async () => {
    await fc.assert(
      fc.asyncProperty(program, async (all) => {
        const [stock, own] = [
          new AsyncLocalStorage<number | undefined>(),
          new ScopeStorage<number | undefined>(),
        ];
        const seen = await stock.run(1, () => own.run(1, () => observe(all, stock, own)));
        for (const [expected, found] of seen) expect(found).toBe(expected);
        stock.disable();
        own.disable();
      }),
      { numRuns: 300 },
    );
  });

  it("writes nothing to the promises of others, and is carried by its own", async () => {
    const symbols = async (): Promise<number> => {
      const promise = (async () => null)();
      await promise;
      return Object.getOwnPropertySymbols(promise).length;
    };
    const storage = new ScopeStorage<string>();
    // Node's hooks are on from the first storage that runs.
    const other = new AsyncLocalStorage<string>();
    await other.run("other", async () => {
      const before = await symbols();
      await storage.run("ours", async () => {
        await Promise.resolve();
        expect(storage.getStore()).toBe("ours");
      });
      expect(storage.getStore()).toBeUndefined();
      expect(await symbols()).toBe(before);
    });
    other.disable();
    storage.disable();
  });
});
