/** `weak-teacher plan`: what agreements say before anything is trained, from numbers and from a file. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { weakTeacher } from "./spawn.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-plan-"));
});
afterAll(() => rm(folder, { recursive: true }));

const NUMBERS = ["--people-agreement", "0.625", "--people-pairs", "400", "--teacher-agreement", "0.6"];

test("two agreements become people-gold, teacher-gold and what a margin needs", async () => {
  const outcome = await weakTeacher(["plan", ...NUMBERS, "--teacher-pairs", "400", "--json"]);
  expect(outcome.code, outcome.stderr).toBe(0);
  const { agreements, power, pairs, source } = JSON.parse(outcome.stdout);
  expect(agreements.known.peopleGold.estimate).toBeCloseTo(0.75, 12);
  expect(agreements.known.teacherGold.estimate).toBeCloseTo(0.7, 12);
  expect(agreements.lead.interval).toMatchObject({ n: 400 });
  // (1.95996 / 0.05)² (0.234375 + 0.24) = 728.9.
  expect(pairs).toEqual({ within: 0.05, count: 729 });
  expect(power.rows.map(({ prompts }: { prompts: number }) => prompts)).toEqual([60, 120, 250, 500, 1000]);
  expect(source).toContain("docs/demo.md");

  // Worth (.4 / .5)² each; by hand in src/method/evaluate/plan/pool-plan.test.ts.
  const { pool, regimes } = JSON.parse(outcome.stdout);
  expect(
    pool.map((row: { pairs: number; worth: number }) => Math.round(row.worth / row.pairs / 0.0001)),
  ).toEqual([6400, 6400, 6400, 6400]);
  expect(regimes.map(({ name }: { name: string }) => name.slice(0, 9))).toEqual([
    "these agr",
    "the first",
    "the demo,",
  ]);
  expect(regimes[1]).toMatchObject({ worthThousand: 1620, pairsForGap: 1525 });

  const words = await weakTeacher([
    "plan",
    ...NUMBERS,
    "--margin",
    "0.1",
    "--training-sd",
    "0.05",
    "--prompt-sd",
    "0.4",
    ...["--pool", "700", "--within", "0.1"],
  ]);
  expect(words.stdout).toMatch(/ 700 +448 +\d+\.\d points/);
  expect(words.stdout).toContain("labels equal within ± 10.0 points");
  expect(words.stdout).toContain("without counts of pairs it cannot be told whether by chance");
  expect(words.stdout).toMatch(/one person sides with gold on +75\.0 %/);
  expect(words.stdout).not.toContain("Not told here, and taken from");
});

test("three people and a teacher in one file are counted, people against each other", async () => {
  const file = join(folder, "answers.json");
  const rows = Array.from({ length: 30 }, (_, i) => ({
    ...{ instruction: `q${i}`, input: "", response1: "yes", response2: "no" },
    // Two of three people are alike on every third pair, all on the others; the teacher says what the first says.
    ...{ annotator1: 1, annotator2: 1, annotator3: i % 3 === 0 ? 2 : 1, teacher: 1 },
  }));
  await writeFile(file, JSON.stringify(rows));
  const map =
    "prompt=instruction+input,a=response1,b=response2,label=annotator1;annotator2;annotator3;teacher,values=1:a;2:b;0:tie";
  const outcome = await weakTeacher(["plan", file, "--map", map, "--teacher", "teacher", "--json"]);
  expect(outcome.code, outcome.stderr).toBe(0);
  const { agreements, people } = JSON.parse(outcome.stdout);
  expect(people).toEqual(["annotator1", "annotator2", "annotator3"]);
  // 20 pairs with 3 of 3 alike, 10 with 1 of 3; the teacher with 3, and with 2 of 3.
  expect(agreements.people.estimate).toBeCloseTo(70 / 90, 12);
  expect(agreements.teacher.estimate).toBeCloseTo(80 / 90, 12);
  expect(agreements.counts).toEqual({ people: 90, teacher: 90 });
});

test("what is missing or without effect is refused, all at once", async () => {
  const few = await weakTeacher(["plan", "--people-agreement", "0.7", "--labels", "x"]);
  expect(few.code).toBe(2);
  expect(few.stderr).toContain("--labels: has no effect without a file of answers.");
  expect(few.stderr).toContain("--teacher-agreement: is missing.");
  const beside = await weakTeacher(["plan", "answers.jsonl", "--people-pairs", "5"]);
  expect(beside.stderr).toContain("--people-pairs: has no effect beside a file");
  const mix = await weakTeacher(["plan", ...NUMBERS, "--mix", "1,2"]);
  expect(mix.stderr).toContain("--mix: has no effect without a file of answers.");
  const none = await weakTeacher(["plan", ...NUMBERS, "--pool", "0"]);
  expect(none.code).toBe(2);
  expect((await weakTeacher(["plan", ...NUMBERS, "--chance", "1"])).stderr).toContain(
    "--chance: expected a share above 0 and below 1, got 1.",
  );
});
