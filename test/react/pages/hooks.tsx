/** An application's own components on the hooks; each says how often it was rendered. */
import { memo, type ReactElement, StrictMode, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { createBlockStore, listBlocks } from "holdpoint/blocks";
import { type RespondOutcome, useBlock, useBlocks, useHitl } from "holdpoint/react";

const store = createBlockStore();

function Rendered({ name }: { readonly name: string }): ReactElement {
  const count = useRef(0);
  count.current += 1;
  return <output data-rendered={name}>{count.current}</output>;
}

const OneBlock = memo(function OneBlock({ block_id }: { readonly block_id: string }): ReactElement {
  const block = useBlock(store, block_id);
  return (
    <p data-block={block_id}>
      {String(block?.data["content"])} <Rendered name={block_id} />
    </p>
  );
});

function Kinds(): ReactElement {
  // Another function and another array each time: what it holds decides.
  const kinds = useBlocks(store, (state) => listBlocks(state).map(({ kind }) => kind));
  return (
    <p data-kinds={kinds.join(" ")}>
      <Rendered name="kinds" />
    </p>
  );
}

function Questions(): ReactElement {
  const [round, setRound] = useState(0);
  const { open, ended } = useHitl(store, {
    // Another function at each rendering; the newest is called.
    respond: async (hitl_id, response) => {
      const url = `/respond/${encodeURIComponent(hitl_id)}`;
      const body = JSON.stringify({ response: { confirmed: response, comment: `round ${round}` } });
      return (await (await fetch(url, { method: "POST", body })).json()) as RespondOutcome;
    },
  });
  return (
    <>
      <Rendered name="questions" />
      <button type="button" onClick={() => setRound(round + 1)}>
        Next round
      </button>
      <ul data-open={open.map((question) => question.hitl_id).join(" ")}>
        {open.map(({ hitl_id, answer, respond }) => (
          <li key={hitl_id} data-hitl-id={hitl_id} data-state={answer.state}>
            <button type="button" onClick={() => void respond(true)}>
              Yes
            </button>
          </li>
        ))}
      </ul>
      <ul>
        {ended.map(({ hitl_id, answer }) => (
          <li key={hitl_id} data-hitl-id={hitl_id} data-state={answer.state} />
        ))}
      </ul>
    </>
  );
}

function App(): ReactElement {
  const [shown, setShown] = useState(true);
  return (
    <>
      <button type="button" onClick={() => setShown(!shown)}>
        Show or hide
      </button>
      {shown ? <Questions /> : null}
      <Kinds />
      <OneBlock block_id="a" />
      <OneBlock block_id="b" />
    </>
  );
}

const strict = new URL(location.href).searchParams.has("strict");
createRoot(document.querySelector("#root") as Element).render(
  strict ? (
    <StrictMode>
      <App />
    </StrictMode>
  ) : (
    <App />
  ),
);

Object.assign(globalThis, { dispatch: store.dispatch });
