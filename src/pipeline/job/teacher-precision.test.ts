import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTinyJobs, type TinyJobs } from "../../../test/helpers/tiny-labels.ts";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { teacherTables } from "../results/teachers.ts";

let jobs: TinyJobs;
beforeAll(async () => {
  jobs = await openTinyJobs();
  await writeTinyModel(jobs.at("wide"), {
    family: "llama",
    seed: 4,
    hidden: 64,
    positions: 1024,
    vocab: 264,
  });
});
afterAll(() => jobs.close());

const sections = (teacher: string, label = "label: { held_out: 0.3 }") =>
  `models: { weak: ${jobs.at("wide")}, student: ${jobs.at("student")} }
teacher: { ${teacher} }
${label}
`;
const trained = "sft: { batch_size: 8 }, prefer: { batch_size: 8, learning_rate: 0.001 }";

test("a trained teacher labels in 8 bits: trained as before, compared on the pool, in the report; float32, said or not, is one key", async () => {
  const plain = await jobs.label(sections(trained));
  const said = await jobs.label(sections(`${trained}, precision: float32`));
  expect(new Set(said.steps.map(({ state }) => state))).toEqual(new Set(["cached"]));
  const few = await jobs.label(sections(`${trained}, precision: { kind: int8, max_turned: 1 }`));
  const stateOf = (name: string) => few.steps.find((step) => step.name === name)?.state;
  expect(stateOf("teacher-prefer")).toBe("cached");
  expect(stateOf("pool-scores")).toBe("run");
  const { precision } = few.facts.teachers[0]!;
  expect(precision).toMatchObject({ precision: "int8" });
  expect(precision!.pairs).toBeGreaterThan(20);
  expect(few.labels.map(({ scoreA }) => scoreA)).not.toEqual(plain.labels.map(({ scoreA }) => scoreA));
  expect(plain.facts.teachers[0]).not.toHaveProperty("precision");
  expect(teacherTables(plain.facts)).toEqual([]);
  const [table] = teacherTables(few.facts);
  expect(table!.rows).toEqual([
    [
      "weak",
      "int8",
      precision!.pairs,
      precision!.turned,
      precision!.meanDifference,
      precision!.largestDifference,
      precision!.medianMargin,
    ],
  ]);
  expect(table!.notes![0]).toMatch(/^weak: of \d+ labels \d+ turn beside float32's/);
});

test("a local judge may be in 4 bits, and is refused where it turns more than asked", async () => {
  const judge = (most: number) =>
    sections(
      `kind: judge-local, prompt: "{prompt} {first} {second}", precision: { kind: int4, max_turned: ${most} }`,
      "",
    );
  const { folder, facts } = await jobs.label(judge(1), "judge");
  expect(facts.teachers[0]!.precision).toMatchObject({ precision: "int4" });
  expect(await readFile(folder.path("facts.json"), "utf8")).toContain('"precision"');
  expect(facts.teachers[0]!.precision!.turned).toBeGreaterThan(0);
  await expect(jobs.label(judge(0), "judge")).rejects.toThrow(/precision int4: .* Nothing was labelled/);
});
