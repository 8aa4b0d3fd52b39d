/** Compile-time tests (`npx tsc -p .`): what the ask functions infer, and what they refuse. Nothing here runs. */
import { z } from "zod";
import {
  askUser,
  confirm,
  type Decision,
  type JsonValue,
  requestAuth,
  requestForm,
  requestPermission,
  step,
} from "../../src/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** `same<Expected>()(value)` compiles only if the types are identical. */
const same =
  <Expected>() =>
  <Actual>(_value: Actual, ..._proof: Equal<Expected, Actual> extends true ? [] : [never]): void => {};

export async function askUserInfers(
  choices: string[],
  dynamic: { value: string; label: string }[],
): Promise<void> {
  same<{ readonly answer: string }>()(await askUser({ message: "?" }));
  same<{ readonly answer: "main" | "savings" }>()(
    await askUser({ message: "?", options: ["main", "savings"] }),
  );
  same<{ readonly answer: "a" | "b" }>()(
    await askUser({ message: "?", options: ["a", { value: "b", label: "B" }] }),
  );
  same<{ readonly answer: readonly ("a" | "b")[] }>()(
    await askUser({ message: "?", options: ["a", "b"], multiple: true }),
  );
  same<{ readonly answer: string }>()(
    await askUser({ message: "?", options: ["a", "b"], allow_free_text: true }),
  );
  same<{ readonly answer: string }>()(await askUser({ message: "?", options: choices }));
  same<{ readonly answer: string }>()(await askUser({ message: "?", options: dynamic }));
  same<{ readonly answer: readonly string[] }>()(
    await askUser({ message: "?", options: choices, multiple: true }),
  );

  const { answers } = await askUser({
    message: "?",
    questions: [
      { id: "who", message: "Who?" },
      { id: "when", message: "When?" },
    ],
  });
  same<{ readonly who: string | readonly string[]; readonly when: string | readonly string[] }>()(answers);
  // @ts-expect-error there is no such question
  void answers.where;

  const schema = z.object({ answer: z.string().transform((text) => text.length) });
  same<{ answer: number }>()(await askUser({ message: "?", response_schema: schema }));

  // @ts-expect-error a message is needed
  await askUser({});
  // @ts-expect-error an option is a text or { value, label }
  await askUser({ message: "?", options: [1] });
  // @ts-expect-error an option needs a label
  await askUser({ message: "?", options: [{ value: "a" }] });
  // @ts-expect-error a question needs an id
  await askUser({ message: "?", questions: [{ message: "Who?" }] });
  const { answer } = await askUser({ message: "?", options: ["main", "savings"] });
  // @ts-expect-error "other" is no option
  void (answer === "other");
}

export async function confirmInfers(): Promise<void> {
  const answer = await confirm({
    message: "?",
    details: "d",
    risk_level: "high",
    key: "k",
    expiresInMs: 1,
    assignee: "ops",
    metadata: { a: 1 },
  });
  same<boolean>()(answer.confirmed);
  same<string | undefined>()(answer.comment);
  // @ts-expect-error there is no such risk level
  await confirm({ message: "?", risk_level: "extreme" });
  // @ts-expect-error a message is needed
  await confirm({ details: "d" });
  // @ts-expect-error the answer is an object, not a boolean
  const wrong: boolean = await confirm({ message: "?" });
  void wrong;
  // @ts-expect-error on_expire is "expire", { respond } or { escalate }
  await confirm({ message: "?", on_expire: "approve" });
  // @ts-expect-error the answer cannot be changed
  answer.confirmed = true;
}

export async function permissionInfers(): Promise<void> {
  const plain = await requestPermission({ message: "?", tool: "rm", args: { path: "/" } });
  same<"approve_once" | "reject">()(plain.decision);
  // @ts-expect-error edit was not allowed, so there are no edited arguments
  void plain.edited_args;

  const edited = await requestPermission({
    message: "?",
    tool: "rm",
    args: {},
    allowed_decisions: ["approve_once", "edit"],
  });
  same<"approve_once" | "edit">()(edited.decision);
  if (edited.decision === "edit") same<Readonly<Record<string, JsonValue>>>()(edited.edited_args);
  // @ts-expect-error only an edit has edited arguments
  else void edited.edited_args;

  const all: Decision[] = ["reject"];
  const any = await requestPermission({ message: "?", tool: "rm", args: {}, allowed_decisions: all });
  same<Decision>()(any.decision);

  // @ts-expect-error there is no such decision
  await requestPermission({ message: "?", tool: "rm", args: {}, allowed_decisions: ["approve"] });
  // @ts-expect-error args are needed: the approval is bound to them
  await requestPermission({ message: "?", tool: "rm" });
}

export async function formInfers(): Promise<void> {
  const schema = z.object({ name: z.string(), age: z.coerce.number().default(3) });
  same<{ name: string; age: number }>()(await requestForm({ message: "?", schema }));
  same<unknown>()(await requestForm({ message: "?", schema: { type: "object" } }));
  // @ts-expect-error a schema is needed
  await requestForm({ message: "?" });
  // @ts-expect-error the schema says what is asked; there is no second one
  await requestForm({ message: "?", schema: "name" });
}

export async function authInfers(): Promise<void> {
  const answer = await requestAuth({ message: "?", auth_url: "https://x", callback_id: "c" });
  same<"granted" | "denied">()(answer.status);
  same<string | undefined>()(answer.reference);
  // @ts-expect-error auth_url is needed
  await requestAuth({ message: "?" });
}

export async function stepInfers(): Promise<void> {
  same<number>()(await step("a", () => 1));
  same<{ id: string }>()(await step("a", async () => ({ id: "x" })));
  same<void>()(await step("a", () => {}));
  await step("a", ({ fence, idempotency_key }) => {
    same<number>()(fence);
    same<string>()(idempotency_key);
  });
  // @ts-expect-error a step has a name
  await step(() => 1);
  // @ts-expect-error a function is needed, not its result
  await step("a", 1);
}
