/** Labels turned round, for what must not depend on the order of candidates. */
import type { Label } from "../../src/method/labels/label.ts";

/** The label of the same pair with its candidates in the other order. */
export function mirrorLabel(label: Label): Label {
  const preferred = label.preferred === "a" ? "b" : label.preferred === "b" ? "a" : label.preferred;
  return {
    ...label,
    preferred,
    scoreA: label.scoreB,
    scoreB: label.scoreA,
    margin: label.margin === 0 ? 0 : -label.margin,
    pA: 1 - label.pA,
  };
}
