import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTinyJobs, type TinyJobs } from "../../../test/helpers/tiny-labels.ts";
import { createRng } from "../../base/core/rng.ts";
import { fitCalibrator } from "../../method/labels/calibration.ts";
import { HELD_OUT } from "../../method/labels/held-out-file.ts";
import { readScores } from "../../method/teacher/scores-folder.ts";
import type { PairScore } from "../../method/teacher/teacher.ts";
import { teacherTables } from "../results/teachers.ts";
import type { StageStep } from "../stages/steps.ts";

let jobs: TinyJobs;
const rng = createRng(3);
beforeAll(async () => {
  jobs = await openTinyJobs();
  // Half of the pairs are easy to learn, of the other half there is nothing to learn.
  const rows = Array.from({ length: 240 }, (_, i) => {
    const [one, two] = i % 2 === 0 ? [" good", " bad"] : rng.shuffle([" cat", " sun"]);
    return { prompt: `p${i}`, chosen: one, rejected: two };
  });
  await writeFile(jobs.at("half.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
const label = (sections: string) => jobs.label(sections, "run", jobs.at("half.jsonl"));
afterAll(() => jobs.close());

const head = "{ teacher: { kind: reward-head, sft: null, reward: { batch_size: 8, learning_rate: 0.01 } } }";
const person = "{ teacher: { kind: noisy-human, noise: { kind: flip, rate: 0.1 } } }";
const cascade = (sure: number, second = person, rules = "held_out: 0.6") =>
  `teacher: { kind: cascade, sure: ${sure}, first: ${head}, second: ${second} }\nlabel: { ${rules} }\n`;

const folderOf = (steps: readonly StageStep[], stage: string) =>
  steps.find(({ name }) => name === stage)!.folder!;

async function scoresIn(steps: readonly StageStep[], stage: string): Promise<PairScore[]> {
  const list: PairScore[] = [];
  for await (const score of readScores(join(folderOf(steps, stage), "scores"))) list.push(score);
  return list;
}

const marginOf = ({ scoreA, scoreB }: PairScore) => scoreA - scoreB;
const logOdds = (p: number) => Math.log(p / (1 - p));

describe("a cascade in a recipe", () => {
  test("asks the second teacher what the first is not sure of, and is calibrated as one", async () => {
    const { labels, facts, steps, folder } = await label(cascade(0.7));
    const [first, second, held, heldSecond] = [
      await scoresIn(steps, "pool-scores"),
      await scoresIn(steps, "pool-scores-2"),
      await scoresIn(steps, "held-out-scores"),
      await scoresIn(steps, "held-out-scores-2"),
    ];
    // What people said, by the pairs' ids, from what lies beside the labels.
    const judged = await HELD_OUT.read(folder.path("held-out.jsonl"));
    const human = new Map(judged.map(({ id, preferred }) => [id, preferred === "a"]));
    const fitted = (ids: readonly string[], margins: readonly number[]) =>
      fitCalibrator(
        "temperature",
        margins,
        ids.map((id) => human.get(id)!),
      );
    expect(held.map(({ id }) => id)).toEqual(judged.map(({ id }) => id));
    const curve = fitted(
      held.map(({ id }) => id),
      held.map(marginOf),
    );
    const sure = (score: PairScore) => Math.abs(curve.apply(marginOf(score)) - 0.5) >= 0.2;
    // The second read those pairs alone, and there are both kinds.
    const asked = first.filter((score) => !sure(score)).map(({ id }) => id);
    expect(second.map(({ id }) => id)).toEqual(asked);
    expect(asked.length).toBeGreaterThan(3);
    expect(asked.length).toBeLessThan(first.length - 3);

    const others = new Map([...second, ...heldSecond].map((score) => [score.id, score]));
    const left = heldSecond.filter((_, i) => !sure(held[i]!));
    const own = fitted(
      left.map(({ id }) => id),
      left.map(marginOf),
    );
    const word = (score: PairScore) =>
      logOdds(sure(score) ? curve.apply(marginOf(score)) : own.apply(marginOf(others.get(score.id)!)));
    const whole = fitted(
      held.map(({ id }) => id),
      held.map(word),
    );
    for (const [i, label] of labels.entries()) {
      expect(label.id).toBe(first[i]!.id);
      expect(label.pA).toBeCloseTo(whole.apply(word(first[i]!)), 6);
      expect(label.preferred).toBe(word(first[i]!) > 0 ? "a" : "b");
      expect(label.teacher).toBe("cascade");
    }

    // Cost and agreement, counted by hand.
    const right = (margin: (score: PairScore) => number) =>
      held.filter((score) => margin(score) > 0 === human.get(score.id)).length;
    const n = held.length;
    const tokens = (scores: readonly PairScore[]) => scores.reduce((sum, one) => sum + one.tokens, 0);
    expect(facts.cascade).toMatchObject({
      ...{ sure: 0.7, pairs: first.length, asked: asked.length },
      tokens: { first: tokens(first), second: tokens(second) },
      heldOut: {
        asked: left.length,
        first: { agree: right(marginOf), n },
        second: { agree: right(({ id }) => marginOf(others.get(id)!)), n },
        cascade: { agree: right(word), n },
      },
    });
    expect(facts.teachers.map(({ kind }) => kind)).toEqual(["reward-head", "control"]);
    const [table] = teacherTables(facts);
    expect(table).toMatchObject({ title: "The cascade and its teachers" });
    expect(table!.rows.map((row) => row.slice(0, 5))).toEqual([
      ["first alone", "reward-head", first.length, 0, tokens(first)],
      ["second alone", "control", 0, first.length, 0],
      ["both", "cascade", first.length, asked.length, tokens(first)],
    ]);
  });

  test("at another confidence scores with the first again nothing, and asks the second more", async () => {
    const { facts, steps } = await label(cascade(0.95));
    const state = (stage: string) => steps.find(({ name }) => name === stage)?.state;
    expect([state("teacher-reward"), state("pool-scores"), state("held-out-scores-2")]).toEqual([
      "cached",
      "cached",
      "cached",
    ]);
    expect(facts.cascade!.asked).toBeGreaterThan((await label(cascade(0.7))).facts.cascade!.asked);
  });

  test("trains a second teacher under names of its own, whose model may be another", async () => {
    const second = `{ weak: ${jobs.at("other")}, teacher: { kind: likelihood, sft: { batch_size: 8 }, prefer: { batch_size: 8 } } }`;
    const { steps } = await label(cascade(0.7, second));
    const names = steps.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["teacher-reward", "cascade-asked", "teacher-2-prefer", "test-scores-2"]),
    );
    expect(names.indexOf("cascade-asked")).toBeLessThan(names.indexOf("teacher-2-prefer"));
    const kept = JSON.parse(await readFile(join(folderOf(steps, "teacher-2-prefer"), "stage.json"), "utf8"));
    expect(kept.name ?? kept.identity?.name).toBe("teacher-2-prefer");
  });

  test("that leaves the second nothing, or too little to calibrate it on, says so", async () => {
    await expect(label(cascade(0.5))).rejects.toThrow(
      /^teacher\.sure: the first teacher is at least 0\.5 sure of all \d+ pairs/,
    );
    await expect(label(cascade(0.7, person, "held_out: 0.25"))).rejects.toThrow(
      /^teacher\.sure: 0\.7: leaves \d of the labelled pairs to the second teacher, expected at least 10/,
    );
  });
});
