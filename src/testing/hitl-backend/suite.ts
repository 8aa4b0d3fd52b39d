import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { type ConformanceCapabilities, type ConformanceContext, registerSuite } from "../case-runner.ts";
import type { TestRunner } from "../runner.ts";
import { answererCases } from "./answerers.ts";
import { cancelCases } from "./cancel.ts";
import { createCases } from "./create.ts";
import { expiryCases } from "./expiry.ts";
import { historyCases } from "./history.ts";
import type { BackendCaseContext } from "./kit.ts";
import { listCases } from "./lists.ts";
import { raceCases } from "./races.ts";
import { respondCases } from "./respond.ts";
import { retentionCases } from "./retention.ts";
import { threadRetentionCases } from "./retention-threads.ts";
import { tenantCases } from "./tenants.ts";
import { waitCases } from "./wait-for.ts";

export interface HITLBackendConformance {
  readonly name: string;
  readonly capabilities: ConformanceCapabilities;
  /** An empty backend. The suite closes it. */
  createBackend(context: ConformanceContext): Promise<HITLBackend>;
  /** A second handle on the data of `createBackend` with the same context. The suite closes it. */
  openAnother?(context: ConformanceContext): Promise<HITLBackend>;
  /** Removes the data of a case, after all of its handles were closed. */
  destroy?(context: ConformanceContext): Promise<void>;
}

const GROUPS = [
  ["create", createCases],
  ["respond", respondCases],
  ["who may answer", answererCases],
  ["cancel", cancelCases],
  ["expiry", expiryCases],
  ["lists", listCases],
  ["tenants", tenantCases],
  ["history", historyCases],
  ["waitFor", waitCases],
  ["retention", retentionCases],
  ["retention of threads", threadRetentionCases],
  ["races", raceCases],
] as const;

/**
 * Registers the tests of the `HITLBackend` contract for one backend.
 *
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 * import { hitlBackendConformance } from "holdpoint/testing";
 * import { describe, it } from "node:test";
 *
 * hitlBackendConformance(
 *   {
 *     name: "memory",
 *     capabilities: { durable: false, shared: false, fakeClock: true },
 *     createBackend: async ({ clock }) => new InMemoryHITLBackend({ clock }),
 *   },
 *   { describe, it },
 * );
 * ```
 */
export function hitlBackendConformance(suite: HITLBackendConformance, runner: TestRunner): void {
  registerSuite<HITLBackend, BackendCaseContext>(
    {
      name: `HITLBackend: ${suite.name}`,
      capabilities: suite.capabilities,
      groups: GROUPS,
      open: (context) => suite.createBackend(context),
      openAnother: suite.openAnother && ((context) => suite.openAnother?.(context) as Promise<HITLBackend>),
      destroy: suite.destroy && (async (context) => suite.destroy?.(context)),
      contextOf: (backend, clock, another) => ({ backend, clock, another }),
    },
    runner,
  );
}
