/** The agents of a play: their graphs under the policy of the last deploy, on two handles of one store, and what their tools note. */
import { type DynamicStructuredTool, tool } from "@langchain/core/tools";
import { type HITLBackend, StoreHITLBackend } from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { z } from "zod";
import { type AnyGraph, call, type Host } from "../nodes-ledger/kit.ts";
import type { Agent } from "./acts.ts";
import type { Facts } from "./facts.ts";
import { changing, graphWith, isAgent, MortalSaver } from "./kit.ts";
import { type Args, policyOf, TOOLS } from "./rules.model.ts";

interface ToolRuntime {
  readonly toolCallId?: string;
  readonly configurable?: Record<string, unknown>;
  readonly config?: { readonly configurable?: Record<string, unknown> };
}

export class AgentWorld {
  readonly facts: Facts;
  readonly clock = new FakeClock();
  readonly saver = new MortalSaver();
  readonly backends: readonly [HITLBackend, HITLBackend];
  /** What the middleware before the tool makes of `to`. */
  drift: string | undefined;
  readonly #host: Host;
  readonly #agent: Agent;
  #graphs: (AnyGraph | undefined)[] = [];
  #build: (backend: HITLBackend) => AnyGraph = () => {
    throw new Error("nothing is deployed");
  };

  constructor(host: Host, agent: Agent, facts: Facts) {
    this.facts = facts;
    this.#host = host;
    this.#agent = agent;
    const data = new MemoryRecordData();
    const { clock } = this;
    const make = (): HITLBackend => new StoreHITLBackend(new MemoryRecordStore({ clock }, data), { clock });
    this.backends = [make(), make()];
    this.deploy(agent.policy);
  }

  graph(handle: 0 | 1): AnyGraph {
    return (this.#graphs[handle] ??= this.#build(this.backends[handle]));
  }

  deploy(plan: Agent["policy"]): void {
    this.facts.deploys.push(plan);
    const deploy = this.facts.deploys.length - 1;
    const { turns, ledger } = this.#agent;
    const options = {
      tools: TOOLS.map((name) => this.#tool(name, deploy)),
      policy: policyOf(plan),
      turns: turns.map((calls, turn) =>
        calls.map((one, index) => call(one.tool, `m${turn}c${index}`, one.args)),
      ),
      checkpointer: this.saver,
      ...(ledger ? { ledger: [{ for: "*" }] } : {}),
    };
    const drifting = changing((args) => this.drifted(args));
    this.#graphs = [];
    this.#build = (backend) => graphWith(this.#host, { backend, ...options }, [drifting]);
  }

  drifted(args: Record<string, unknown>): Record<string, unknown> {
    return this.drift === undefined || !isAgent(this.#host) ? args : { ...args, to: this.drift };
  }

  #tool(name: string, deploy: number): DynamicStructuredTool {
    const run = (args: Args, runtime: ToolRuntime): string => {
      const configurable = runtime.configurable ?? runtime.config?.configurable ?? {};
      const id = String(runtime.toolCallId);
      this.facts.ran.push({
        seq: this.facts.next(),
        at: this.clock.now(),
        thread: String(configurable["thread_id"]),
        ns: String(configurable["checkpoint_ns"]),
        call: id,
        deploy,
        tool: name,
        args,
        given: this.drifted({ ...this.scripted(id) }),
      });
      return `${name} done`;
    };
    return tool(run as never, {
      name,
      description: name,
      schema: z.looseObject({ order: z.string() }),
    }) as unknown as DynamicStructuredTool;
  }

  /** The arguments that the model gave. */
  scripted(id: string): Args {
    const [turn, index] = id.slice(1).split("c").map(Number) as [number, number];
    return this.#agent.turns[turn]?.[index]?.args ?? {};
  }

  async close(): Promise<void> {
    await Promise.all(this.backends.map((backend) => backend.close()));
  }
}
