/** The keys of the audit's page, once: handlers, buttons, help, documentation and test are made of this table. No Node module here. */
import type { KeyRow } from "../keys.ts";
import type { Decision } from "./protocol.ts";

/** What a key does. A judgement is made before the label is shown, a decision after; `as-judged` decides what the judgement says. */
export type AuditAction =
  | { readonly kind: "judge"; readonly choice: "left" | "right" | "tie" }
  | { readonly kind: "decide"; readonly decision: Decision }
  | { readonly kind: "as-judged" | "undo" | "found" | "help" };

/** All keys, in the order of the help. */
export const AUDIT_KEYS: readonly KeyRow<AuditAction>[] = [
  {
    name: "left",
    keys: ["ArrowLeft", "1"],
    meaning: "left is better",
    action: { kind: "judge", choice: "left" },
  },
  {
    name: "right",
    keys: ["ArrowRight", "2"],
    meaning: "right is better",
    action: { kind: "judge", choice: "right" },
  },
  { name: "even", keys: ["ArrowDown", "0"], meaning: "neither is", action: { kind: "judge", choice: "tie" } },
  { name: "keep", keys: ["k"], meaning: "keep the label", action: { kind: "decide", decision: "keep" } },
  { name: "flip", keys: ["f"], meaning: "flip the label", action: { kind: "decide", decision: "flip" } },
  { name: "tie", keys: ["t"], meaning: "make it a tie", action: { kind: "decide", decision: "tie" } },
  { name: "drop", keys: ["d"], meaning: "drop the pair", action: { kind: "decide", decision: "drop" } },
  {
    name: "as-judged",
    keys: ["Enter"],
    meaning: "as you judged: keep, flip or tie",
    action: { kind: "as-judged" },
  },
  { name: "undo", keys: ["u", "Backspace"], meaning: "undo", action: { kind: "undo" } },
  { name: "found", keys: ["p"], meaning: "what was found, and files", action: { kind: "found" } },
  { name: "help", keys: ["?"], meaning: "keys", action: { kind: "help" } },
];

/** What a judgement says of a label. */
export const decisionOf = (judged: "left" | "right" | "tie", label: "left" | "right"): Decision =>
  judged === "tie" ? "tie" : judged === label ? "keep" : "flip";
