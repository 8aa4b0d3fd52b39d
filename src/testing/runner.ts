/** What the suites need of a test runner; vitest, jest, mocha and node:test all have it. */
export interface TestRunner {
  describe(name: string, define: () => void): unknown;
  it(name: string, run: () => Promise<void>): unknown;
}
