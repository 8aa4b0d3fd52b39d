/** `requestPermission` in a tool under a policy: rules, grants and the human decide as for a call of its own (P7, P8). */
import { tool } from "@langchain/core/tools";
import { MemorySaver } from "@langchain/langgraph";
import { type PermissionRequest, requestPermission, resumeThread, StoreHITLBackend } from "holdpoint";
import { definePolicy, PolicyGrants, type PolicyRule } from "holdpoint/policy";
import { FakeClock, MemoryRecordStore } from "holdpoint/testing";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { answer, at, call, graphOf, HOSTS, only, open, start, toolMessages } from "../nodes-ledger/kit.ts";

const T = "t1";
const ALL = ["approve_once", "approve_always", "edit", "reject", "respond", "skip"] as const;

describe.each(HOSTS)("%s", (host) => {
  /** A tool that asks for each of these, in their order; `said` is what it heard when it last ran. */
  function world(rules: readonly PolicyRule[], requests: readonly Partial<PermissionRequest>[], turns = 1) {
    const clock = new FakeClock();
    const backend = new StoreHITLBackend(new MemoryRecordStore({ clock }), { clock });
    const said: unknown[] = [];
    const run = tool(
      async () => {
        said.splice(0);
        for (const request of requests) {
          const given = {
            message: "May I?",
            tool: "bash",
            args: { command: "ls" },
            allowed_decisions: ALL,
            ...request,
          };
          said.push(
            await requestPermission(given).catch((error: { readonly code?: string }) => {
              if (error.code === undefined) throw error;
              return error.code;
            }),
          );
        }
        return JSON.stringify(said);
      },
      { name: "pay", description: "runs commands", schema: z.looseObject({}) },
    );
    const graph = graphOf(host, {
      backend,
      checkpointer: new MemorySaver(),
      tools: [run as never],
      policy: definePolicy({ rules: [{ for: "pay", verdict: "allow" }, ...rules] }),
      turns: Array.from({ length: turns }, (_, turn) => [call("pay", `c${turn}`)]),
    });
    return { backend, graph, said, clock };
  }

  const bash: PolicyRule = { id: "bash", for: "bash", verdict: "ask", allowed_decisions: ALL };

  it("approve always: the next request is answered by the grant, until it is revoked", async () => {
    const { backend, graph, said } = world([bash], [{}], 3);
    await graph.invoke(start(), at(T));
    await answer(graph, backend, await only(backend, T), { decision: "approve_always" });
    expect(said).toEqual([{ decision: "approve_once" }]);
    expect(await toolMessages(graph, T)).toHaveLength(3);
    expect((await backend.list({ thread_id: T })).items).toHaveLength(1);
    const grants = new PolicyGrants({ backend });
    const [grant] = (await grants.list({ session_id: T })).items;
    await grants.revoke(grant?.grant_id ?? "");
    await graph.invoke(start(), at(T));
    expect(await open(backend, T)).toHaveLength(0);
  });

  it("a revoked grant answers no request of the very next call", async () => {
    const { backend, graph } = world([bash], [{}], 2);
    await graph.invoke(start(), at(T));
    await answer(graph, backend, await only(backend, T), { decision: "approve_always" });
    const grants = new PolicyGrants({ backend });
    const [grant] = (await grants.list({ session_id: T })).items;
    await grants.revoke(grant?.grant_id ?? "");
    await graph.invoke(start(), {
      ...at("t2"),
      configurable: { thread_id: "t2", holdpoint: { session_id: T } },
    });
    expect(await only(backend, "t2")).toMatchObject({ data: { tool: "bash" } });
  });

  it("the same once more in one body is another question: one approval lets it happen once (P2, P7)", async () => {
    const { backend, graph, said } = world([bash], [{}, {}, { key: "named" }, { key: "named" }]);
    await graph.invoke(start(), at(T));
    for (let asked = 1; asked <= 4; asked += 1) {
      expect((await backend.list({ thread_id: T })).items).toHaveLength(asked);
      await answer(graph, backend, await only(backend, T), { decision: "approve_once", message: `${asked}` });
    }
    expect(said).toEqual([1, 2, 3, 4].map((n) => ({ decision: "approve_once", message: `${n}` })));
  });

  it("a grant with one use allows one thing in a body, however often the body runs (P8)", async () => {
    const rule: PolicyRule = { ...bash, grant: { args: "any", uses: 1 } };
    const others = [{ args: { command: "a" } }, { args: { command: "b" } }, { args: { command: "c" } }];
    const { backend, graph, said } = world([rule], others);
    await graph.invoke(start(), at(T));
    await answer(graph, backend, await only(backend, T), { decision: "approve_always" });
    // "b" ran by the grant; there is none for "c".
    expect((await only(backend, T)).data["args"]).toEqual({ command: "c" });
    await answer(graph, backend, await only(backend, T), { decision: "reject" });
    expect(said.map((one) => (one as { decision: string }).decision)).toEqual([
      "approve_always",
      "approve_once",
      "reject",
    ]);
    const [grant] = (await new PolicyGrants({ backend }).list({ session_id: T })).items;
    expect(grant).toMatchObject({ status: "used_up", used: 1 });
  });

  it("edit: the tool hears what the human wrote; what is denied is rejected, whoever wrote it (P7)", async () => {
    const rm: PolicyRule = { for: "bash", args: { command: "rm *" }, verdict: "deny", message: "Never." };
    for (const [command, heard] of [
      ["ls -l", { decision: "edit", edited_args: { command: "ls -l" } }],
      ["rm -r", { decision: "reject", message: "Never." }],
    ] as const) {
      const { backend, graph, said } = world([rm, bash], [{}]);
      await graph.invoke(start(), at(T));
      const edited = { decision: "edit", edited_args: { command } };
      await answer(graph, backend, await only(backend, T), edited);
      expect(said).toEqual([heard]);
    }
  });

  it("expired and cancelled are errors of their own, never an approval (P8)", async () => {
    const expired = world([{ ...bash, expiresInMs: 1000 }], [{}]);
    await expired.graph.invoke(start(), at(T));
    expired.clock.advance(1000);
    await resumeThread(expired.graph, { thread_id: T, backend: expired.backend });
    expect(expired.said).toEqual(["ERR_HITL_EXPIRED"]);
    const cancelled = world([bash], [{}]);
    await cancelled.graph.invoke(start(), at(T));
    const { hitl_id } = await only(cancelled.backend, T);
    await cancelled.backend.cancel(hitl_id, { reason: "not now" });
    await resumeThread(cancelled.graph, { thread_id: T, backend: cancelled.backend });
    expect(cancelled.said).toEqual(["ERR_HITL_CANCELLED"]);
  });

  it("denied: rejected with the rule's text; a tool that knows no reject hears an error (P8)", async () => {
    const deny: PolicyRule = { for: "bash", verdict: "deny", message: "Never." };
    const { graph, said } = world([deny], [{}, { allowed_decisions: ["approve_once", "skip"] }]);
    await graph.invoke(start(), at(T));
    expect(said).toEqual([{ decision: "reject", message: "Never." }, "ERR_HITL_PERMISSION_DENIED"]);
  });

  it("a human may choose only what both the rule and the tool know", async () => {
    const rule: PolicyRule = { ...bash, allowed_decisions: ["approve_once", "skip", "reject"] };
    const { backend, graph, said } = world([rule], [{ allowed_decisions: ["approve_once", "skip", "edit"] }]);
    await graph.invoke(start(), at(T));
    const question = await only(backend, T);
    expect(question.data["allowed_decisions"]).toEqual(["approve_once", "skip"]);
    expect(await backend.respond(question.hitl_id, { decision: "reject" })).toMatchObject({
      status: "invalid",
    });
    await answer(graph, backend, question, { decision: "skip" });
    expect(said).toEqual([{ decision: "skip" }]);
  });

  it("nothing that both know: it can only be rejected, and the tool hears an error (P8)", async () => {
    const { backend, graph, said } = world(
      [{ ...bash, allowed_decisions: ["approve_once"] }],
      [{ allowed_decisions: ["skip"] }],
    );
    await graph.invoke(start(), at(T));
    await answer(graph, backend, await only(backend, T), { decision: "reject" });
    expect(said).toEqual(["ERR_HITL_PERMISSION_DENIED"]);
  });
});
