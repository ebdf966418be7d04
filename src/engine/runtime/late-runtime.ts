/** A runtime for work that may turn out to need none. */
import { openRuntime, type Runtime, type RuntimeOptions } from "./runtime.ts";

/** A runtime that is opened when it is first asked for: work of which all is kept starts no thread. */
export type LateRuntime = {
  get(): Runtime;
  /** Closes what was opened; a later `get` opens anew. */
  close(): Promise<void>;
};

/** @param options - asked for when it opens */
export function lateRuntime(options: () => RuntimeOptions): LateRuntime {
  let opened: Runtime | undefined;
  return {
    get: () => {
      opened ??= openRuntime(options());
      return opened;
    },
    close: async () => {
      const open = opened;
      opened = undefined;
      await open?.close();
    },
  };
}
