import { useInsertionEffect, useRef, useState } from "react";
import { HoldpointError } from "../../core/errors.ts";
import { type AnswerStore, type AnswerStoreOptions, createAnswerStore } from "../answer-store.ts";

/**
 * An {@link AnswerStore} that lives as long as the component, and always calls the functions of its last rendering: they
 * need not be the same each time.
 */
export function useAnswerStore(options: AnswerStoreOptions): AnswerStore {
  const latest = useRef(options);
  // Not while rendering: a rendering that React throws away must not leave its functions behind.
  useInsertionEffect(() => {
    latest.current = options;
  });
  const [store] = useState(() =>
    createAnswerStore({
      respond: (hitl_id, response) => latest.current.respond(hitl_id, response),
      cancel: async (hitl_id, reason) => {
        const { cancel } = latest.current;
        if (!cancel)
          throw new HoldpointError("ERR_HITL_INVALID_INPUT", "To cancel, give the function `cancel` too.");
        return cancel(hitl_id, reason);
      },
    }),
  );
  return store;
}
