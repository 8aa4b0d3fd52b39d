/**
 * What a wrapped tool or a plain node throws to pause its graph. It has the shape of LangGraph's own interrupt,
 * so that hosts pause without knowing of us, and nothing of the resume value is consumed.
 */
export class PauseSignal extends Error {
  override readonly name: string = "GraphInterrupt";
  readonly is_bubble_up: true = true;
  readonly interrupts: readonly { readonly id: string; readonly value: unknown }[];

  constructor(interrupts: readonly { readonly id: string; readonly value: unknown }[]) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super("The graph is paused for a human.");
    Error.stackTraceLimit = limit;
    this.interrupts = interrupts;
  }
}
