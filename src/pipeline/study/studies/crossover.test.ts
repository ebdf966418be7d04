import { beforeAll, expect, test } from "vitest";
import { knowledgeOf } from "../../../method/evaluate/plan/agreement-model.ts";
import { labelFromScores } from "../../../method/labels/label.ts";
import type { ReportTable } from "../../../report/data.ts";
import { type StudyContext, studyContext } from "../context.ts";
import type { CellOutcome } from "../outcomes.ts";
import { crossover } from "./crossover.ts";

let context: StudyContext;
beforeAll(async () => {
  const request = { scale: "small" as const, out: "runs/x", set: [], weak: [], student: [], judge: [] };
  context = await studyContext(request, "tao-li-2025");
});

const PAIRS = 20;
/** Pairs on which the teacher says what people say: by place of the teacher. */
const ALIKE = [14, 13, 12, 11];

/** People of this accuracy on pairs of gap 1; the weak student's reward is -2 · gap everywhere, the human one's 0. */
function cellOf(people: number, alike: number): { outcome: CellOutcome; gap: number } {
  const ids = Array.from({ length: PAIRS }, (_, i) => `p${i}`);
  const { gap } = knowledgeOf({
    people: people ** 2 + (1 - people) ** 2,
    teacher: alike / PAIRS,
  })!;
  const arm = (name: string, reward: number) => ({
    name,
    records: ids.map((id, i) => ({
      ...{ promptId: id, sample: 0, prompt: id, response: "r", gold: { g: reward + (i % 3) }, tokens: 1 },
      ...{ finish: "eos", promptTruncated: false, logp: 0, sftLogp: null },
    })),
  });
  const outcome = {
    job: { seed: 1, evaluation: { resamples: 100 } },
    labels: ids.map((id, i) => labelFromScores({ id, scoreA: i < alike ? 1 : 0, scoreB: 0.5, teacher: "t" })),
    human: ids.map((id) => ({ id, preferred: "a" })),
    gold: ids.map((id) => ({ id, goldA: 1, goldB: 0 })),
    simulated: { tau: 1 / Math.log(people / (1 - people)), pairs: PAIRS, expected: people, drawn: 1 },
    pool: new Map(ids.map((id) => [id, { id, prompt: id, a: "x", b: "y" }])),
    arms: new Map([arm("weak", -2 * gap), arm("human", 0), arm("sft", -3)].map((one) => [one.name, one])),
  } as unknown as CellOutcome;
  return { outcome, gap };
}

test("what is a straight line of the gap by agreements is forecast exactly, on people that it was not fitted on", () => {
  const people = [0.6, 0.65, 0.71, 0.8, 0.9];
  const ids = crossover.cells(context).map(({ id }) => id);
  expect(ids).toHaveLength(20);
  const cells = new Map(ids.map((id, i) => [id, cellOf(people[Math.floor(i / 4)]!, ALIKE[i % 4]!)]));
  const { tables, finding } = crossover.report({ context, cell: (id) => cells.get(id)!.outcome });
  const table: ReportTable = tables![1]!;
  table.rows.forEach(([id, , , two, teacher, gap, difference, forecast], i) => {
    const q = people[Math.floor(i / 4)]!;
    expect(two).toBeCloseTo(q ** 2 + (1 - q) ** 2, 12);
    expect(teacher).toBe(ALIKE[i % 4]! / PAIRS);
    expect(gap).toBeCloseTo(cells.get(String(id))!.gap, 12);
    expect(forecast).toBeCloseTo((difference as { estimate: number }).estimate, 10);
  });
  expect(finding).toContain("miss weak − human by 0.000 on average");
  // Two people agree on .520, .545, .588, .680 and .820: 4, 4, 3, 1 and 0 of the teachers (.70, .65, .60, .55) are ahead.
  expect(finding).toContain("at least as much as two of them with each other (12 cells), it is worse in 0.");
});
