import { createContext, useContext, useMemo } from "react";
import { ENGLISH, type HitlTexts, type TextOverrides, textsWith } from "./texts.ts";

/** The texts of the components below, so that not each of them has to be handed them. */
export const TextsContext = createContext<HitlTexts>(ENGLISH);

export function useTexts(): HitlTexts {
  return useContext(TextsContext);
}

/** The texts of the components above, with `own` for those below. */
export function useTextsWith(own: TextOverrides | undefined): HitlTexts {
  const above = useContext(TextsContext);
  return useMemo(() => (own ? textsWith(own, above) : above), [own, above]);
}
