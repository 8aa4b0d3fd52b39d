/** Events of a thread for the clients that listen to it: those of the run in progress, or else of the last one. */
import { toWire } from "./wire.ts";
import type { ProtocolEvent } from "./protocol-events.ts";

export interface EventFilter {
  readonly channels: ReadonlySet<string>;
  readonly namespaces: readonly (readonly string[])[] | undefined;
  readonly depth: number | undefined;
  readonly since: number | undefined;
}

interface KeptEvent {
  readonly seq: number;
  readonly method: string;
  readonly namespace: readonly string[];
  readonly channel: string;
  /** JSON text. */
  readonly data: string;
}

export class Channel {
  readonly #maxBytes: number;
  readonly #now: () => number;
  #kept: KeptEvent[] = [];
  #dropped = 0;
  #bytes = 0;
  #seq: number;
  #wake: (() => void)[] = [];
  listeners = 0;

  constructor(maxBytes: number, now: () => number) {
    this.#maxBytes = maxBytes;
    this.#now = now;
    // Numbers grow also over restarts of the server: clients drop what they believe to have seen.
    this.#seq = now() * 1000;
  }

  get seq(): number {
    return this.#seq;
  }

  get isEmpty(): boolean {
    return this.#kept.length === 0;
  }

  /** A new run begins: what came before is in the thread's state. */
  begin(): void {
    this.#dropped += this.#kept.length;
    this.#kept = [];
    this.#bytes = 0;
  }

  publish({ method, namespace, timestamp, node, data }: ProtocolEvent): void {
    this.#seq = Math.max(this.#seq + 1, this.#now() * 1000);
    const seq = this.#seq;
    const params = { namespace, timestamp, ...(node === undefined ? {} : { node }), data };
    const text = toWire({ type: "event", event_id: String(seq), seq, method, params });
    this.#kept.push({ seq, method, namespace, channel: channelOf(method, data), data: text });
    this.#bytes += text.length;
    while (this.#bytes > this.#maxBytes && this.#kept.length > 1) {
      this.#bytes -= (this.#kept.shift() as KeptEvent).data.length;
      this.#dropped += 1;
    }
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  /** Events that are kept, and those to come, until `signal` says so. */
  async *read(filter: EventFilter, signal: AbortSignal): AsyncGenerator<KeptEvent> {
    let next = this.#dropped;
    while (!signal.aborted) {
      next = Math.max(next, this.#dropped);
      const event = this.#kept[next - this.#dropped];
      if (!event) {
        await this.#more(signal);
        continue;
      }
      next += 1;
      if (matches(event, filter)) yield event;
    }
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener("abort", done);
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
      this.#wake.push(done);
    });
  }
}

function channelOf(method: string, data: unknown): string {
  if (method === "input.requested") return "input";
  const name = method === "custom" ? (data as { name?: unknown } | null)?.name : undefined;
  return typeof name === "string" ? `custom:${name}` : method;
}

function matches(
  { seq, channel, namespace }: KeptEvent,
  { channels, namespaces, depth, since }: EventFilter,
): boolean {
  if (since !== undefined && seq <= since) return false;
  if (!channels.has(channel) && !(channel.startsWith("custom:") && channels.has("custom"))) return false;
  if (!namespaces || namespaces.length === 0) return true;
  return namespaces.some(
    (prefix) =>
      isBelow(namespace, prefix) && (depth === undefined || namespace.length - prefix.length <= depth),
  );
}

/** Clients name a node (`tools`), events its task (`tools:<uuid>`). */
function isBelow(namespace: readonly string[], prefix: readonly string[]): boolean {
  if (prefix.length > namespace.length) return false;
  return prefix.every((segment, index) => {
    const own = namespace[index] as string;
    return own === segment || (!segment.includes(":") && own.split(":", 1)[0] === segment);
  });
}

const MAX_IDLE = 100;

/** Channels of threads; idle ones are forgotten when there are many. */
export class Channels {
  readonly #maxBytes: number;
  readonly #now: () => number;
  readonly #byThread = new Map<string, Channel>();

  constructor(maxBytes: number, now: () => number) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  /** A run that tells nothing here begins: what is kept is of an older one. */
  reset(tenant_id: string, thread_id: string): void {
    this.#byThread.get(JSON.stringify([tenant_id, thread_id]))?.begin();
  }

  of(tenant_id: string, thread_id: string): Channel {
    const name = JSON.stringify([tenant_id, thread_id]);
    const found = this.#byThread.get(name) ?? new Channel(this.#maxBytes, this.#now);
    // The one that was used last is last.
    this.#byThread.delete(name);
    this.#byThread.set(name, found);
    for (const [other, channel] of this.#byThread) {
      if (this.#byThread.size <= MAX_IDLE) break;
      if (channel !== found && channel.listeners === 0) this.#byThread.delete(other);
    }
    return found;
  }
}
