/** Which issue belongs to which field. */
import type { ResponseIssue } from "../../core/response-schema.ts";
import type { Draft } from "./draft.ts";
import type { Field } from "./field.ts";

export type Path = readonly (string | number)[];

/** Numbers and their digits are one: a path out of a JSON pointer does not know which of the two it was. */
export function pathKey(path: Path): string {
  return JSON.stringify(path.map(String));
}

/** The paths of all fields that are shown, groups included. */
export function shownPaths(field: Field, draft: Draft, path: Path = []): Path[] {
  const paths = [path];
  if (field.kind === "object" && draft.kind === "object") {
    field.properties.forEach(({ name, field: part }, index) => {
      const partDraft = draft.parts[index];
      if (partDraft) paths.push(...shownPaths(part, partDraft, [...path, name]));
    });
  }
  if (field.kind === "list" && draft.kind === "list") {
    draft.items.forEach((item, index) => {
      paths.push(...shownPaths(field.item, item.draft, [...path, index]));
    });
  }
  return paths;
}

/** Messages by the key of the innermost field that is shown around their path; the whole form has the empty path. */
export function issuesByField(
  issues: readonly ResponseIssue[],
  shown: readonly Path[],
): ReadonlyMap<string, readonly string[]> {
  const keys = new Set(shown.map(pathKey));
  const found = new Map<string, string[]>();
  for (const { path, message } of issues) {
    let length = path.length;
    while (length > 0 && !keys.has(pathKey(path.slice(0, length)))) length -= 1;
    const key = pathKey(path.slice(0, length));
    const messages = found.get(key) ?? [];
    if (!messages.includes(message)) messages.push(message);
    found.set(key, messages);
  }
  return found;
}
