/** What students write: how alike their answers are (A7), and pairs to read (A8). */

import { bootstrap, bootstrapMean } from "../../../base/stats/bootstrap.ts";
import type { Interval } from "../../../base/stats/check.ts";
import { mean } from "../../../base/stats/describe.ts";
import { linearFit } from "../../../base/stats/linear-fit.ts";
import { plainText, promptId } from "../../../method/data/rows.ts";
import { cosine, textVectors } from "../../../method/evaluate/text-similarity.ts";
import { formatInterval } from "../../../report/format.ts";
import { judgedPairs } from "../../results/regime.ts";
import { HUMAN, WEAK } from "../arms.ts";
import { type ArmOutcome, type CellOutcome, intervalsOf } from "../outcomes.ts";
import type { StudyDefinition } from "../study.ts";
import { votesOf } from "./judges.ts";
import { goldOfPool } from "./label-quality.ts";

/** By prompt: mean cosine of an arm's answers to the response that people preferred. */
function similarities({ test, arms, teacher }: CellOutcome): {
  prompts: string[];
  of: (name: string) => number[];
} {
  const chosen = new Map(test.map((row) => [promptId(row.prompt), plainText(row.chosen)]));
  const all = new Map<string, ArmOutcome>([...arms, ["teacher", teacher!]]);
  const records = [...all.values()]
    .flatMap(({ name, records: list }) => list.map((record) => ({ name, record })))
    .filter(({ record }) => chosen.has(record.promptId));
  const texts = [...records.map(({ record }) => record.response), ...chosen.values()];
  const vectors = textVectors(texts);
  const target = new Map([...chosen.keys()].map((id, i) => [id, vectors[records.length + i]!]));
  const values = new Map<string, number[]>();
  records.forEach(({ name, record: { promptId: id } }, i) => {
    const key = JSON.stringify([name, id]);
    values.set(key, [...(values.get(key) ?? []), cosine(vectors[i]!, target.get(id)!)]);
  });
  const prompts = [...chosen.keys()].filter((id) =>
    [...all.values()].every(({ name }) => values.has(JSON.stringify([name, id]))),
  );
  return { prompts, of: (name) => prompts.map((id) => mean(values.get(JSON.stringify([name, id]))!)) };
}

/** R² of column y on column x of the points; null without spread. */
const explained = (points: readonly (readonly number[])[], x: number, y: number): number | null =>
  linearFit(
    points.map((point) => point[x]!),
    points.map((point) => point[y]!),
  )?.r2 ?? null;

function likenessInWords(gap: Interval | null): string {
  if (gap === null) return "Answers do not vary enough to tell.";
  const size = `difference of R² ${formatInterval(gap, { signed: true })}, n = ${gap.n} prompts`;
  if (gap.low <= 0 && gap.high >= 0)
    return `Not shown whether the student on weak labels goes with the student on human labels more than with its teacher: ${size}.`;
  const nearer = gap.low > 0 ? "the student on human labels" : "its teacher";
  return `By this measure the student on weak labels goes with ${nearer} more: ${size}.`;
}

/** W Fig. 6. */
export const similarity: StudyDefinition = {
  name: "similarity",
  title: "A7: whom does the student on weak labels resemble?",
  question: "Are its answers more like those of the student on human labels, or like its teacher's?",
  paperItem: "WDPO Fig. 6 (R² .58 with the student on human labels, .49 with the teacher)",
  paper: "tao-li-2025",
  lacks: ({ recipe }) =>
    recipe.teacher.kind === "reward-head"
      ? "compares with the teacher's own answers, and a reward head has none: choose another teacher.kind"
      : undefined,
  cells: () => [{ id: "base", settings: {}, arms: [WEAK, HUMAN], teacherAnswers: true }],
  report: ({ cell }) => {
    const outcome = cell("base");
    const { rng, resamples } = intervalsOf(outcome, "similarity");
    const { prompts, of } = similarities(outcome);
    const [weak, human, teacher] = ["weak", "human", outcome.teacher!.name].map(of);
    const r2 = (x: number[], name: string) =>
      bootstrap(
        x.map((value, i) => [value, weak![i]!]),
        (sample) => explained(sample, 0, 1),
        { rng: rng.fork(name), resamples },
      );
    const gap = bootstrap(
      weak!.map((value, i) => [human![i]!, teacher![i]!, value]),
      (sample) => {
        const [byHuman, byTeacher] = [explained(sample, 0, 2), explained(sample, 1, 2)];
        return byHuman === null || byTeacher === null ? null : byHuman - byTeacher;
      },
      { rng: rng.fork("gap"), resamples },
    );
    const series = (name: string, x: number[]) => {
      const fit = linearFit(x, weak!);
      return {
        name,
        points: x.map((value, i) => ({ x: value, y: weak![i]! })),
        ...(fit === null ? {} : { fit }),
      };
    };
    return {
      finding: likenessInWords(gap),
      tables: [
        {
          title: "Likeness to the response that people preferred, prompt by prompt",
          columns: [
            { title: "against the student on weak labels", format: "text" },
            { title: "mean cosine", digits: 3 },
            { title: "R² of a linear fit", digits: 3 },
            { title: "R² there", source: "paper" },
          ],
          rows: [
            [
              "student on human labels",
              bootstrapMean(human!, { rng: rng.fork("human-mean"), resamples }),
              r2(human!, "human"),
              0.5789,
            ],
            [
              "teacher",
              bootstrapMean(teacher!, { rng: rng.fork("teacher-mean"), resamples }),
              r2(teacher!, "teacher"),
              0.4888,
            ],
            ["difference of the two", null, gap, null],
            ["itself", bootstrapMean(weak!, { rng: rng.fork("weak-mean"), resamples }), null, null],
          ],
          paperItem: "WDPO Fig. 6",
        },
      ],
      figures: [
        {
          chart: {
            kind: "scatter",
            title: "Likeness to the preferred response",
            xLabel: "cosine of the other model's answer",
            yLabel: "cosine of the answer of the student on weak labels",
            series: [series("student on human labels", human!), series("teacher", teacher!)],
          },
        },
      ],
      notes: [
        `n = ${prompts.length} prompts. Cosine of tf-idf vectors of words and pairs of words, not of BLEURT's embedding as in the paper: it sees shared words, not shared meaning.`,
        "All arms draw the same random numbers for a prompt, which makes students of one base alike; a teacher with another vocabulary shares fewer of them.",
      ],
    };
  },
};

const EXAMPLES = 12;

/** W Tables 3, 5, 9. */
export const examples: StudyDefinition = {
  name: "examples",
  title: "A8: pairs on which teacher and person differ",
  question: "What do the pairs look like that the teacher gets wrong?",
  paperItem: "WDPO Tables 3, 5, 9 (Tables 3 and 5 there print the same rewards for different texts)",
  paper: "tao-li-2025",
  lacks: goldOfPool,
  cells: () => [{ id: "base", settings: {}, arms: [], poolGold: true }],
  report: ({ cell }) => {
    const outcome = cell("base");
    const pairs = judgedPairs(outcome).filter(({ weak, human }) => weak !== human);
    const asked = outcome.job.data.kind === "world";
    const bySureness = pairs.toSorted(
      (x, y) => Math.abs(y.margin) - Math.abs(x.margin) || (x.id < y.id ? -1 : 1),
    );
    const shown = [
      ...bySureness.slice(0, EXAMPLES / 2),
      ...bySureness.slice(EXAMPLES / 2).slice(-EXAMPLES / 2),
    ];
    return {
      finding:
        pairs.length <= EXAMPLES
          ? `All ${pairs.length} pairs on which they differ, the largest margin first.`
          : `${pairs.length} pairs on which they differ; here the ${EXAMPLES / 2} of largest margin and the ${EXAMPLES / 2} of smallest.`,
      tables: [
        {
          title: "Pairs",
          columns: [
            { title: "prompt", format: "text" },
            { title: "the teacher's choice", format: "text" },
            { title: "the person's choice", format: "text" },
            { title: "margin", digits: 2 },
            { title: "gold of the teacher's", digits: 2 },
            { title: "gold of the person's", digits: 2 },
            ...(asked ? [{ title: "of 10 votes, for the person's", format: "count" as const }] : []),
          ],
          rows: shown.map((pair) => {
            const { prompt, a, b } = outcome.pool.get(pair.id)!;
            const [weak, human] = pair.weak === "a" ? [a, b] : [b, a];
            const [goldWeak, goldHuman] =
              pair.weak === "a" ? [pair.goldA, pair.goldB] : [pair.goldB, pair.goldA];
            const forA = asked ? votesOf(outcome, pair) : 0;
            return [
              plainText(prompt),
              plainText(weak),
              plainText(human),
              Math.abs(pair.margin),
              goldWeak,
              goldHuman,
              ...(asked ? [pair.human === "a" ? forA : 10 - forA] : []),
            ];
          }),
          paperItem: "WDPO Tables 3, 5, 9",
        },
      ],
    };
  },
};
