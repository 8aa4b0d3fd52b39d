import { type ReactElement, useMemo } from "react";
import { AnswerForm } from "../form/answer-form.tsx";
import { type Dict, listOf, textOf } from "../read.ts";
import { safeLink } from "../text/safe-text.ts";
import { SafeText } from "../text/safe-text-view.tsx";
import { useTexts } from "../texts-context.ts";
import type { HitlBodyProps } from "./body-props.ts";
import { Fact } from "./facts.tsx";
import { fieldGroup, textProperty } from "./fields.ts";

/** Whom the access is given, and the link: it names the host that people will come to. */
export function AuthFacts({ data }: { readonly data: Dict }): ReactElement {
  const texts = useTexts();
  const provider = textOf(data["provider"]);
  const address = data["auth_url"];
  const link = safeLink(address);
  const scopes = listOf(data["scopes"]).filter((scope) => typeof scope === "string");
  return (
    <>
      <dl className="holdpoint-facts">
        {provider ? (
          <Fact name={texts.provider}>
            <SafeText text={provider} />
          </Fact>
        ) : null}
        {scopes.length > 0 ? (
          <Fact name={texts.scopes}>
            <ul>
              {scopes.map((scope, index) => (
                <li key={index}>
                  <SafeText text={scope} />
                </li>
              ))}
            </ul>
          </Fact>
        ) : null}
      </dl>
      {link ? (
        <p className="holdpoint-link">
          <a href={link.href} target="_blank" rel="noopener noreferrer external" referrerPolicy="no-referrer">
            {texts.openLink(link.host)}
          </a>
        </p>
      ) : null}
      {!link && typeof address === "string" ? (
        <p className="holdpoint-bad-link">
          {texts.badLink} <SafeText text={address} limit={500} />
        </p>
      ) : null}
    </>
  );
}

/** Granted or refused; the secret itself is never asked for (PROTOCOL.md §3). */
export function ExternalAuthBody({ answer, onAnswer }: HitlBodyProps): ReactElement {
  const texts = useTexts();
  const field = useMemo(
    () =>
      fieldGroup([
        textProperty("reference", texts.reference, { description: texts.referenceHint }),
        textProperty("message", texts.message, { format: "multiline" }),
      ]),
    [texts],
  );
  return (
    <AnswerForm
      field={field}
      label={texts.answer}
      actions={[
        { name: "granted", label: texts.granted, extra: { status: "granted" } },
        { name: "denied", label: texts.denied, extra: { status: "denied" }, omits: ["reference"] },
      ]}
      answer={answer}
      onAnswer={onAnswer}
    />
  );
}
