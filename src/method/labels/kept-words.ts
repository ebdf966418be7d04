/** What a selection kept, in words: the same in `label`, `combine`, `ask`, a run's report and its errors. */
import { AlignError } from "../../base/core/errors.ts";
import type { LabelCounts } from "./plan-labels.ts";
import type { PromisedSelection } from "./promise.ts";

type Kept = { readonly counts: LabelCounts; readonly promise: PromisedSelection | null };

const percent = (share: number) => `${Number((100 * share).toFixed(2))} %`;

/** What was promised and what was kept; why nothing is, where nothing is. */
export function promiseInWords({
  kept,
  selectable,
  threshold,
  heldOut: { n, disagreements },
  maxDisagreement,
  level,
  reason,
}: PromisedSelection): string {
  const asked = `asked: people disagree with at most ${percent(maxDisagreement)} of the labels, at ${percent(level)} confidence`;
  if (threshold === null) return `nothing can be promised (${asked}): ${reason}`;
  return (
    `${kept.length} of ${selectable} labels kept, those of |margin| from ${Number(threshold.toPrecision(4))} on: promised as ${asked}; ` +
    `of ${n} held-out pairs like them, one of each prompt, people disagree with ${disagreements} (${percent(disagreements / n)})`
  );
}

/** Why there is no label to train on though the teacher decided some; undefined where one is kept, or no rule left any out. */
export function nothingKept({ counts: { a, b, unselected }, promise }: Kept): string | undefined {
  if (a + b > 0 || unselected === 0) return undefined;
  return promise !== null && promise.threshold === null
    ? promiseInWords(promise)
    : `no label is kept of ${unselected}: the rule leaves out all. Keep more.`;
}

/** @param who - what wanted to train on the labels @throws AlignError ("nothing-kept", exit code 1) where the selection left none */
export function checkKept(who: string, labels: Kept): void {
  const problem = nothingKept(labels);
  if (problem !== undefined) throw new AlignError("nothing-kept", `${who}: ${problem}`);
}
