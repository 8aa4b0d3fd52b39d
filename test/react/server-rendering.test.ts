/** On a server there is no document: components render to the same first page. */
import { createBlockStore, hitlBlock, textDelta } from "holdpoint/blocks";
import { InMemoryHITLBackend } from "holdpoint";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { BlockList } from "holdpoint/react";
import { expect, it } from "vitest";

it("renders questions and blocks on a server", async () => {
  const backend = new InMemoryHITLBackend();
  const store = createBlockStore();
  const types = ["ask_user", "confirm", "permission", "form", "external_auth", "workflow_human", "in_doubt"];
  for (const hitl_type of types) {
    const { record } = await backend.create({
      hitl_type,
      session_id: "s1",
      data: { message: `<b>${hitl_type}</b>` },
    });
    store.dispatch(hitlBlock(record));
  }
  store.dispatch(textDelta({ block_id: "t", index: 0, content: "Hello" }));
  const respond = (): Promise<never> => Promise.reject(new Error("Nobody answers on a server."));
  const html = renderToString(createElement(BlockList, { store, respond }));
  for (const hitl_type of types) expect(html).toContain(`&lt;b&gt;${hitl_type}&lt;/b&gt;`);
  expect(html).toContain("Hello");
  await backend.close();
});
