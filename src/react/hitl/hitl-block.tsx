import { memo, type ReactElement, type RefObject, useEffect, useId, useRef, useState } from "react";
import type { AnswerStore } from "../answer-store.ts";
import { useAnswerStore } from "../hooks/use-answer-store.ts";
import { useAnswerState } from "../hooks/use-hitl.ts";
import { type Dict, numberOf, objectOf, textOf } from "../read.ts";
import { SafeText } from "../text/safe-text-view.tsx";
import { labelText } from "../text/safe-text.ts";
import type { TextOverrides } from "../texts.ts";
import { TextsContext, useTexts, useTextsWith } from "../texts-context.ts";
import type { AnswerState, Cancel, Respond, ViewBlock } from "../types.ts";
import { EndingView, StatusView } from "./outcome.tsx";
import { hitlIdOf, hitlTypeOf, isEnded } from "./question.ts";
import { type HitlRenderer, rendererOf } from "./renderers.ts";

/** What every component is given that shows questions. */
export interface HitlViewProps {
  readonly respond: Respond;
  /** Without it there is no button to cancel. */
  readonly cancel?: Cancel | undefined;
  readonly texts?: TextOverrides | undefined;
  /** Of the application, by `hitl_type`; they win over those of this package. */
  readonly renderers?: Readonly<Record<string, HitlRenderer>> | undefined;
}

export interface HitlBlockProps extends HitlViewProps {
  readonly block: ViewBlock;
  /** Shared knowledge of what was answered, as `useHitl` gives it. Default: one of the component's own. */
  readonly answers?: AnswerStore | undefined;
  readonly className?: string | undefined;
}

/** The fields that say where a question stands are not what is asked. */
const STANDING = new Set([
  "status",
  "user_response",
  "responded_by",
  "responded_at",
  "reason",
  "version",
  "expires_at",
]);

function sameQuestion(a: Dict, b: Dict): boolean {
  const asked = (data: Dict): string =>
    JSON.stringify(Object.entries(data).filter(([name]) => !STANDING.has(name)));
  return a === b || asked(a) === asked(b);
}

/** The question, the same object while nothing of it changes, so that what was typed stays when an event comes in. */
function useQuestion(data: Dict): { readonly data: Dict; readonly edition: number } {
  const [kept, setKept] = useState({ data, seen: data, edition: 0 });
  if (kept.seen === data) return kept;
  const next = sameQuestion(kept.data, data)
    ? { ...kept, seen: data }
    : { data, seen: data, edition: kept.edition + 1 };
  setKept(next);
  return next;
}

/** When the form goes that had the focus, what came of it gets it: else a keyboard starts again at the page's top. */
function useEndingFocus(ended: boolean): { focus: RefObject<HTMLDivElement | null>; sent: () => void } {
  const focus = useRef<HTMLDivElement>(null);
  const asked = useRef(false);
  useEffect(() => {
    if (!ended || !asked.current) return;
    asked.current = false;
    const { activeElement } = document;
    if (activeElement === null || activeElement === document.body) focus.current?.focus();
  }, [ended]);
  return {
    focus,
    sent: () => {
      asked.current = true;
    },
  };
}

interface QuestionProps extends Pick<HitlViewProps, "renderers"> {
  readonly block: ViewBlock;
  readonly hitl_id: string;
  readonly answers: AnswerStore;
  readonly mayCancel: boolean;
  readonly className: string | undefined;
}

function QuestionView(props: QuestionProps): ReactElement {
  const { block, hitl_id, answers, mayCancel, renderers, className } = props;
  const texts = useTexts();
  const id = useId();
  const answer: AnswerState = useAnswerState(answers, block);
  const hitl_type = hitlTypeOf(block);
  const data = objectOf(block.data);
  const { data: asked, edition } = useQuestion(data);
  const { Facts, Body } = rendererOf(hitl_type, asked, renderers);
  const ended = isEnded(answer);
  const { focus, sent } = useEndingFocus(ended);
  const message = textOf(data["message"]);
  const tool = textOf(data["tool_name"]);
  const expires_at = numberOf(data["expires_at"]);
  const error = textOf(data["error"]);
  const heading = Object.hasOwn(texts.headings, hitl_type) ? texts.headings[hitl_type] : undefined;

  return (
    <section
      className={className ? `holdpoint-hitl ${className}` : "holdpoint-hitl"}
      aria-labelledby={`${id}h`}
      data-hitl-id={hitl_id}
      data-hitl-type={hitl_type}
      data-state={answer.state}
    >
      <h3 id={`${id}h`}>{heading ?? texts.headings["other"]}</h3>
      {message ? (
        <p className="holdpoint-message">
          <SafeText text={message} />
        </p>
      ) : null}
      {tool ? <p className="holdpoint-asked-by">{texts.askedBy(labelText(tool, 200))}</p> : null}
      {expires_at !== null && !ended ? (
        <p className="holdpoint-expires" suppressHydrationWarning>
          {texts.expiresAt(new Date(expires_at))}
        </p>
      ) : null}
      {error ? (
        <p className="holdpoint-last-error">
          {texts.lastError} <SafeText text={error} />
        </p>
      ) : null}
      {Facts ? <Facts data={asked} /> : null}
      {ended ? null : (
        <Body
          // A question that is another one needs other fields.
          key={`${hitl_id} ${edition}`}
          data={asked}
          answer={answer}
          onAnswer={(response) => {
            sent();
            void answers.respond(hitl_id, response);
          }}
        />
      )}
      {ended || !mayCancel ? null : (
        <button
          type="button"
          data-action="cancel"
          aria-disabled={answer.state === "sending" || undefined}
          onClick={() => {
            if (answer.state === "sending") return;
            sent();
            void answers.cancel(hitl_id);
          }}
        >
          {texts.cancel}
        </button>
      )}
      <StatusView answer={answer} />
      {"ending" in answer ? <EndingView ending={answer.ending} focus={focus} /> : null}
    </section>
  );
}

function HitlBlockView(props: HitlBlockProps): ReactElement | null {
  const { block, respond, cancel, answers, className, renderers } = props;
  const texts = useTextsWith(props.texts);
  const own = useAnswerStore({ respond, cancel });
  const hitl_id = hitlIdOf(block);
  if (hitl_id === null) return null;
  return (
    <TextsContext.Provider value={texts}>
      <QuestionView
        block={block}
        hitl_id={hitl_id}
        answers={answers ?? own}
        mayCancel={cancel !== undefined}
        renderers={renderers}
        className={className}
      />
    </TextsContext.Provider>
  );
}

/**
 * One question: what is asked, the form to answer it, what became of the answer. For every `hitl_type`; one without a
 * component of its own gets the form of its response schema. Nothing for blocks of other kinds.
 *
 * @example
 * ```tsx
 * import { HitlBlock, type Respond, type ViewBlock } from "holdpoint/react";
 *
 * export function Question({ block, respond }: { block: ViewBlock; respond: Respond }) {
 *   return <HitlBlock block={block} respond={respond} texts={{ send: "Senden" }} className="card" />;
 * }
 * ```
 */
export const HitlBlock = memo(HitlBlockView);
