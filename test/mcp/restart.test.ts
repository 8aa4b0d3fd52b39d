/** The server dies, another one over the same file goes on: what a call waits for is in its record, not in the process. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { until } from "../support/poll.ts";
import { bundleModules, type Modules, root } from "../support/program.ts";
import { type Result, textOf, yes } from "./kit.ts";

const ENTRY = "test/mcp/server.child.ts";

let modules: Modules;
beforeAll(async () => {
  modules = await bundleModules([ENTRY]);
});
afterAll(() => modules?.remove());

interface Server {
  call(args: object, round?: object): Promise<Result>;
  kill(): Promise<void>;
  readonly died: Promise<void>;
}

/** @param leaseMs - after which a server that gives no sign of life is taken for dead */
function machine(leaseMs: number) {
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-mcp-"));
  const effects = join(folder, "effects");
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const start = async (): Promise<Server> => {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [modules.pathOf(ENTRY), join(folder, "holdpoint.db"), effects, String(leaseMs)],
      cwd: root,
    });
    const client = new Client(
      { name: "test", version: "1.0.0" },
      { capabilities: { elicitation: {} } as never, versionNegotiation: { mode: { pin: "2026-07-28" } } },
    );
    let gone = (): void => {};
    const died = new Promise<void>((resolve) => (gone = resolve));
    client.onclose = () => gone();
    await client.connect(transport);
    onTestFinished(() => client.close());
    return {
      died,
      call: async (args, round = {}) =>
        (await client.callTool({ name: "deploy", arguments: args, ...round } as never, {
          allowInputRequired: true,
        })) as Result,
      async kill() {
        process.kill(transport.pid as number, "SIGKILL");
        await died;
      },
    };
  };
  return { start, effects: () => readFileSync(effects, "utf8").trim().split("\n") };
}

const answering = ({ inputRequests = {}, requestState }: Result, answer: unknown = yes) => ({
  requestState,
  inputResponses: Object.fromEntries(Object.keys(inputRequests).map((id) => [id, answer])),
});

it("goes on with a call whose server was killed after it had asked; finished steps are kept (P1, P6)", async () => {
  const { start, effects } = machine(60_000);
  const first = await start();
  const asked = await first.call({ to: "staging" });
  expect(asked.resultType).toBe("input_required");
  await first.kill();
  const second = await start();
  expect(textOf(await second.call({ to: "staging" }, answering(asked)))).toBe("build 7 is on staging");
  expect(effects()).toEqual(["built", "deployed"]);
});

it("asks what became of a call whose server was killed in the middle of its effect (P6)", async () => {
  const { start, effects } = machine(1500);
  const args = { to: "production", dies: true };
  const first = await start();
  const asked = await first.call(args);
  // Its connection ends, and there is no result.
  await expect(first.call(args, answering(asked))).rejects.toThrow();
  const second = await start();
  let doubt: Result = {};
  await until("the lease of the dead server to end", async () => {
    doubt = await second.call(args, { requestState: asked.requestState });
    return doubt.resultType === "input_required";
  });
  const [request] = Object.values(doubt.inputRequests ?? {});
  expect(request?.params.message).toContain("was interrupted in its middle");
  const happened = { action: "accept", content: { decision: "happened", result: "it is there" } };
  expect(textOf(await second.call(args, answering(doubt, happened)))).toContain("it is there");
  expect(effects()).toEqual(["built", "deployed"]);
});
