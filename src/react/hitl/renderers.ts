/** Which component shows which type. */
import type { ComponentType } from "react";
import { type Dict, listOf } from "../read.ts";
import { AskUserBody } from "./ask-user.tsx";
import type { HitlBodyProps } from "./body-props.ts";
import { ConfirmBody } from "./confirm.tsx";
import { AuthFacts, ExternalAuthBody } from "./external-auth.tsx";
import { CallFacts, ConfirmFacts } from "./facts.tsx";
import { fitsSchema } from "./fits.ts";
import { InDoubtBody } from "./in-doubt.tsx";
import { PermissionBody } from "./permission.tsx";
import { SchemaFormBody } from "./schema-form.tsx";

export interface HitlRenderer {
  /** Before the answer, and after it. */
  readonly Facts?: ComponentType<{ readonly data: Dict }>;
  /** While it is open. */
  readonly Body: ComponentType<HitlBodyProps>;
}

interface NamedRenderer extends HitlRenderer {
  /** The fields of its answers: a response schema that asks for others gets its own form. */
  readonly answers: readonly string[];
}

const NAMED: Readonly<Record<string, NamedRenderer>> = {
  ask_user: { Body: AskUserBody, answers: ["answer", "answers"] },
  confirm: { Facts: ConfirmFacts, Body: ConfirmBody, answers: ["confirmed", "comment"] },
  permission: {
    Facts: CallFacts,
    Body: PermissionBody,
    answers: ["decision", "edited_args", "message", "scope"],
  },
  external_auth: { Facts: AuthFacts, Body: ExternalAuthBody, answers: ["status", "reference", "message"] },
  in_doubt: { Facts: CallFacts, Body: InDoubtBody, answers: ["decision", "result"] },
};

const GENERIC: HitlRenderer = { Body: SchemaFormBody };

/** The application's own renderer for the type, else ours, else the form of the response schema. */
export function rendererOf(
  hitl_type: string,
  data: Dict,
  own: Readonly<Record<string, HitlRenderer>> | undefined,
): HitlRenderer {
  const given = own && Object.hasOwn(own, hitl_type) ? own[hitl_type] : undefined;
  if (given) return given;
  const named = Object.hasOwn(NAMED, hitl_type) ? NAMED[hitl_type] : undefined;
  if (!named) return GENERIC;
  const answerable = hitl_type !== "in_doubt" || listOf(data["options"]).length > 0;
  const fits = answerable && fitsSchema(data["response_schema"], named.answers);
  return fits ? named : { ...named, Body: SchemaFormBody };
}
