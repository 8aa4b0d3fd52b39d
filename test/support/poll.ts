/** Waiting for a condition, never for a time: the deadline only ends a test that cannot succeed any more. */

export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${deadlineMs} ms for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

export interface Gate {
  readonly passed: Promise<void>;
  open(): void;
}

/** A promise that a test opens by hand: it says when, instead of hoping for a time. */
export function gate(): Gate {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}
