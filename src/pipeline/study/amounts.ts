/** How much the students of a study learned from, cell by cell, and sentences where they differ within a cell. */
import type { ReportTable } from "../../report/data.ts";
import { amountTable, type LearnedArm, pairsOf, range, shortArms } from "../job/report-amounts.ts";
import type { ArmOutcome, CellOutcome } from "./outcomes.ts";

/** A cell's students. */
type CellAmounts = { readonly id: string; readonly arms: readonly LearnedArm[] };

/**
 * A table and sentences; empty where no student was trained.
 * @param cells - each with the names of its own students: equal cells are one run and have those of all
 */
export function studyAmounts(
  study: string,
  cells: readonly (Pick<CellOutcome, "arms"> & { readonly id: string; readonly names: readonly string[] })[],
): { readonly tables: readonly ReportTable[]; readonly headline: readonly string[] } {
  const amounts = cells.map(
    ({ id, names, arms }): CellAmounts => ({
      id,
      arms: learnedIn(names.flatMap((name) => arms.get(name) ?? [])),
    }),
  );
  const rows = amounts.flatMap(({ id, arms }) => arms.map((arm) => ({ ...arm, at: id })));
  if (rows.length === 0) return { tables: [], headline: [] };
  return { tables: [amountTable(rows, [], "cell")], headline: sentences(study, amounts) };
}

const learnedIn = (arms: readonly ArmOutcome[]): LearnedArm[] =>
  arms.flatMap(({ name, learned: first, replicates }) => {
    const learned = (replicates ?? [{ learned: first }]).flatMap(({ learned: one }) => one ?? []);
    return learned.length === 0 ? [] : [{ name, learned }];
  });

/** One for each arm that had fewer pairs than another of its cell. */
function sentences(study: string, amounts: readonly CellAmounts[]): string[] {
  const found = amounts.map(({ id, arms }) => ({ id, ...shortArms(arms) }));
  const names = new Set(found.flatMap(({ short }) => short.map(({ name }) => name)));
  return [...names].map((name) => {
    const at = found.filter(({ short }) => short.some((arm) => arm.name === name));
    const own = at.flatMap(({ short }) => pairsOf(short.find((arm) => arm.name === name)!));
    const others = at.flatMap(({ whole }) => whole.flatMap(pairsOf));
    const against = others.length === 0 ? "" : `, others of the same cell from ${range(others)}`;
    return `Amount (study ${study}): ${name} learned from ${range(own)} pairs in ${at.length === 1 ? `cell ${at[0]!.id}` : `${at.length} of ${amounts.length} cells`}${against}. A difference between them is one of amount, too.`;
  });
}
