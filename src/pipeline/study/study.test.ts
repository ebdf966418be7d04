/** Grids, figures and findings on made-up outcomes; every study's cells as recipes. */
import { describe, expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { jobOf } from "../recipe/job.ts";
import { WEAK } from "./arms.ts";
import { studyContext } from "./context.ts";
import { gridContent } from "./grid.ts";
import { compareAll, findingOf, goldReward, gra, standings } from "./measures.ts";
import type { ArmOutcome } from "./outcomes.ts";
import { EVERY_STUDY, STUDIES, studiesNamed } from "./studies/index.ts";
import { teachers } from "./studies/models.ts";
import { variantRecipe, variantsOf } from "./variants.ts";

const intervals = { rng: createRng(1), resamples: 400 };

/** An arm with two samples per prompt, whose mean is the value given. */
function arm(name: string, values: readonly number[]): ArmOutcome {
  const records = values.flatMap((value, i) =>
    [value - 0.1, value + 0.1].map((reward, sample) => ({
      promptId: `p${i}`,
      sample,
      prompt: `p${i}`,
      response: "r",
      gold: { g: reward },
      tokens: 3 + sample,
      finish: "eos" as const,
      promptTruncated: false,
      logp: -1,
      sftLogp: null,
    })),
  );
  return { name, records, testAccuracy: {} as ArmOutcome["testAccuracy"] };
}

const many = (value: (i: number) => number) => Array.from({ length: 40 }, (_, i) => value(i));
const low = arm(
  "low",
  many((i) => i % 5),
);
const high = arm(
  "high",
  many((i) => (i % 5) + 1 + (i % 3) / 10),
);
const same = arm(
  "same",
  many((i) => (i % 5) + (i % 2 === 0 ? 0.2 : -0.2)),
);

describe("figures of students", () => {
  test("gold reward is the mean over prompts of the mean over samples", () => {
    // 0 to 4, eight times each: 2.
    expect(goldReward(low, intervals)?.estimate).toBeCloseTo(2, 12);
    expect(goldReward(low, intervals)?.n).toBe(40);
    expect(goldReward({ ...low, records: [] }, intervals)).toBeNull();
  });

  test("GRA counts responses strictly above the baseline's to the same prompt", () => {
    expect(gra(high, low, intervals)?.estimate).toBe(1);
    expect(gra(low, low, intervals)?.estimate).toBe(0);
    expect(gra(same, low, intervals)?.estimate).toBe(0.5);
    expect(standings(same, low)).toMatchObject({ wins: 40, losses: 40, ties: 0 });
    // Each prompt's mean is equal, and one of its two samples is above: a half, not none.
    const swapped = { ...low, records: low.records.map((r) => ({ ...r, sample: 1 - r.sample })) };
    expect(gra(swapped, low, intervals)?.estimate).toBe(0.5);
    expect(standings(swapped, low)).toMatchObject({ wins: 40, losses: 40, signTest: 1 });
  });

  test("differences are corrected over all of them, and findings claim no more than these", () => {
    const differences = compareAll(
      [
        { a: high, b: low, names: ["high", "low"] },
        { a: same, b: low, names: ["same", "low"] },
      ],
      intervals,
    );
    // 1 + the mean of 0, 0.1, 0.2 over 40 prompts (14, 13 and 13 of each): 1 + 3.9 / 40.
    expect(differences[0]?.value.estimate).toBeCloseTo(1.0975, 10);
    expect(differences[0]?.pAdjusted).toBeCloseTo(2 * differences[0]!.pValue!, 12);
    expect(findingOf(differences)).toMatch(
      /these two models differ, high above low by 1\.09.*these two models cannot be told apart, same against low/,
    );
    expect(findingOf([])).toBeUndefined();
    const four = compareAll(
      [low, low, low, high].map((a, i) => ({ a, b: same, names: [`a${i}`, "same"] as const })),
      intervals,
    );
    expect(findingOf(four)).toMatch(
      /Of 4 comparisons of two models each, by gold reward, 1 is significant after Holm's correction: a3 above same\. The other 3 stay open\./,
    );
  });
});

describe("grids", () => {
  const content = gridContent(
    {
      title: "T",
      axis: "size",
      columns: ["weak", "human"],
      rows: [
        { label: "1", arms: { weak: high, human: low }, paper: [4.84] },
        { label: "2", arms: { weak: same, human: low } },
      ],
      paper: ["there"],
      compare: [["weak", "human"]],
      compareRows: [["1", "2"]],
      baseline: () => low,
      paperItem: "Fig. 1",
    },
    intervals,
  );

  test("have a row each, the paper's numbers apart, GRA, and every comparison asked for", () => {
    const [gold, graTable, differences] = content.tables!;
    expect(gold!.rows).toHaveLength(2);
    expect(graTable!.columns.at(-1)).toMatchObject({ title: "there", source: "paper" });
    expect(graTable!.rows[0]!.at(-1)).toBe(4.84);
    expect(graTable!.rows[1]!.at(-1)).toBeNull();
    expect(differences!.rows.map(([name]) => name)).toEqual([
      "1: weak - human",
      "2: weak - human",
      // The human arm is the same in both rows.
      "weak: 1 - 2",
    ]);
    expect(content.notes![0]).toContain("3 intervals at 95 %");
    expect(content.notes![0]).toContain("3 comparisons are corrected together");
  });
});

describe("all studies", () => {
  const request = { set: [], out: "runs/x", weak: [], student: [], judge: [] };

  test("run on this machine: a recipe for a cluster is refused", async () => {
    const slurm = { ...request, set: ["executor=slurm"], scale: "small" as const };
    await expect(studyContext(slurm, "tao-li-2025")).rejects.toThrow(
      "executor: studies run on this machine, expected local, got slurm.",
    );
  });

  test("share one set of variants at the small scale, each a sound recipe; equal names are equal arms", async () => {
    const context = await studyContext({ ...request, scale: "small" }, "tao-li-2025");
    const placed = STUDIES.filter(({ lacks }) => lacks?.(context) === undefined).map((study) => ({
      study,
      context,
    }));
    expect(placed.length).toBe(STUDIES.length - 1); // families need models
    const variants = variantsOf(placed);
    const students = variants.flatMap(({ arms }) =>
      arms.filter(({ labels }) => labels !== "sft" && labels !== "base"),
    );
    expect(students.length).toBeLessThanOrEqual(80);
    const jobs = await Promise.all(variants.map(async (variant) => jobOf(await variantRecipe(variant))));
    expect(jobs[0]?.arms.some(({ name }) => name === WEAK.name)).toBe(true);
  });

  test("are sound recipes on the papers' presets with models named", async () => {
    const models = {
      weak: ["models/opt-125m", "models/opt-1.3b"],
      student: ["models/opt-1.3b", "models/opt-2.7b"],
      judge: ["models/smollm2", "{kind: judge-chat, url: http://localhost:1/v1, model: large}"],
    };
    for (const study of EVERY_STUDY) {
      const context = await studyContext({ ...request, ...models, scale: "paper" }, study.paper);
      if (study.lacks?.(context) !== undefined) continue;
      for (const variant of variantsOf([{ study, context }])) jobOf(await variantRecipe(variant));
    }
  });

  test("baselines: a judge is the teacher of a cell of its own, on the base's data and with the base's student", async () => {
    const judge = [
      "models/smollm2/",
      "{kind: judge-chat, url: http://localhost:1/v1, model: large, prompt: llmbar}",
    ];
    const context = await studyContext({ ...request, judge, scale: "small" }, "tao-li-2025");
    const [study] = studiesNamed(["baselines"]);
    const variants = variantsOf([{ study: study!, context }]);
    const [base, local, chat] = await Promise.all(
      variants.map(async (variant) => jobOf(await variantRecipe(variant))),
    );
    expect(variants).toHaveLength(3);
    expect(local!.teacher).toMatchObject({ kind: "judge-local" });
    // The whole model, not the first layers that the base's teacher has.
    expect(local!.models.weak).toMatchObject({ vocabulary: "keep" });
    expect(local!.models.weak).not.toHaveProperty("layers", 3);
    expect(local!.models.weak!.source).toMatch(/models\/smollm2\/?$/);
    expect(chat!.teacher).toMatchObject({ kind: "judge-chat", model: "large" });
    for (const one of [local!, chat!]) {
      expect(one.data).toEqual(base!.data);
      expect(one.models.student).toEqual(base!.models.student);
      expect(one.student).toEqual(base!.student);
    }
    const odd = (...texts: string[]) =>
      studyContext({ ...request, judge: texts, scale: "small" }, "tao-li-2025");
    await expect(odd("models/a", "other/a")).rejects.toThrow("--judge: two are called a.");
    await expect(odd("{kind: judge-local}")).rejects.toThrow(
      /expected the folder of a model.*got kind "judge-local"/,
    );
    await expect(odd("{kind: [")).rejects.toThrow(/is no YAML/);
  });

  test("of the labelled share hold the teacher's optimiser steps: the same settings of its stages, counted over all pairs", async () => {
    for (const scale of ["small", "paper"] as const)
      for (const study of studiesNamed(["labelled-fraction", "annotators"])) {
        const context = await studyContext({ ...request, scale }, study.paper);
        const cells = study.cells(context).filter(({ settings }) => "labelled.size" in settings);
        expect(cells.length).toBeGreaterThan(2);
        for (const { settings } of cells) {
          const { "labelled.size": size, "labelled.same_steps": _, ...rest } = settings;
          const [job, whole] = await Promise.all(
            [settings, rest].map(async (one) => {
              const [variant] = variantsOf([
                { study: { ...study, cells: () => [{ id: "x", settings: one, arms: [] }] }, context },
              ]);
              return jobOf(await variantRecipe(variant!));
            }),
          );
          expect(job!.labelled).toMatchObject({ size, sameSteps: true });
          expect(whole!.labelled).toBeUndefined();
          expect(job!.teacher).toEqual(whole!.teacher);
        }
      }
  });

  test("have cells of different names, and say what they stand beside", async () => {
    const context = await studyContext({ ...request, scale: "small" }, "tao-li-2025");
    expect(new Set(EVERY_STUDY.map(({ name }) => name)).size).toBe(EVERY_STUDY.length);
    for (const { cells, paperItem } of EVERY_STUDY) {
      const ids = cells(context).map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(paperItem).not.toBe("");
    }
  });

  test("call named models by what tells their paths apart; the same one twice is refused", async () => {
    const weak = ["runs/a/dpo/model/", "runs/b/dpo/model", "models/opt-125m", "hub:x/opt-125m"];
    const context = await studyContext({ ...request, weak, scale: "small" }, "tao-li-2025");
    const ids = teachers(context).map(({ id }) => id);
    expect(ids).toEqual(["a/dpo/model", "b/dpo/model", "models/opt-125m", "hub:x/opt-125m"]);
    const twice = { ...request, student: ["m/one", "m/one"], scale: "small" as const };
    await expect(studyContext(twice, "tao-li-2025")).rejects.toThrow("--student m/one: is named twice.");
  });

  test("with a recipe of their own are run by themselves", () => {
    expect(studiesNamed(["demo"]).map(({ name }) => name)).toEqual(["demo"]);
    expect(studiesNamed(["all"]).map(({ name }) => name)).not.toContain("demo");
    for (const others of [
      ["agreement", "demo"],
      ["all", "demo"],
    ])
      expect(() => studiesNamed(others)).toThrow("study demo: has a recipe and seeds of its own");
  });

  test("are found by name, in the order of the report", () => {
    expect(studiesNamed(["purify", "agreement"]).map(({ name }) => name)).toEqual(["agreement", "purify"]);
    expect(() => studiesNamed(["agrement"])).toThrow(
      'study agrement: there is no such study; did you mean "agreement"?',
    );
  });
});
