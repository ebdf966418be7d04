/** Keys that answer sleep for a moment after a pair appears: one that was meant for the last pair must not answer this one. */
import { signal } from "@preact/signals";
import { SLEEP_MS } from "../keys.ts";

/** A pair's sleep. */
export function createAwake() {
  const awake = signal(false);
  let shownAt = 0;
  let waking: ReturnType<typeof setTimeout> | undefined;
  return {
    /** The pair has been on the screen for `SLEEP_MS`. */
    awake,
    /** Told when a pair is on the screen. */
    shown(): void {
      shownAt = performance.now();
      awake.value = false;
      clearTimeout(waking);
      waking = setTimeout(() => {
        awake.value = true;
      }, SLEEP_MS);
    },
    /** Since the pair is on the screen, whole milliseconds. */
    ms: () => Math.round(performance.now() - shownAt),
    close: () => clearTimeout(waking),
  };
}
