/** One side of `rounds` in a process of its own: measures a segment for each message, and ends with its parent. */
import { type Contender, measureSegment } from "./measure.ts";
import { roundContender } from "./round-contenders.ts";
import type { SegmentOrder, SegmentReply } from "./round-side.ts";

const contenders = new Map<string, Contender>();

async function measure({ side, on, plan }: SegmentOrder): Promise<SegmentReply> {
  const name = JSON.stringify([side, on]);
  const contender = contenders.get(name) ?? roundContender(side, on);
  contenders.set(name, contender);
  try {
    return { figure: await measureSegment(contender, plan) };
  } catch (error) {
    return { failed: (error as Error).stack ?? String(error) };
  }
}

process.on("message", (order: SegmentOrder) => void measure(order).then((reply) => process.send?.(reply)));
process.on("disconnect", () => process.exit());
