/** Work spread over a runtime's lanes. How many, and the measurements behind it: docs/decisions/0015. */
import { totalmem } from "node:os";
import type { Runtime } from "./runtime.ts";

/** Most bytes that the copies of one model's parameters may take together, and most of the machine's memory. */
const COPIES_BYTES = 2 ** 30;
const COPIES_SHARE = 1 / 16;

/**
 * Lanes for work with a model: as many as there are cores where the copies stay within 1 GiB and a sixteenth of the memory, else fewer
 * with several cores each. They divide the cores evenly; a GPU has one. No result depends on it.
 * @param bytes - of the parameters that every lane reads
 * @param options.most - parts of the work, of which a lane without one is of no use; default any number
 * @param options.memory - of the machine, bytes
 */
export function laneCount(
  { device, threads }: Pick<Runtime, "device" | "threads">,
  bytes: number,
  { most = threads, memory = totalmem() }: { readonly most?: number; readonly memory?: number } = {},
): number {
  if (device !== "cpu") return 1;
  const copies = Math.floor(Math.min(COPIES_BYTES, memory * COPIES_SHARE) / Math.max(1, bytes));
  for (let count = Math.min(threads, most, 1 + copies); count > 1; count--)
    if (threads % count === 0) return count;
  return 1;
}

/**
 * Does `work` for every item, as many at once as there are lanes: a lane that is done takes the next.
 * @returns the results in the order of the items
 * @throws what the first failing work throws, once every lane has stopped
 */
export async function overLanes<T, R>(
  lanes: number,
  items: readonly T[],
  work: (item: T, lane: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const one = async (lane: number): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      try {
        results[index] = await work(items[index]!, lane);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: lanes }, (_, lane) => one(lane)));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return results;
}
