/** Teachers that learnt from less than clean pairs: poisoned labels, an uneven mix of domains, another domain. */

import { SHARE_DIFFERENCE } from "../../../base/stats/bootstrap.ts";
import type { Interval } from "../../../base/stats/check.ts";
import { agreementRate } from "../../../method/evaluate/label-analysis/agreement-rate.ts";
import { meanByPrompt } from "../../../method/evaluate/label-analysis/judged-pair.ts";
import { domainsOf } from "../../../method/split/labelled-part.ts";
import type { Cell as TableCell } from "../../../report/data.ts";
import { formatInterval } from "../../../report/format.ts";
import { judgedPairs } from "../../results/regime.ts";
import { SFT, WEAK, WEIGHTED } from "../arms.ts";
import { isSmall, type StudyContext } from "../context.ts";
import { type GridRow, gridContent } from "../grid.ts";
import { type Compared, compareAll, differenceTable, goldReward, type Intervals } from "../measures.ts";
import { type ArmOutcome, type CellOutcome, intervalsOf } from "../outcomes.ts";
import { everySeed } from "../over-seeds.ts";
import type { StudyDefinition } from "../study.ts";

const poisons = (context: StudyContext) => (isSmall(context) ? [0, 0.1, 0.2] : [0, 0.05, 0.1, 0.15, 0.2]);

/** GRA % of CW and WS (C Table 25), disagreement % of their teachers (C Fig. 8). */
const PAPER_POISON: Readonly<Record<number, readonly (number | null)[]>> = {
  0: [null, null, 51, 48.5],
  0.05: [69.3, 70.1, 53, 48],
  0.1: [67.1, 66.0, 55, 52],
  0.15: [65.7, 64.7, 57, 58],
  0.2: [65.1, 62.2, 63, 64],
};

/** C Table 25, Fig. 8. */
export const poisoning: StudyDefinition = {
  name: "poisoning",
  title: "Poisoned labels",
  question:
    "What does a teacher do to students when some of its labels were turned round on purpose, and does weighting help?",
  paperItem: "CW-PO Table 25, Fig. 8",
  paper: "cwpo-2026",
  cells: (context) =>
    poisons(context).map((poison) => ({
      id: String(poison),
      settings: poison === 0 ? {} : { "labelled.poison": poison },
      arms: [...(poison === 0 ? [SFT] : []), WEAK, WEIGHTED],
    })),
  report: ({ context, cell }) => {
    const base = cell("0");
    const intervals = intervalsOf(base, "poisoning");
    const rows = poisons(context).map((poison): GridRow => {
      const outcome = cell(String(poison));
      const rate = agreementRate(judgedPairs(outcome), { ...intervals, rng: intervals.rng.fork(poison) });
      return {
        label: `${100 * poison} %`,
        arms: { weak: outcome.arms.get("weak")!, "weak, weighted": outcome.arms.get("weak-cw")! },
        more: [rate === null ? null : complement(rate)],
        paper: [...PAPER_POISON[poison]!],
      };
    });
    return gridContent(
      {
        title: "Students by share of poisoned labels",
        axis: "poisoned",
        columns: ["weak", "weak, weighted"],
        rows,
        more: [{ title: "labels of the pool that are not the person's", format: "percent" }],
        paper: ["weighted, GRA %", "weak, GRA %", "disagreement of CW's teacher, %", "of WS's, %"],
        compare: [["weak, weighted", "weak"]],
        compareRows: rows.slice(-1).map(({ label }) => ["0 %", label] as const),
        baseline: () => base.arms.get("sft"),
        paperItem: "CW-PO Table 25, Fig. 8",
        notes: [
          "GRA is against the SFT student on the labels of the teacher that was not poisoned, the same in all rows.",
          "A larger share turns the same labels round and more. The pairs kept to calibrate on are clean.",
        ],
      },
      intervals,
    );
  },
};

const complement = ({ estimate, low, high, n }: Interval): Interval =>
  ({ estimate: 1 - estimate, low: 1 - high, high: 1 - low, n }) as Interval;

/** Domains and how they are told apart: the recipe's own mix, else short and long prompts. */
function domains({ recipe }: StudyContext): { by: string; names: readonly [string, string] } {
  const [first, second] = Object.keys(recipe.labelled.mix ?? {});
  return first !== undefined && second !== undefined
    ? { by: recipe.labelled.by!, names: [first, second] }
    : { by: "prompt-length", names: ["short", "long"] };
}

const domainNote = ({ recipe }: StudyContext) =>
  recipe.labelled.mix === undefined
    ? "Domains are short and long prompts, parted at the median: they stand in for domains of real data, where --set labelled.by=subset with a mix names them."
    : "Domains are the data's column subset.";

const mixOf = (context: StudyContext, first: number, size: number) => {
  const { by, names } = domains(context);
  return {
    "labelled.by": by,
    "labelled.mix": { [names[0]]: first, [names[1]]: (100 - 100 * first) / 100 },
    "labelled.size": size,
  };
};

const MIXES = [0.5, 0.8, 0.2] as const;
/** GRA % on harmless and helpful (C Table 24): CW, WS, CW, WS. */
const PAPER_MIX: Readonly<Record<number, readonly number[]>> = {
  0.5: [60.5, 57.1, 63.6, 58.9],
  0.8: [61.6, 59.3, 60.5, 54.8],
  0.2: [56.1, 52.2, 67.1, 62.4],
};

/** Tells the domain of a prompt by what the teacher could learn from in the whole. */
const domainIn = (outcome: CellOutcome, by: string) =>
  domainsOf(outcome.taught, by === "subset" ? "subset" : "prompt-length");

/** The records of one domain; a domain of subsets is looked up by the test pairs' prompts. */
function within(arm: ArmOutcome, outcome: CellOutcome, context: StudyContext, domain: string): ArmOutcome {
  const { by } = domains(context);
  const domainOf = domainIn(outcome, by);
  const subsets = new Map(outcome.test.map((row) => [JSON.stringify(row.prompt), domainOf(row)]));
  return everySeed(arm, (one) => ({
    ...one,
    records: one.records.filter(
      ({ prompt }) => (subsets.get(JSON.stringify(prompt)) ?? domainOf({ prompt })) === domain,
    ),
  }));
}

/** C Table 24. */
export const imbalance: StudyDefinition = {
  name: "imbalance",
  title: "An uneven mix of domains",
  question: "What happens on a domain that the teacher saw little of?",
  paperItem: "CW-PO Table 24",
  paper: "cwpo-2026",
  cells: (context) => [
    { id: "base", settings: {}, arms: [SFT] },
    ...MIXES.map((first) => ({
      id: String(first),
      settings: mixOf(context, first, 0.5),
      arms: [WEAK, WEIGHTED],
    })),
  ],
  report: ({ context, cell }) => {
    const { names } = domains(context);
    const base = cell("base");
    const rows = MIXES.map((first): GridRow => {
      const { arms } = cell(String(first));
      const column = (name: string, arm: string, domain: string) =>
        [name, within(arms.get(arm)!, base, context, domain)] as const;
      return {
        label: `${100 * first} % ${names[0]}, ${Math.round(100 * (1 - first))} % ${names[1]}`,
        arms: Object.fromEntries(
          names.flatMap((domain) => [
            column(`weighted, on ${domain}`, "weak-cw", domain),
            column(`weak, on ${domain}`, "weak", domain),
          ]),
        ),
        paper: [...PAPER_MIX[first]!],
      };
    });
    return gridContent(
      {
        title: "Students by mix",
        axis: "labelled pairs",
        columns: names.flatMap((domain) => [`weighted, on ${domain}`, `weak, on ${domain}`]),
        rows,
        paper: ["harmless CW, GRA %", "harmless WS", "helpful CW", "helpful WS"],
        compare: [],
        compareRows: [[rows[1]!.label, rows[2]!.label]],
        baseline: () => base.arms.get("sft"),
        paperItem: "CW-PO Table 24",
        notes: [
          domainNote(context),
          "All mixes have the same number of pairs. GRA is against the SFT student of the whole, on the prompts of the domain.",
        ],
      },
      intervalsOf(base, "imbalance"),
    );
  },
};

/** By rule: on which domains the teacher of the domain is better than the other, and on which it is not shown. */
function ownInWords(names: readonly string[], owns: readonly (Interval | null)[]): string {
  const said = names.map((name, i) => {
    const gap = owns[i];
    if (gap == null) return `on ${name} nothing can be compared`;
    const how = gap.low > 0 ? "better" : gap.high < 0 ? "worse" : "not shown to be better";
    return `on ${name} ${how} (${formatInterval(gap, { format: "percent", signed: true })}, n = ${gap.n} prompts)`;
  });
  return `Of these two teachers, one training run each, labels of the domain's own against the other's: ${said.join("; ")}.`;
}

/** Reviewers of WDPO. */
export const domainTransfer: StudyDefinition = {
  name: "domain-transfer",
  title: "From one domain to another",
  question: "Does a teacher that learnt from one domain label another?",
  paperItem: "asked for by reviewers of WDPO",
  paper: "tao-li-2025",
  cells: (context) => [
    { id: "base", settings: {}, arms: [] },
    { id: "first", settings: mixOf(context, 1, 0.4), arms: [WEAK] },
    { id: "second", settings: mixOf(context, 0, 0.4), arms: [WEAK] },
    { id: "mixed", settings: mixOf(context, 0.5, 0.4), arms: [WEAK] },
  ],
  report: ({ context, cell }) => {
    const { by, names } = domains(context);
    const base = cell("base");
    const intervals = intervalsOf(base, "domain-transfer");
    const domainOf = domainIn(base, by);
    const learnt = [
      ["first", names[0]],
      ["second", names[1]],
      ["mixed", "both, half each"],
    ] as const;
    const accuracy = (id: string, domain: string) => {
      const outcome = cell(id);
      const pairs = judgedPairs(outcome).filter((pair) => domainOf(outcome.pool.get(pair.id)!) === domain);
      return agreementRate(pairs, { ...intervals, rng: intervals.rng.fork(id, domain) });
    };
    const reward = (id: string, domain: string, how: Intervals) =>
      goldReward(within(cell(id).arms.get("weak")!, base, context, domain), {
        ...how,
        rng: how.rng.fork(id, domain),
      });
    const owns = names.map((domain, i) => ownAboveOther(i, domain));
    function ownAboveOther(own: number, domain: string) {
      const [first, second] = ["first", "second"].map(
        (id) => new Map(judgedPairs(cell(id)).map((pair) => [pair.id, pair])),
      );
      const [mine, theirs] = own === 0 ? [first!, second!] : [second!, first!];
      const both = [...mine.values()].filter(
        ({ id }) => theirs.has(id) && domainOf(cell("first").pool.get(id)!) === domain,
      );
      const right = (pair: { weak: string; human: string }) => Number(pair.weak === pair.human);
      return meanByPrompt(both, (pair) => right(pair) - right(theirs.get(pair.id)!), `own-${domain}`, {
        ...intervals,
        range: SHARE_DIFFERENCE,
      });
    }
    const students = compareAll(
      names.map((domain, i): Compared => {
        const [own, other] = i === 0 ? ["first", "second"] : ["second", "first"];
        const of = (id: string) => within(cell(id).arms.get("weak")!, base, context, domain);
        return {
          a: of(own!),
          b: of(other!),
          names: [`on ${domain}: teacher of this domain`, "teacher of the other"],
        };
      }),
      intervals,
    );
    const matrix = (
      title: string,
      figure: (id: string, domain: string) => Interval | null,
      format?: "percent",
    ) => ({
      title,
      columns: [
        { title: "learnt from", format: "text" as const },
        ...names.map((name) => ({ title: `on ${name}`, ...(format ? { format } : {}) })),
      ],
      rows: learnt.map(([id, name]): TableCell[] => [name, ...names.map((domain) => figure(id, domain))]),
    });
    return {
      finding: ownInWords(names, owns),
      tables: [
        matrix("Labels that are the person's", accuracy, "percent"),
        {
          title: "Labels: the teacher of a domain minus the teacher of the other, on the domain's pairs",
          columns: [
            { title: "on", format: "text" },
            { title: "difference in labels that are the person's", format: "percent", signed: true },
          ],
          rows: names.map((domain, i): TableCell[] => [domain, owns[i]!]),
        },
        matrix("Gold reward of the student", (id, domain) => reward(id, domain, intervals)),
        ...(students.length === 0 ? [] : [differenceTable(students, "Students: the same comparison")]),
      ],
      notes: [
        domainNote(context),
        "All three teachers learnt from the same number of pairs; the pool is the same.",
      ],
    };
  },
};
