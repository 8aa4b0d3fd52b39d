/** A way to a server on which replies get lost. */
import { connect, createServer, type Socket } from "node:net";
import { freePort } from "./redis-server.ts";

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
