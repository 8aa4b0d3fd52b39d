/** `respond` of @langchain/react says an edited call under the names of LangChain for JavaScript and for Python at once. */
import { InMemoryHITLBackend } from "holdpoint";
import { type InteropFormat, respondFrom } from "holdpoint/interop";
import { describe, expect, it } from "vitest";

const edit = (editedAction: object, edited_action: object): object => ({
  decisions: [{ type: "edit", editedAction, edited_action }],
});
const call = { name: "pay", args: { to: "ann", amount: 4 } };

async function asked() {
  const backend = new InMemoryHITLBackend();
  const { record } = await backend.create({
    hitl_type: "permission",
    session_id: "s",
    tool_call_id: "call_1",
    data: { message: "Pay?", tool: "pay", args: { to: "ann", amount: 40 }, allowed_decisions: ["edit"] },
  });
  return { backend, asks: [record] };
}

describe("an edit under both names", () => {
  it.each<InteropFormat | "any">(["any", "langchain_js_1", "langchain_python_1"])(
    "is one edit where both say the same: %s",
    async (format) => {
      const { results } = await respondFrom(
        format,
        edit(call, { args: call.args, name: "pay" }),
        await asked(),
      );
      expect(results[0]?.record?.user_response).toEqual({ decision: "edit", edited_args: call.args });
    },
  );

  it("P7 answers nothing where they differ", async () => {
    const other = { ...call, args: { to: "eve", amount: 4 } };
    const { results, problems } = await respondFrom("any", edit(call, other), await asked());
    expect(results).toEqual([]);
    expect(problems).toMatchObject([{ code: "not_understood" }]);
  });
});
