/**
 * The keys of the answering page, once: the handlers, the buttons, the help, the documentation and the test are made of this table. No Node
 * module here: the page is built from it.
 */

/** What a key does. */
export type KeyAction =
  | {
      readonly kind: "answer";
      readonly choice: "left" | "right" | "tie" | "skip";
      readonly strength?: 1 | 2;
      readonly bothBad?: true;
    }
  | { readonly kind: "flag" | "note" | "undo" | "guidelines" | "help" };

/** A row of the table: `keys` as `KeyboardEvent.key` has them, with `Shift+` in front where it is held. */
export type KeyRow<Action = KeyAction> = {
  readonly name: string;
  readonly keys: readonly string[];
  readonly meaning: string;
  readonly action: Action;
};

/** All keys, in the order of the help. */
export const KEYS: readonly KeyRow[] = [
  {
    name: "left",
    keys: ["ArrowLeft", "1"],
    meaning: "left is better",
    action: { kind: "answer", choice: "left", strength: 1 },
  },
  {
    name: "right",
    keys: ["ArrowRight", "2"],
    meaning: "right is better",
    action: { kind: "answer", choice: "right", strength: 1 },
  },
  {
    name: "much-left",
    keys: ["Shift+ArrowLeft"],
    meaning: "left is much better",
    action: { kind: "answer", choice: "left", strength: 2 },
  },
  {
    name: "much-right",
    keys: ["Shift+ArrowRight"],
    meaning: "right is much better",
    action: { kind: "answer", choice: "right", strength: 2 },
  },
  { name: "tie", keys: ["ArrowDown", "0"], meaning: "tie", action: { kind: "answer", choice: "tie" } },
  {
    name: "both-bad",
    keys: ["b"],
    meaning: "both bad (a tie)",
    action: { kind: "answer", choice: "tie", bothBad: true },
  },
  { name: "skip", keys: ["s"], meaning: "skip", action: { kind: "answer", choice: "skip" } },
  { name: "flag", keys: ["f"], meaning: "flag the pair, or take the flag off", action: { kind: "flag" } },
  { name: "note", keys: ["n"], meaning: "write a note", action: { kind: "note" } },
  { name: "undo", keys: ["u", "Backspace"], meaning: "undo", action: { kind: "undo" } },
  { name: "guidelines", keys: ["g"], meaning: "guidelines", action: { kind: "guidelines" } },
  { name: "help", keys: ["?"], meaning: "keys", action: { kind: "help" } },
];

/** A key as people read it. */
export const keyName = (key: string): string =>
  key
    .replace("ArrowLeft", "←")
    .replace("ArrowRight", "→")
    .replace("ArrowDown", "↓")
    .replace("Shift+", "Shift ");

/** What a keyboard event is called in the table. `?` needs Shift on most keyboards and is itself. */
export const keyOf = ({ key, shiftKey }: { readonly key: string; readonly shiftKey: boolean }): string =>
  key.length === 1 ? key.toLowerCase() : `${shiftKey ? "Shift+" : ""}${key}`;

/** The row of a key in a page's table; undefined for any other. */
export const rowOfKey = <Action>(
  rows: readonly KeyRow<Action>[],
  event: { readonly key: string; readonly shiftKey: boolean },
): KeyRow<Action> | undefined => rows.find(({ keys }) => keys.includes(keyOf(event)));

/** For so long after a pair appears its answer keys sleep, ms: a key meant for the last pair must not answer this one. */
export const SLEEP_MS = 250;
