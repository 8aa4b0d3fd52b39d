/** Plain views of the blocks that ask nothing. All that they show is text. */
import type { ComponentType, ReactElement } from "react";
import { Fact } from "../hitl/facts.tsx";
import { type Dict, isObject, listOf, numberOf, objectOf, textOf } from "../read.ts";
import { labelText } from "../text/safe-text.ts";
import { JsonView, SafeText } from "../text/safe-text-view.tsx";
import type { HitlTexts } from "../texts.ts";
import { useTexts } from "../texts-context.ts";
import type { ViewBlock } from "../types.ts";

export interface KindProps {
  readonly block: ViewBlock;
}

const LONG = 20_000;

function statusText(status: unknown, texts: HitlTexts): string {
  const name = textOf(status) ?? "";
  return (Object.hasOwn(texts.statuses, name) ? texts.statuses[name] : undefined) ?? labelText(name, 100);
}

function TextBlock({ block }: KindProps): ReactElement {
  return <SafeText text={textOf(block.data?.["content"]) ?? ""} limit={LONG} />;
}

function ThinkingBlock({ block }: KindProps): ReactElement {
  const texts = useTexts();
  return (
    <details>
      <summary>{texts.thinking}</summary>
      <SafeText text={textOf(block.data?.["content"]) ?? ""} limit={LONG} />
    </details>
  );
}

interface FactsProps {
  readonly facts: readonly (readonly [name: string, value: unknown])[];
}

/** What there is of some values; nothing if there is none. */
function Facts({ facts }: FactsProps): ReactElement | null {
  const given = facts.filter(([, value]) => value !== undefined && value !== null);
  if (given.length === 0) return null;
  return (
    <dl className="holdpoint-facts">
      {given.map(([name, value]) => (
        <Fact key={name} name={name}>
          <JsonView value={value} />
        </Fact>
      ))}
    </dl>
  );
}

function ToolUseBlock({ block }: KindProps): ReactElement {
  const texts = useTexts();
  const data = objectOf(block.data);
  return (
    <details data-status={textOf(data["status"]) ?? undefined}>
      <summary>
        {texts.toolUse(labelText(textOf(data["name"]) ?? "", 200))}{" "}
        <span className="holdpoint-status-text">{statusText(data["status"], texts)}</span>
      </summary>
      <Facts
        facts={[
          [texts.arguments, data["arguments"]],
          [texts.output, data["output"] ?? data["result"]],
          [texts.error, data["error"]],
        ]}
      />
    </details>
  );
}

const STEP_TEXTS = ["title", "content", "text", "description", "label", "name"];

function stepText(step: unknown): string {
  if (!isObject(step)) return typeof step === "string" ? step : JSON.stringify(step);
  const name = STEP_TEXTS.find((key) => typeof step[key] === "string");
  return name === undefined ? JSON.stringify(step) : String(step[name]);
}

/** What the step says of itself, else what `current` says. */
function stepStatus(step: unknown, index: number, current: number | null): "done" | "current" | "open" {
  const own = isObject(step) ? textOf(step["status"]) : null;
  if (own === "completed" || own === "done" || own === "success") return "done";
  if (own === "in_progress" || own === "running") return "current";
  if (own !== null || current === null || index > current) return "open";
  return index < current ? "done" : "current";
}

function PlanBlock({ block }: KindProps): ReactElement {
  const texts = useTexts();
  const data: Dict = objectOf(block.data);
  const current = numberOf(data["current"]);
  return (
    <ol aria-label={texts.plan}>
      {listOf(data["steps"]).map((step, index) => {
        const status = stepStatus(step, index, current);
        return (
          <li key={index} data-status={status} aria-current={status === "current" ? "step" : undefined}>
            <SafeText text={stepText(step)} limit={500} />{" "}
            <span className="holdpoint-status-text">({texts.planSteps[status]})</span>
          </li>
        );
      })}
    </ol>
  );
}

function NodeBlock({ block }: KindProps): ReactElement {
  const texts = useTexts();
  const data = objectOf(block.data);
  return (
    <div data-status={textOf(data["status"]) ?? undefined}>
      <p>
        {texts.node(labelText(textOf(data["node_id"]) ?? "", 200))}{" "}
        <span className="holdpoint-status-text">{statusText(data["status"], texts)}</span>
      </p>
      <Facts facts={[[texts.error, data["error"]]]} />
    </div>
  );
}

function ErrorBlock({ block }: KindProps): ReactElement {
  const texts = useTexts();
  return (
    <p className="holdpoint-block-error">
      <strong>{texts.error}</strong> <SafeText text={textOf(block.data?.["message"]) ?? ""} />
    </p>
  );
}

function OtherBlock({ block }: KindProps): ReactElement {
  return (
    <details>
      <summary>{labelText(block.kind, 100)}</summary>
      <JsonView value={block.data} />
    </details>
  );
}

const KINDS: Readonly<Record<string, ComponentType<KindProps>>> = {
  text: TextBlock,
  thinking: ThinkingBlock,
  tool_use: ToolUseBlock,
  plan: PlanBlock,
  node: NodeBlock,
  error: ErrorBlock,
};

/** The view of a kind: the application's own, else ours, else its data as JSON. */
export function kindView(
  kind: string,
  own: Readonly<Record<string, ComponentType<KindProps>>> | undefined,
): ComponentType<KindProps> {
  const given = own && Object.hasOwn(own, kind) ? own[kind] : undefined;
  return given ?? (Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined) ?? OtherBlock;
}
