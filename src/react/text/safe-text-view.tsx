import { type ReactElement, useState } from "react";
import { jsonText } from "../read.ts";
import { useTexts } from "../texts-context.ts";
import { visibleText } from "./safe-text.ts";

export interface SafeTextProps {
  readonly text: string;
  /** Characters that are shown before somebody asks for all. Default 2000. */
  readonly limit?: number;
  readonly className?: string;
}

/** A text that somebody else wrote: a text node, with what is hidden in it made visible; a long one is cut, visibly. */
export function SafeText({ text, limit = 2000, className }: SafeTextProps): ReactElement {
  const texts = useTexts();
  const [all, setAll] = useState(false);
  const cut = !all && text.length > limit;
  return (
    <span className={className ?? "holdpoint-text"} dir="auto" style={{ whiteSpace: "pre-wrap" }}>
      {visibleText(cut ? text.slice(0, limit) : text)}
      {cut ? (
        <>
          {" … "}
          <button type="button" className="holdpoint-show-all" onClick={() => setAll(true)}>
            {texts.showAll(text.length)}
          </button>
        </>
      ) : null}
    </span>
  );
}

export interface JsonViewProps {
  readonly value: unknown;
  readonly limit?: number;
}

/** JSON as people read it; a string is shown as it is. */
export function JsonView({ value, limit = 4000 }: JsonViewProps): ReactElement {
  const text = typeof value === "string" ? value : jsonText(value);
  return (
    <pre className="holdpoint-json">
      <SafeText text={text} limit={limit} />
    </pre>
  );
}
