/** How far the people agree whose labels a run learns from and is measured by: with each other, or, where they are simulated, with gold. */
import type { PeopleAgreement } from "../../method/data/people-agreement.ts";
import type { SimulatedPeople } from "../../method/split/world.ts";
import type { ReportTable } from "../../report/data.ts";

/** A table of each two people, where several judged the same pairs; none elsewhere. */
export function peopleTables(agreement: PeopleAgreement | null | undefined): ReportTable[] {
  if (agreement === null || agreement === undefined) return [];
  const { people, pairs, alpha, judged, units, majority, resamples } = agreement;
  return [
    {
      title: "People's agreement with each other",
      columns: [
        { title: "people", format: "text" },
        { title: "same answer", format: "percent" },
        { title: "chance-corrected" },
        { title: "measure", format: "text" },
        { title: "pairs", format: "count" },
      ],
      rows: [
        ...pairs.map(({ raters: [a, b], agreement: raw, kappa, items }) => [
          `${people[a]} and ${people[b]}`,
          raw,
          kappa,
          "Cohen's kappa",
          items,
        ]),
        [
          people.length === 2 ? "both" : `all ${people.length}`,
          null,
          alpha,
          "Krippendorff's alpha, nominal",
          judged,
        ],
      ],
      notes: [
        `Labels are what more than half of those who answered said: ${majority.first} pairs for the first response, ${majority.second} for the second, ${majority.tie} ties; ${majority.none} have no such answer and no label.`,
        `Over all pairs of the sources, ties included; n counts units (${units} prompts, or groups of them), resampled ${resamples} times (percentile bootstrap).`,
      ],
    },
  ];
}

/** How the people of a made-up world see gold; nothing where people are real. */
export function simulatedTables(people: SimulatedPeople | undefined): ReportTable[] {
  if (people === undefined) return [];
  const { tau, pairs, expected, drawn } = people;
  return [
    {
      title: "Simulated people",
      columns: [
        { title: "tau, in units of gold", digits: 4 },
        { title: "pairs with unequal gold", format: "count" },
        { title: "side with gold: expected", format: "percent" },
        { title: "drawn", format: "percent" },
      ],
      rows: [[tau, pairs, expected, drawn]],
      notes: [
        "P(a preferred) = σ((gold a − gold b) / tau), one draw for each pair of the whole world. Expected: the mean of σ(|gap| / tau) over pairs with unequal gold.",
      ],
    },
  ];
}
