/** Loaded before the example: what is written to its standard input is taken for a person's typing, without a terminal. */
Object.defineProperty(process.stdin, "isTTY", { value: true });
