import { describe, expect, it } from "vitest";
import { InMemoryHITLBackend } from "../../src/backends/memory/memory-backend.ts";
import { FakeClock, ScriptedHuman } from "../../src/testing/index.ts";

async function asked(count = 1, message = "Sure?"): Promise<InMemoryHITLBackend> {
  const clock = new FakeClock();
  const backend = new InMemoryHITLBackend({ clock });
  for (let n = 0; n < count; n += 1) {
    await backend.create({ hitl_id: `q${n}`, hitl_type: "confirm", session_id: "s", data: { message } });
    clock.advance(1);
  }
  return backend;
}

describe("ScriptedHuman", () => {
  it("answers by the first rule that fits, and leaves the rest pending (P4)", async () => {
    const backend = await asked(1, "Delete it?");
    await backend.create({ hitl_id: "other", hitl_type: "ask_user", session_id: "s" });
    const script = [
      { hitl_type: "confirm", message: /delete/i, reply: { respond: { confirmed: false } } },
      { hitl_type: "confirm", reply: { respond: { confirmed: true } } },
    ];
    const outcomes = await new ScriptedHuman({ backend, script, actorId: "ann" }).answerPending();
    expect(outcomes).toEqual([
      { hitl_id: "q0", status: "accepted" },
      { hitl_id: "other", status: "ignored" },
    ]);
    const record = await backend.get("q0");
    expect(record?.user_response).toEqual({ confirmed: false });
    expect(record?.responded_by?.id).toBe("ann");
  });

  it("uses a rule as often as it says, cancels, and shows what was invalid (P3)", async () => {
    const backend = await asked(3);
    const human = new ScriptedHuman({
      backend,
      script: [
        { reply: { respond: "nonsense" }, times: 1 },
        { reply: { cancel: "not now" }, times: 1 },
        { reply: { respond: { confirmed: true } } },
      ],
    });
    const statuses = (await human.answerPending()).map((outcome) => outcome.status);
    expect(statuses).toEqual(["invalid", "cancelled", "accepted"]);
    expect((await backend.get("q1"))?.reason).toBe("not now");
  });

  it("goes through all pages while it answers (P10)", async () => {
    const backend = await asked(120);
    const human = new ScriptedHuman({ backend, script: () => ({ respond: { confirmed: true } }) });
    expect(await human.answerPending()).toHaveLength(120);
    expect((await backend.getPendingBySession("s")).items).toEqual([]);
  });

  it("answers round by round, and says so when the questions do not end", async () => {
    const backend = await asked();
    const human = new ScriptedHuman({ backend, script: [{ reply: { respond: { confirmed: true } } }] });
    let rounds = 0;
    const next = async (): Promise<void> => {
      rounds += 1;
      if (rounds < 3) await backend.create({ hitl_type: "confirm", session_id: "s" });
    };
    expect(await human.answerAll(next)).toHaveLength(3);
    await backend.create({ hitl_type: "confirm", session_id: "s" });
    const endless = async (): Promise<unknown> => backend.create({ hitl_type: "confirm", session_id: "s" });
    await expect(human.answerAll(endless, 5)).rejects.toThrow("after 5 rounds");
  });

  it("leaves to others what it may not answer, and reports that once (P8)", async () => {
    const backend = await asked(1);
    const data = { message: "Sure?" };
    const metadata = { answerers: ["cfo"] };
    await backend.create({ hitl_id: "cfo's", hitl_type: "confirm", session_id: "s", data, metadata });
    const script = [{ reply: { respond: { confirmed: true } } }];
    const next = async (): Promise<void> => undefined;
    expect(await new ScriptedHuman({ backend, script }).answerAll(next)).toEqual([
      { hitl_id: "q0", status: "accepted" },
      { hitl_id: "cfo's", status: "forbidden" },
    ]);
    expect(await new ScriptedHuman({ backend, script, actorId: "cfo" }).answerAll(next)).toEqual([
      { hitl_id: "cfo's", status: "accepted" },
    ]);
  });
});
