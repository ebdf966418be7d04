/** A recipe whose teacher is served elsewhere: the same labels as from the models here. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import type { TeacherServer } from "../../src/interfaces/serve/server.ts";
import { readPool } from "../../src/method/data/pool.ts";
import { labelFromScores } from "../../src/method/labels/label.ts";
import { openImplicitReward } from "../../src/method/teacher/implicit-reward.ts";
import { readScores } from "../../src/method/teacher/scores-folder.ts";
import type { PairScore } from "../../src/method/teacher/teacher.ts";
import { scoreRounding } from "../helpers/rounding.ts";
import { openTinyJobs, type TinyJobs } from "../helpers/tiny-labels.ts";
import { tinyServer } from "../helpers/tiny-server.ts";

let runtime: Runtime;
let jobs: TinyJobs;
let server: TeacherServer;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  jobs = await openTinyJobs();
  server = await tinyServer(runtime, { model: jobs.at("weak"), reference: jobs.at("other") });
});
afterAll(async () => {
  await server.close();
  await runtime.close();
  await jobs.close();
});

test("labels of a recipe come from the server, and a second run asks nothing", async () => {
  const teacher = `teacher: { kind: remote, url: "${server.url}", model: weak, reference: reference, tokenizer: ${jobs.at("weak")}, beta: 0.5 }`;
  const sections = `models: { student: ${jobs.at("student")} }\n${teacher}\nlabel: { calibration: none }\n`;
  const { labels, facts, steps, folder } = await jobs.label(sections);
  const names = steps.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["data", "pool-scores", "held-out-scores", "weak-labels"]));
  expect(names.filter((name) => /sft|prefer|reward/.test(name))).toEqual([]);
  expect(facts.teachers[0]!.kind).toBe("remote");
  const data = steps.find(({ name }) => name === "data")!.folder!;
  const pool = await readPool(`${data}/pool`);
  const local = await openImplicitReward(runtime, {
    model: jobs.at("weak"),
    reference: jobs.at("other"),
    beta: 0.5,
    limits: { maxLength: 64, maxPromptLength: 32 },
  });
  const scores = await local.scorePairs(pool);
  const at = steps.find(({ name }) => name === "pool-scores")!.folder!;
  const stored: PairScore[] = [];
  for await (const score of readScores(`${at}/scores`)) stored.push(score);
  scores.forEach(({ id, scoreA, scoreB, flags, parts }, i) => {
    const limit = 0.5 * scoreRounding([parts!["policy"]![0], parts!["reference"]![0]]);
    expect(Math.abs(stored[i]!.scoreA - scoreA)).toBeLessThan(limit);
    const { preferred } = labelFromScores({ id, scoreA, scoreB, flags, teacher: "local" });
    expect(labels[i]).toMatchObject({ id, preferred });
  });
  expect(labels.length).toBeGreaterThan(10);
  await server.close();
  const again = await jobs.label(sections);
  expect(again.folder.digest).toBe(folder.digest);
  expect(new Set(again.steps.map(({ state }) => state))).toEqual(new Set(["cached"]));
});

test("beta without a reference is told before anything runs", async () => {
  const teacher = `teacher: { kind: remote, url: "${server.url}", model: weak, tokenizer: x, beta: 0.5 }`;
  await expect(jobs.label(`models: { student: x }\n${teacher}\n`)).rejects.toThrow(
    "teacher.beta: has no effect without reference",
  );
});
