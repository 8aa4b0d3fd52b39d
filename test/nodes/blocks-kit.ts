/** Runs of real graphs as block events, and what a screen shows of them. */
import { type Block, type BlockEvent, type BlockState, listBlocks } from "holdpoint/blocks";

/** A compiled graph, whatever its state is. */
export interface StreamedGraph {
  // biome-ignore lint/suspicious/noExplicitAny: a graph of any state.
  invoke(input: any, config: any): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: a graph of any state.
  stream(input: any, config: any): Promise<AsyncIterable<unknown>>;
}

/** All events of a run, in the order in which they were written. */
export async function written(
  graph: StreamedGraph,
  input: unknown,
  thread_id: string,
): Promise<BlockEvent[]> {
  const config = { configurable: { thread_id }, durability: "sync", streamMode: "custom" };
  const events: BlockEvent[] = [];
  for await (const event of await graph.stream(input, config)) events.push(event as BlockEvent);
  return events;
}

export const blocksIn = (state: BlockState): Record<string, Block> =>
  Object.fromEntries(listBlocks(state).map((block) => [block.block_id, block]));

/** `pay running`, for the events that say how a call or a node stands. */
export const statusesOf = (events: readonly BlockEvent[]): string[] =>
  events
    .filter(({ kind, op }) => op === "apply" && kind !== "hitl")
    .map(({ data }) => `${String(data?.["name"] ?? data?.["node_id"])} ${String(data?.["status"])}`);
