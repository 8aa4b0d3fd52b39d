/** What a question tells beside its message. */
import type { ReactElement, ReactNode } from "react";
import { type Dict, listOf, textOf } from "../read.ts";
import { JsonView, SafeText } from "../text/safe-text-view.tsx";
import { useTexts } from "../texts-context.ts";

interface FactsProps {
  readonly data: Dict;
}

interface FactProps {
  readonly name: string;
  readonly children: ReactNode;
}

/** One row of a description list. */
export function Fact({ name, children }: FactProps): ReactElement {
  return (
    <div className="holdpoint-fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** The call itself, not only what the model says of it (P7). */
export function CallFacts({ data }: FactsProps): ReactElement {
  const texts = useTexts();
  const tool = textOf(data["tool"]);
  const suggestions = listOf(data["suggestions"]);
  const steps = listOf(data["steps_done"]);
  return (
    <dl className="holdpoint-facts">
      {tool === null ? null : (
        <Fact name={texts.tool}>
          <code>
            <SafeText text={tool} />
          </code>
        </Fact>
      )}
      {data["args"] === undefined ? null : (
        <Fact name={texts.arguments}>
          <JsonView value={data["args"]} />
        </Fact>
      )}
      {data["preview"] === undefined || data["preview"] === null ? null : (
        <Fact name={texts.preview}>
          <JsonView value={data["preview"]} />
        </Fact>
      )}
      {suggestions.length === 0 ? null : (
        <Fact name={texts.suggestions}>
          <JsonView value={suggestions} />
        </Fact>
      )}
      {steps.length === 0 ? null : (
        <Fact name={texts.stepsDone}>
          <JsonView value={steps.map(String).join("\n")} />
        </Fact>
      )}
    </dl>
  );
}

/** The risk in words, never by colour alone. */
export function ConfirmFacts({ data }: FactsProps): ReactElement {
  const texts = useTexts();
  const details = textOf(data["details"]);
  const level = textOf(data["risk_level"]);
  const known = level === "low" || level === "medium" || level === "high" ? level : null;
  return (
    <>
      {known ? (
        <p className="holdpoint-risk" data-risk-level={known}>
          {texts.risk(texts.riskLevels[known])}
        </p>
      ) : null}
      {details ? (
        <p className="holdpoint-details">
          <SafeText text={details} />
        </p>
      ) : null}
    </>
  );
}
