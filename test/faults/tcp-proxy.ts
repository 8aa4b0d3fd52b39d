/** A TCP proxy that does to connections what networks do to them. Each fault ends by itself. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { below, oneOf, type Random } from "./random.ts";

/** One direction: bytes leave in the order in which they came, whatever the delay is by then. */
class Pipe {
  delayMs = 0;
  readonly #deliver: (chunk: Buffer) => void;
  readonly #waiting: { readonly chunk: Buffer; readonly due: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(deliver: (chunk: Buffer) => void) {
    this.#deliver = deliver;
  }

  push(chunk: Buffer): void {
    if (this.delayMs === 0 && this.#waiting.length === 0) return this.#deliver(chunk);
    this.#waiting.push({ chunk, due: performance.now() + this.delayMs });
    this.#timer ??= setTimeout(() => this.#flush(), this.delayMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #flush(): void {
    this.#timer = undefined;
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const left = first.due - performance.now();
      if (left > 0) {
        this.#timer = setTimeout(() => this.#flush(), left);
        return;
      }
      this.#waiting.shift();
      this.#deliver(first.chunk);
    }
  }
}

/** A pair of sockets with what is being done to its replies. */
class Connection {
  readonly #down: Socket;
  readonly #up: Socket;
  readonly #requests: Pipe;
  readonly #replies: Pipe;
  /** Bytes of replies that still get through; the connection is cut in their middle. */
  #cutAfter = Number.POSITIVE_INFINITY;
  #swallows = false;

  constructor(down: Socket, up: Socket, gone: () => void) {
    this.#down = down;
    this.#up = up;
    this.#requests = new Pipe((chunk) => up.write(chunk));
    this.#replies = new Pipe((chunk) => this.#reply(chunk));
    for (const socket of [down, up]) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.cut();
        gone();
      });
    }
    down.on("data", (chunk: Buffer) => this.#requests.push(chunk));
    up.on("data", (chunk: Buffer) => this.#replies.push(chunk));
  }

  cut(): void {
    this.#requests.close();
    this.#replies.close();
    this.#down.destroy();
    this.#up.destroy();
  }

  delay(requestMs: number, replyMs: number): void {
    this.#requests.delayMs = requestMs;
    this.#replies.delayMs = replyMs;
  }

  stall(stalled: boolean): void {
    for (const socket of [this.#down, this.#up]) {
      if (stalled) socket.pause();
      else socket.resume();
    }
  }

  cutAfter(bytes: number): void {
    this.#cutAfter = bytes;
  }

  /** The server hears and does everything, the client hears nothing. */
  swallow(): void {
    this.#swallows = true;
  }

  #reply(chunk: Buffer): void {
    if (this.#swallows) return;
    if (chunk.length <= this.#cutAfter) {
      this.#cutAfter -= chunk.length;
      this.#down.write(chunk);
      return;
    }
    const part = chunk.subarray(0, this.#cutAfter);
    this.#swallows = true;
    this.#down.write(part, () => this.cut());
  }
}

export const NETWORK_FAULTS = ["net-delay", "net-stall", "net-cut", "net-drop-replies", "net-late"] as const;
export type NetworkFault = (typeof NETWORK_FAULTS)[number];

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #connections: Set<Connection>;

  private constructor(server: Server, connections: Set<Connection>, port: number) {
    this.#server = server;
    this.#connections = connections;
    this.port = port;
  }

  static async open(targetPort: number): Promise<TcpProxy> {
    const connections = new Set<Connection>();
    const server = createServer((down) => {
      const connection = new Connection(down, connect(targetPort, "127.0.0.1"), () =>
        connections.delete(connection),
      );
      connections.add(connection);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("The proxy has no port.");
    return new TcpProxy(server, connections, address.port);
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Does it to one connection or to all of them, and ends it. */
  async inject(fault: NetworkFault, random: Random, wait: (ms: number) => Promise<void>): Promise<void> {
    const all = [...this.#connections];
    if (all.length === 0) return;
    const hit = random() < 0.3 ? all : [oneOf(random, all)];
    switch (fault) {
      case "net-delay": {
        for (const one of hit) one.delay(below(random, 30), below(random, 30));
        await wait(300);
        for (const one of hit) one.delay(0, 0);
        return;
      }
      case "net-stall": {
        for (const one of hit) one.stall(true);
        await wait(100 + below(random, 900));
        for (const one of hit) one.stall(false);
        return;
      }
      case "net-cut": {
        for (const one of hit) one.cutAfter(below(random, 400));
        await wait(100);
        return;
      }
      case "net-drop-replies": {
        for (const one of hit) one.swallow();
        await wait(20 + below(random, 100));
        // What a reply has missing, a connection cannot go on from.
        for (const one of hit) one.cut();
        return;
      }
      case "net-late": {
        // Longer than a call may take: its answer comes when nobody waits for it.
        for (const one of hit) one.delay(0, LATE_MS);
        await wait(300);
        for (const one of hit) one.delay(0, 0);
        await wait(LATE_MS);
        return;
      }
    }
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** How long a call of the load may take: {@link CALL_TIMEOUT_MS} and a little. */
export const CALL_TIMEOUT_MS = 700;
const LATE_MS = 900;
