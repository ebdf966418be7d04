/** Opens an index: kept beside the labels, or made in a thread of its own and then kept. */
import { AlignError, messageOf } from "../../../base/core/errors.ts";
import type { Log } from "../../../base/core/log.ts";
import { startThread } from "../../../base/core/threads.ts";
import { lookBeside } from "./beside.ts";
import type { LabelIndex } from "./columns.ts";
import { readKept, stampOf, writeKept } from "./kept.ts";
import type { IndexMessage } from "./worker.ts";

/** An index that is there, or comes. */
export interface OpeningIndex {
  /** Share that is read, 1 when it is there. */
  readonly share: number;
  readonly index: Promise<LabelIndex>;
}

/**
 * Opens the index of a folder of labels. The thread that asks goes on meanwhile.
 * @param log - told where it cannot be kept: then it is made anew each time
 */
export function openLabelIndex(folder: string, log: Pick<Log, "warn">): OpeningIndex {
  const state = { share: 0 };
  const work = async () => {
    const beside = await lookBeside(folder);
    const stamp = await stampOf(beside);
    const kept = await readKept(folder, stamp);
    if (kept !== undefined) return kept;
    const index = await inThread(folder, (share) => {
      state.share = share;
    });
    // Files that were written meanwhile make it another's.
    if ((await stampOf(await lookBeside(folder))) === stamp)
      await writeKept(folder, index, stamp).catch((error: unknown) =>
        log.warn(`studio: what was read of ${folder} is not kept: ${messageOf(error)}`),
      );
    return index;
  };
  const index = work().finally(() => {
    state.share = 1;
  });
  return {
    get share() {
      return state.share;
    },
    index,
  };
}

function inThread(folder: string, onProgress: (share: number) => void): Promise<LabelIndex> {
  return new Promise((resolve, reject) => {
    const worker = startThread(import.meta.url, "worker", { folder });
    // A studio that closes does not wait for it.
    worker.unref();
    worker.on("message", (message: IndexMessage) => {
      if (message.kind === "progress") onProgress(message.share);
      else if (message.kind === "done") resolve(message.index);
      else reject(new AlignError(message.code, message.text));
    });
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`the thread that reads labels ended with code ${code}`)));
  });
}
