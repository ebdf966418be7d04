import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { labelFromScores } from "../../method/labels/label.ts";
import type { CellOutcome } from "./outcomes.ts";
import { overSeeds } from "./over-seeds.ts";
import { regimeOfCell, regimeTable } from "./regime.ts";

const intervals = { rng: createRng(1), resamples: 200 };

/** A cell whose four pairs gold prefers a of; `weak` and `human` are what teacher and people prefer. A fifth has equal gold. */
function cellOf(prefix: string, weak: string, human: string): CellOutcome {
  const ids = [0, 1, 2, 3, 4].map((i) => `${prefix}${i}`);
  return {
    labels: ids.map((id, i) =>
      labelFromScores({ id, scoreA: weak[i] === "a" ? 1 : 0, scoreB: 0.5, teacher: "t" }),
    ),
    human: ids.map((id, i) => ({ id, preferred: human[i] as "a" | "b" })),
    gold: ids.map((id, i) => ({ id, goldA: i === 4 ? 0 : 1, goldB: 0 })),
    pool: new Map(ids.map((id) => [id, { id, prompt: id, a: "x", b: "y" }])),
    arms: new Map(),
    teacher: undefined,
  } as unknown as CellOutcome;
}

const first = cellOf("s", "aabbb", "aaaba");
const second = cellOf("t", "aaaaa", "abbba");

test("over seeds the numbers are means of the seeds' own, and n counts seeds", () => {
  const numbers = regimeOfCell(overSeeds([first, second]), intervals);
  // People 3/4 and 1/4; teacher with people 3/4 and 1/4; of the disputed 0 of 1 and 3 of 3; teacher 2/4 and 4/4.
  const means = { peopleGold: 0.5, teacherPeople: 0.5, goldWithTeacher: 0.5, teacherGold: 0.75, gap: -0.25 };
  for (const [name, estimate] of Object.entries(means))
    expect(numbers[name as keyof typeof means], name).toMatchObject({ estimate, n: 2 });
  // Student's half-width is 12.706205 √(0.125 / 2) = 3.2 and 3.6, more than a share and a difference of two can be.
  expect(numbers.peopleGold).toMatchObject({ low: 0, high: 1 });
  expect(numbers.gap).toMatchObject({ low: -1, high: 1 });
});

test("of one seed n counts prompts, and its column stands beside the paper's", () => {
  expect(regimeOfCell(first, intervals)).toMatchObject({
    peopleGold: { estimate: 0.75, n: 4 },
    gap: { estimate: 0.25 },
  });
  const { columns, rows } = regimeTable([{ name: "here", outcome: first }], intervals);
  expect(columns.map(({ source }) => source)).toEqual([undefined, undefined, "paper", "paper"]);
  expect(rows[2]).toMatchObject([
    "gold sides with the teacher where teacher and people differ",
    { estimate: 0, n: 1 },
    44.3,
    "section 4",
  ]);
});
