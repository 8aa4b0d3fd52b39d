/** How a question ended, and what has become of an answer that is under way. */
import type { ReactElement, RefObject } from "react";
import type { HitlTexts } from "../texts.ts";
import { labelText } from "../text/safe-text.ts";
import { JsonView, SafeText } from "../text/safe-text-view.tsx";
import { useTexts } from "../texts-context.ts";
import type { AnswerState, Ending } from "../types.ts";
import { Fact } from "./facts.tsx";

function whoOf(ending: Ending, texts: HitlTexts): string {
  const by = ending.responded_by;
  if (!by) return texts.unknownActor;
  if (by.role === "system") return texts.systemActor;
  return labelText(by.name || by.id, 200);
}

/** A time for people, and for machines; a server does not know the zone of the reader. */
export function Moment({ at }: { readonly at: number }): ReactElement | null {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return null;
  return (
    <time dateTime={date.toISOString()} suppressHydrationWarning>
      {date.toLocaleString()}
    </time>
  );
}

interface EndingViewProps {
  readonly ending: Ending;
  /** Focused when the form that had the focus has gone. */
  readonly focus: RefObject<HTMLDivElement | null>;
}

/** Who answered what, or why nobody did. */
export function EndingView({ ending, focus }: EndingViewProps): ReactElement {
  const texts = useTexts();
  const answered = ending.status === "completed";
  return (
    <div className="holdpoint-ending" ref={focus} tabIndex={-1}>
      {answered && ending.responded_by !== undefined ? (
        <p className="holdpoint-answered-by">
          {texts.answeredBy(whoOf(ending, texts))}
          {typeof ending.responded_at === "number" ? (
            <>
              {", "}
              <Moment at={ending.responded_at} />
            </>
          ) : null}
        </p>
      ) : null}
      <dl className="holdpoint-facts">
        {answered && ending.user_response !== undefined ? (
          <Fact name={texts.theAnswer}>
            <JsonView value={ending.user_response} />
          </Fact>
        ) : null}
        {ending.reason ? (
          <Fact name={texts.reason}>
            <SafeText text={ending.reason} limit={500} />
          </Fact>
        ) : null}
      </dl>
    </div>
  );
}

/** The live region: always there, so that a change of its text is read out. */
export function StatusView({ answer }: { readonly answer: AnswerState }): ReactElement {
  const texts = useTexts();
  const text = answer.state === "error" ? texts.errors[answer.cause] : texts.states[answer.state];
  return (
    <div className="holdpoint-status">
      <p role="status" aria-live="polite">
        {text}
      </p>
      {answer.state === "error" && answer.cause !== "not_found" ? (
        <button type="button" data-action="retry" onClick={answer.retry}>
          {texts.retry}
        </button>
      ) : null}
    </div>
  );
}
