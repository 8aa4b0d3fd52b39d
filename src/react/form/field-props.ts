import type { Draft } from "./draft.ts";
import type { Field } from "./field.ts";
import { type Path, pathKey } from "./issues.ts";

/** What every input of a form is given. */
export interface FieldProps<F extends Field = Field, D extends Draft["kind"] = Draft["kind"]> {
  readonly field: F;
  readonly draft: Draft & { readonly kind: D };
  readonly onChange: (draft: Draft) => void;
  /** Leads to the value in the answer. */
  readonly path: Path;
  /** Of the element; unique in the page, without spaces. */
  readonly id: string;
  readonly label: string;
  readonly required: boolean;
  /** By path; see issues.ts. */
  readonly errors: ReadonlyMap<string, readonly string[]>;
}

export function errorsAt({ errors, path }: FieldProps): readonly string[] {
  return errors.get(pathKey(path)) ?? [];
}
