/** A list of all blocks, answered through the server that the page came from. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createBlockStore } from "holdpoint/blocks";
import { BlockList, type CancelOutcome, type RespondOutcome } from "holdpoint/react";

async function post(path: string, body: object): Promise<unknown> {
  const response = await fetch(path, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`The server says ${response.status}.`);
  return response.json();
}

const store = createBlockStore();
const texts = new URL(location.href).searchParams.has("german") ? { send: "Senden", yes: "Ja" } : undefined;

createRoot(document.querySelector("#root") as Element).render(
  <StrictMode>
    <BlockList
      store={store}
      className="my-list"
      texts={texts}
      respond={async (hitl_id, response) =>
        (await post(`/respond/${encodeURIComponent(hitl_id)}`, { response })) as RespondOutcome
      }
      cancel={async (hitl_id, reason) =>
        (await post(`/cancel/${encodeURIComponent(hitl_id)}`, { reason })) as CancelOutcome
      }
    />
  </StrictMode>,
);

Object.assign(globalThis, { dispatch: store.dispatch });
