/** The study of real people, on made-up outcomes whose answer is known. */
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { type Change, studyLab } from "../../../test/helpers/study-outcomes.ts";
import { jobOf } from "../recipe/job.ts";
import { studyContext } from "./context.ts";
import { people } from "./studies/people.ts";
import { variantRecipe, variantsOf } from "./variants.ts";

let lab: Awaited<ReturnType<typeof studyLab>>;
beforeAll(async () => {
  lab = await studyLab();
});

/** Two test pairs a prompt, thirty prompts: the share of prompts on which a student is right, by arm. */
const right: Readonly<Record<string, number>> = { human: 0.9, weak: 0.6, random: 0.5 };
const withMargins: Change = (outcome) => ({
  ...outcome,
  arms: new Map(
    [...outcome.arms].map(([name, arm]) => {
      const margins = Array.from({ length: 60 }, (_, i) => ({
        ...{ id: `t${i}`, promptId: `p${i >> 1}`, likelihood: 0, likelihoodPerToken: 0 },
        implicit: name === "sft" ? 0 : (i >> 1) % 10 < 10 * (right[name] ?? 0) ? 1 : -1,
      }));
      return [name, { ...arm, records: [], margins }];
    }),
  ),
  // The teacher is right where it is sure, and on nothing else.
  labels: outcome.labels.map((label, i) => {
    const said = outcome.human[i]!.preferred as "a" | "b";
    const sure = i % 5 === 0;
    return { ...label, preferred: sure ? said : said === "a" ? "b" : "a", margin: sure ? 9 : 1 };
  }),
});

test("students are compared with people's by test accuracy, each teacher's within one student", () => {
  const { tables, finding } = lab.studyWith(people, () => 0, withMargins);
  const [teachers, students, differences] = tables!;
  expect(teachers!.rows.map((row) => row.slice(0, 5))).toMatchObject(
    ["implicit reward", "implicit reward, length-corrected", "reward head"].map((name) => [
      name,
      { estimate: 0.2 },
      ...[{ estimate: 1 }, { estimate: 1 }, { estimate: 0.4 }],
    ]),
  );
  expect(students!.rows.map((row) => [row[0], row[1], (row[2] as { estimate: number }).estimate])).toEqual([
    ["the recipe's", "weak: implicit reward", 0.6],
    ["the recipe's", "weak: implicit reward, length-corrected", 0.6],
    ["the recipe's", "weak: reward head", 0.6],
    ["the recipe's", "human", 0.9],
    ["the recipe's", "random", 0.5],
    ["small", "weak: implicit reward", 0.6],
    ["small", "human", 0.9],
    ["large", "weak: implicit reward", 0.6],
    ["large", "human", 0.9],
  ]);
  expect(differences!.columns[1]!.title).toBe("difference in test accuracy");
  const rows = differences!.rows.map(([name, value]) => [name, (value as { estimate: number }).estimate]);
  expect(rows.map(([name]) => name)).toEqual([
    "weak: implicit reward - human",
    "weak: implicit reward, length-corrected - human",
    "weak: reward head - human",
    "random - human",
    "small: weak: implicit reward - human",
    "large: weak: implicit reward - human",
  ]);
  expect(rows[0]![1]).toBeCloseTo(-0.3, 12);
  expect(rows[3]![1]).toBeCloseTo(-0.4, 12);
  expect(finding).toContain("by test accuracy");
  expect(finding).toContain("weak: implicit reward below human");
});

test("over seeds the start of the parity test is one half", () => {
  const seeds: Change = (outcome) => {
    const one = withMargins(outcome);
    const replicates = [one, one, one];
    const arms = [...one.arms].map(([name, arm]) => [name, { ...arm, replicates: [arm, arm, arm] }] as const);
    return { ...one, arms: new Map(arms), replicates };
  };
  const { tables, finding } = lab.studyWith(people, () => 0, seeds);
  const { columns, rows, notes } = tables![2]!;
  expect(finding).toContain(
    "can be told (differences after Holm's correction, equality by a test of its own each)",
  );
  expect(notes!.join()).toContain("Holm's correction is of the differences");
  const at = (title: string) => columns.findIndex((column) => column.title === title);
  // Weak labels gain 0.1 over one half, people's 0.4: three quarters of the gain are lost.
  expect(rows[0]![at("verdict")]).toBe("worse");
  expect(Number(rows[0]![at("smallest share that would do")])).toBeGreaterThan(0.74);
});

test("asks for pairs that people judged, and for no gold", () => {
  expect(people.lacks!(lab.context)).toContain("--recipe");
  expect(people.byTestAccuracy).toBe(true);
});

test.each(["ethics-smollm2", "hh-smollm2"])(
  "%s.yaml makes sound cells, all with the recipe's adapters",
  async (name) => {
    const recipe = fileURLToPath(new URL(`../../../recipes/${name}.yaml`, import.meta.url));
    const request = {
      scale: "small" as const,
      recipe,
      set: [],
      out: "runs/x",
      weak: [],
      judge: [],
      student: ["models/smollm2", "models/gemma3"],
    };
    const context = await studyContext(request, people.paper);
    expect(people.lacks!(context)).toBeUndefined();
    const variants = variantsOf([{ study: people, context }]);
    const jobs = await Promise.all(variants.map(async (variant) => jobOf(await variantRecipe(variant))));
    expect(jobs.map(({ teacher }) => teacher.kind)).toEqual([
      "implicit-reward",
      "implicit-reward",
      "reward-head",
      "implicit-reward",
    ]);
    for (const { teacher } of jobs) expect(teacher).toMatchObject({ lora: { r: 16 } });
    expect(jobs.map(({ models }) => models.student.source.split("/").at(-1))).toEqual([
      "smollm2",
      "smollm2",
      "smollm2",
      "gemma3",
    ]);
  },
);
