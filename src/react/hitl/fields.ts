/** Fields that the named types have beside their buttons. */
import type { Field, Property, TextFormat } from "../form/field.ts";

export function textProperty(
  name: string,
  title: string,
  options: { readonly format?: TextFormat; readonly description?: string } = {},
): Property {
  const field: Field = {
    kind: "text",
    format: options.format ?? "plain",
    title,
    description: options.description ?? null,
    nullable: false,
    initial: undefined,
    min: null,
    max: null,
  };
  return { name, required: false, field };
}

export function fieldGroup(properties: readonly Property[]): Field {
  return { kind: "object", properties, title: null, description: null, nullable: false, initial: undefined };
}
