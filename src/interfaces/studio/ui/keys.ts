/** Keys of a page, by its table. */
import { useEffect } from "preact/hooks";
import { type KeyRow, rowOfKey } from "../keys.ts";

/**
 * Calls `act` with the row of each key that is meant for the page: not one held down, not one typed somewhere, not one of a dialog, and not
 * Enter on what Enter presses.
 */
export function useKeys<Action>(
  rows: readonly KeyRow<Action>[],
  isBusy: () => boolean,
  act: (row: KeyRow<Action>) => void,
): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { target, repeat, ctrlKey, altKey, metaKey, key } = event;
      if (repeat || ctrlKey || altKey || metaKey || isBusy()) return;
      const typed = key === "Enter" ? "button, a, summary, " : "";
      if (target instanceof Element && target.closest(`${typed}input, textarea, select, dialog`) !== null)
        return;
      const row = rowOfKey(rows, event);
      if (row === undefined) return;
      event.preventDefault();
      act(row);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [rows, act]);
}
