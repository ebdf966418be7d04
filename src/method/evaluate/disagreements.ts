/** The pairs that a report prints in full: where teacher and people differ, the teacher's surest first. */
import type { HumanLabel } from "../data/rows.ts";
import { isDecided, type Label } from "../labels/label.ts";

/** Examples of disagreement in a report. */
const EXAMPLES = 12;

/** The labels of these pairs; ties of either side are none. */
export function surestDisagreements(labels: readonly Label[], human: readonly HumanLabel[]): Label[] {
  const humanById = new Map(human.map(({ id, preferred }) => [id, preferred]));
  const differ = labels.filter((label) => {
    const person = humanById.get(label.id);
    return isDecided(label) && (person === "a" || person === "b") && person !== label.preferred;
  });
  return differ.sort((x, y) => y.pChosen! - x.pChosen! || (x.id < y.id ? -1 : 1)).slice(0, EXAMPLES);
}
