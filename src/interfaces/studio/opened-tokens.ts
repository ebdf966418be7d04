/** The teacher whose tokens are looked at: one is open at a time, and none for long after it was last asked. */
import type { CandidatePair } from "../../method/data/rows.ts";
import { type LabelTokens, openTokens, type TokenReader } from "../../pipeline/label/label-tokens.ts";

/** The open teacher. */
export interface OpenedTokens {
  /** @throws what opening and asking it throws */
  read(folder: string, pair: CandidatePair): Promise<LabelTokens>;
}

/** How long a teacher stays open that nobody asks, ms: two models lie in memory. */
const IDLE_MS = 120_000;

/** @param closing - aborted when the studio closes */
export function openedTokens(closing: AbortSignal): OpenedTokens {
  let open: { readonly folder: string; readonly reader: Promise<TokenReader> } | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const close = () => {
    clearTimeout(timer);
    open?.reader.then((reader) => reader.close()).catch(() => {});
    open = undefined;
  };
  closing.addEventListener("abort", close, { once: true });
  return {
    async read(folder, pair) {
      if (open?.folder !== folder) {
        close();
        open = { folder, reader: openTokens(folder) };
      }
      const mine = open;
      clearTimeout(timer);
      try {
        return await (await mine.reader).read(pair);
      } catch (error) {
        // What was wrong may be mended.
        if (open === mine) close();
        throw error;
      } finally {
        clearTimeout(timer);
        timer = setTimeout(close, IDLE_MS);
        timer.unref();
      }
    },
  };
}
