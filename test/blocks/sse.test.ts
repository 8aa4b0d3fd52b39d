/** Server-sent events: what is written is read again, however it is cut, and nothing can break out of its line. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { type BlockEvent, decodeSse, encodeSse, type SseSource, textDelta } from "holdpoint/blocks";
import { afterEach, describe, expect, it } from "vitest";
import { deliveries, event, runs } from "./kit.ts";

async function read(source: SseSource, onInvalid?: (error: Error) => void): Promise<BlockEvent[]> {
  const events: BlockEvent[] = [];
  for await (const one of decodeSse(source, { onInvalid })) events.push(one);
  return events;
}

async function* pieces<T>(...chunks: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* chunks;
}

const piece = (content: string, index = 0) => textDelta({ block_id: "b", index, content });
let close = (): void => {};
afterEach(() => close());

describe("B17: encodeSse and decodeSse", () => {
  it("what is written is read again, however the bytes are cut and the lines end", async () => {
    await fc.assert(
      fc.asyncProperty(
        deliveries,
        fc.array(fc.nat(400), { maxLength: 20 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.string({ unit: "grapheme" }),
        async ({ arrived }, cuts, newline, words) => {
          const events = [...arrived, piece(words)];
          const text = events.map((one) => encodeSse(one)).join(": a comment\n\nretry: 5\n\n");
          const bytes = new TextEncoder().encode(text.replaceAll("\n", newline));
          const chunks: Uint8Array[] = [];
          let from = 0;
          for (const cut of cuts)
            chunks.push(bytes.subarray(from, (from = Math.min(bytes.length, from + cut))));
          chunks.push(bytes.subarray(from));
          assert.deepEqual(await read(pieces(...chunks)), events);
        },
      ),
      { numRuns: runs(150) },
    );
  });

  it("an event is one message, whatever it holds", () => {
    const said = piece("\n\nevent: admin\ndata: {}\r\n\u2028");
    const text = encodeSse(said);
    expect(text.split(/\r\n|\n|\r/)).toEqual([
      "id: evt_b_0",
      "event: block",
      expect.stringMatching(/^data: \{/),
      "",
      "",
    ]);
    expect(() => encodeSse({ ...said, event_id: "a\n\nevent: admin" })).toThrow(
      expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
    );
  });

  it("other events, comments and broken ones are passed over, the last cut one too", async () => {
    const refused: string[] = [];
    const source = pieces(
      "\uFEFF: hello\n\nevent: ping\ndata: {}\n\nevent: block\ndata: {oops}\n\nevent: block\ndata:\n\n",
      `data: ${JSON.stringify(piece("no name"))}\n\n`,
      `${encodeSse(piece("yes"))}event\ndata: x\n\n${encodeSse(piece("cut", 1)).slice(0, -1)}`,
    );
    expect(await read(source, (error) => refused.push(error.message))).toEqual([piece("yes")]);
    expect(refused).toHaveLength(2);
  });

  it("data on several lines is one text", async () => {
    const [first = "", ...rest] = JSON.stringify(piece("a"), null, 1).split("\n");
    const text = `event:block\ndata:${first}\n${rest.map((line) => `data: ${line}\n`).join("")}\n`;
    expect(await read(pieces(text))).toEqual([piece("a")]);
  });

  it("a message without an end is refused before it fills the memory", async () => {
    for (const chunk of ["x".repeat(64 * 1024), `data: ${"x".repeat(64 * 1024)}\n`]) {
      let sent = 0;
      const source = (async function* () {
        for (; sent < 1000; sent += 1) yield chunk;
      })();
      await expect(read(source)).rejects.toThrow(expect.objectContaining({ code: "ERR_HITL_TOO_LARGE" }));
      expect(sent).toBeLessThan(40);
    }
  });

  it("bytes never throw an untyped error", async () => {
    const chunk = fc.oneof(
      fc.constantFrom(
        "event: block\n",
        "data: ",
        "\n\n",
        "\r",
        "id: 1\n",
        JSON.stringify(event({ op: "apply" })),
      ),
      fc.string({ unit: "binary" }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(chunk, fc.uint8Array()), { maxLength: 20 }), async (chunks) => {
        await read(pieces(...chunks));
      }),
      { numRuns: runs(300) },
    );
  });

  it("over HTTP: a body of fetch is read as it comes, and who stops reading ends the request", async () => {
    let ended = (): void => {};
    const gone = new Promise<void>((resolve) => (ended = resolve));
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(encodeSse(piece("one")));
      response.on("close", () => ended());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    close = () => server.close();
    const { body } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    if (!body) throw new Error("no body");
    for await (const one of decodeSse(body)) {
      expect(one).toEqual(piece("one"));
      break;
    }
    await gone;
  });
});
