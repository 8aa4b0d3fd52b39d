/** What the Redis tests share: a server, stores, operations, a proxy that loses replies, and slots. */
import { connect, createServer, type Socket } from "node:net";
import type { InsertOp, RecordStore, StoredRecord, UpdateOp } from "../../../src/backends/record-store.ts";
import { makeId } from "../../../src/core/ids.ts";
import { freePort } from "../../support/redis-server.ts";

export function idOf(n: number | string, slot = 0x123): string {
  return makeId("rec", slot, ["redis", n]);
}

export function insertOf(
  id: string,
  record: Partial<InsertOp["record"]> = {},
  more: Omit<InsertOp, "op" | "record"> = {},
): InsertOp {
  return {
    op: "insert",
    record: { id, kind: "thing", tenant_id: "default", status: "open", value: {}, ...record },
    ...more,
  };
}

export function updateOf(id: string, more: Omit<UpdateOp, "op" | "id"> = {}): UpdateOp {
  return { op: "update", id, ...more };
}

export async function read(store: RecordStore, id: string): Promise<StoredRecord> {
  const [record] = await store.get([id]);
  if (!record) throw new Error(`${id} is not there.`);
  return record;
}

export interface LossyProxy {
  readonly url: string;
  /**
   * Drops the next reply after a request that holds `text`, and cuts that connection. Nothing comes through on a new one
   * before `meanwhile` is done.
   */
  loseReplyTo(text: string, meanwhile?: () => Promise<unknown>): void;
  /** How many replies were lost. */
  readonly lost: number;
  close(): Promise<void>;
}

export async function lossyProxy(targetPort: number): Promise<LossyProxy> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let wanted: string | undefined;
  let meanwhile: (() => Promise<unknown>) | undefined;
  let held: Promise<unknown> = Promise.resolve();
  let lost = 0;
  const server = createServer((down) => {
    const up = connect(targetPort, "127.0.0.1");
    let losing = false;
    for (const socket of [down, up]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        down.destroy();
        up.destroy();
      });
    }
    down.pause();
    void held.then(() => down.resume());
    down.on("data", (chunk) => {
      if (wanted !== undefined && chunk.includes(wanted)) {
        wanted = undefined;
        losing = true;
      }
      up.write(chunk);
    });
    up.on("data", (chunk) => {
      if (!losing) {
        down.write(chunk);
        return;
      }
      // The server has done it: its reply is here.
      lost += 1;
      held = meanwhile?.() ?? held;
      down.destroy();
      up.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `redis://127.0.0.1:${port}`,
    loseReplyTo: (text, act) => {
      wanted = text;
      meanwhile = act;
    },
    get lost() {
      return lost;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The slot of a key as Redis Cluster computes it: CRC16 (XMODEM) of the hash tag, modulo 16384. */
export function clusterSlot(key: string): number {
  const start = key.indexOf("{");
  const end = start < 0 ? -1 : key.indexOf("}", start + 1);
  const hashed = end > start + 1 ? key.slice(start + 1, end) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % 16384;
}
