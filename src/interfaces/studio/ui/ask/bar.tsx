/** The answers as buttons, each with its key. */
import { KEYS, type KeyRow, keyName } from "../../keys.ts";
import type { AskStore } from "./store.ts";

const byName = (name: string) => KEYS.find((row) => row.name === name)!;
const ANSWERS = ["much-left", "left", "tie", "right", "much-right"].map(byName);
const OTHERS = ["both-bad", "skip", "flag", "note", "undo", "guidelines", "help"].map(byName);
const SHORT: Readonly<Record<string, string>> = {
  "much-left": "much better",
  left: "left",
  tie: "tie",
  right: "right",
  "much-right": "much better",
  "both-bad": "both bad",
  flag: "flag",
  note: "note",
};

/** The bar at the foot of the page. */
export function AnswerBar({ store, act }: { readonly store: AskStore; readonly act: (row: KeyRow) => void }) {
  const isOff = store.stopped.value !== "";
  const noPair = store.pair.value === undefined;
  const isDisabled = ({ action }: KeyRow) => {
    if (action.kind === "help" || action.kind === "guidelines") return false;
    if (action.kind === "undo") return isOff || (store.progress.value?.history.length ?? 0) === 0;
    return isOff || noPair;
  };
  const button = (row: KeyRow) => (
    <button
      type="button"
      key={row.name}
      class={`key ${row.name}`}
      disabled={isDisabled(row)}
      title={row.meaning}
      onClick={() => act(row)}
    >
      <kbd>{keyName(row.keys[0]!)}</kbd> {SHORT[row.name] ?? row.meaning}
    </button>
  );
  return (
    <div class="bar" role="toolbar" aria-label="Answers">
      {!store.finished.value && <div class="answers">{ANSWERS.map(button)}</div>}
      <div class="others">{OTHERS.map(button)}</div>
    </div>
  );
}
