/** Length: one table of wrong recipes, each with its message; in two files nobody would see what is missing. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LEAST, problems, read } from "../../../test/helpers/recipe-problems.ts";
import { AlignError, ConfigError } from "../../base/core/errors.ts";
import { parseDocumentText } from "../../base/settings/document.ts";
import { jobOf } from "./job.ts";
import { loadRecipe } from "./parse.ts";
import { PRESETS } from "./presets.ts";
import { recipeYaml } from "./write.ts";

describe("a recipe", () => {
  test("--set path=null takes away what cannot be null, and stays null where that means something", () => {
    const more = `${LEAST}label: { held_out: 0.3 }\n`;
    expect(read(more).label.heldOut).toBe(0.3);
    expect(read(more, "label.held_out=null")).toEqual(read(LEAST));
    const controls = ["teacher.kind=longer", "models.weak=null", "label.held_out=null"];
    expect(read(more, ...controls).models.weak).toBeNull();
    // In a file it is a mistake: an empty value may be a forgotten one.
    expect(problems(`${LEAST}label: { held_out: null }\n`)).toEqual([
      "r.yaml:7:10: label.held_out: expected a number, got null.",
    ]);
    expect(problems(LEAST, "version=null").length).toBe(1);
  });

  test("of the least that is needed has every default", () => {
    const recipe = read(LEAST);
    expect(recipe).toMatchObject({
      seed: 22,
      device: "cpu",
      out: "runs/tiny",
      models: { weak: { source: "small", vocabulary: "keep" } },
      data: { source: { file: "pairs.jsonl" }, maxLength: 512, maxPromptLength: 256 },
      teacher: {
        kind: "implicit-reward",
        score: { form: "sum" },
        sft: { learningRate: 1e-5, batchSize: 32, epochs: 1 },
      },
      label: {
        calibration: "temperature",
        heldOut: 0.1,
        select: { kind: "all" },
        weight: { form: "uniform" },
      },
      student: {
        prefer: { learningRate: 5e-5, batchSize: 16, loss: { type: "sigmoid", beta: 0.1 } },
        lora: null,
      },
      eval: { temperature: 0.7, maxNewTokens: 256, nBootstrap: 2000 },
    });
    expect(recipe.arms.map(({ name, labels, training }) => [name, labels, training])).toEqual([
      ["sft", "weak", "sft"],
      ["weak", "weak", "prefer"],
      ["human", "human", "prefer"],
      ["random", "random", "prefer"],
    ]);
  });

  test("speaks Hugging Face's names", () => {
    const { teacher } = read(`${LEAST}teacher:
  sft: { num_train_epochs: 3, lr_scheduler_type: cosine, adam_betas: [0.9, 0.95], max_grad_norm: null }
`);
    expect(teacher).toHaveProperty("sft");
    expect("sft" in teacher && teacher.sft).toMatchObject({
      epochs: 3,
      schedule: "cosine",
      betas: [0.9, 0.95],
      maxGradNorm: null,
    });
  });

  test("takes beta beside the loss, inside it, and from --set", () => {
    const beta = (text: string, ...set: string[]) => {
      const { loss } = read(LEAST + text, ...set).student.prefer;
      return [loss.type, "beta" in loss ? loss.beta : undefined];
    };
    expect(beta("student: { prefer: { beta: 0.3 } }")).toEqual(["sigmoid", 0.3]);
    expect(beta("student: { prefer: { loss: ipo, beta: 0.3 } }")).toEqual(["ipo", 0.3]);
    expect(beta("student: { prefer: { loss: { beta: 0.3 } } }")).toEqual(["sigmoid", 0.3]);
    expect(beta("student: { prefer: { loss: { beta: 0.3 } } }", "student.prefer.beta=0.05")).toEqual([
      "sigmoid",
      0.05,
    ]);
    expect(beta("student: { prefer: { beta: 0.3 } }", "student.prefer.loss.beta=0.05")).toEqual([
      "sigmoid",
      0.05,
    ]);
    expect(problems(`${LEAST}student: { prefer: { beta: 0.3, loss: { beta: 0.2 } } }`)).toEqual([
      "r.yaml:7:22: student.prefer.beta: says something else than loss.beta beside it. Remove one of them.",
    ]);
  });

  test("has arms on other rows, and the base as it comes", () => {
    const { arms } = read(`${LEAST}arms:
  - base
  - { labels: human, name: noisy, flip: teacher, subset: mismatch, sft: none }
  - { labels: weak, name: top, select: { percent: 30, kind: top }, sft: weak }
  - { labels: human, name: few, size: labelled }
`);
    expect(arms[0]).toMatchObject({
      name: "base",
      training: "none",
      data: "pool",
      subset: "all",
      sft: "own",
    });
    expect(arms[1]).toMatchObject({ flip: "teacher", subset: "mismatch", sft: "none" });
    expect(arms[2]).toMatchObject({ select: { kind: "top", percent: 30 } });
    expect(arms[3]).toMatchObject({ size: "labelled" });
  });

  test("has arms with settings of their own laid over the student's", () => {
    const { arms } = read(`${LEAST}student: { prefer: { beta: 0.3, num_train_epochs: 2 } }
arms:
  - weak
  - { labels: weak, name: weak-ipo, prefer: { loss: ipo, learning_rate: 0.001 } }
  - { labels: human, training: sft }
`);
    expect(arms[1]).toMatchObject({ name: "weak-ipo", labels: "weak", training: "prefer" });
    // Another loss: nothing of the first one's options is kept, so beta is ipo's own default.
    expect(arms[1]?.prefer).toMatchObject({
      epochs: 2,
      learningRate: 0.001,
      loss: { type: "ipo", beta: 0.1 },
    });
    expect(arms[0]?.prefer).toBeUndefined();
    expect(arms[2]).toMatchObject({ name: "human", training: "sft" });
  });
});

describe("what is wrong", () => {
  test("is told all at once, each with its place", () => {
    const text = `${LEAST}teacher:
  kind: implicit-reward
  prefer: { betta: 0.1, learning_rate: -1 }
student:
  sft: { num_train_epochs: many }
lable: { calibration: platt }
eval: { temperature: [1] }
`;
    expect([...problems(text)].sort()).toEqual(
      [
        'r.yaml:9:13: teacher.prefer.betta: unknown setting; did you mean "beta"?',
        'r.yaml:12:1: lable: unknown setting; did you mean "label"?',
        "r.yaml:9:25: teacher.prefer.learning_rate: expected above 0, got -1.",
        'r.yaml:11:10: student.sft.num_train_epochs: expected a number, got "many".',
        "r.yaml:13:9: eval.temperature: expected a number, got [1].",
      ].sort(),
    );
  });

  test.each([
    [
      "another name than a file's",
      "student: { prefer: { learningRate: 1 } }",
      'student.prefer.learningRate: unknown setting; did you mean "learning_rate"?',
    ],
    [
      "an unknown alternative",
      "teacher: { kind: implicit_reward }",
      'teacher.kind: expected one of implicit-reward, likelihood, reward-head, ensemble, cascade, judge-local, judge-chat, remote, random, longer, gold, noisy-human, got "implicit_reward"; did you mean "implicit-reward"?',
    ],
    [
      "a setting of another alternative",
      "teacher: { kind: reward-head, prefer: {} }",
      "teacher.prefer: unknown setting; there are kind, sft, reward, lora, score, precision, trainer.",
    ],
    [
      "an option of another loss",
      "student: { prefer: { loss: { type: orpo, beta: 1 } } }",
      'student.prefer.loss.beta: "beta" has no effect on type "orpo", it belongs to',
    ],
    [
      "beta for a loss without one",
      "student: { prefer: { loss: orpo, beta: 1 } }",
      '"beta" has no effect on type "orpo"',
    ],
    [
      "a misspelt loss",
      "student: { prefer: { loss: sigmoyd } }",
      "student.prefer.loss.type: expected one of sigmoid, cdpo",
    ],
    [
      "weights that no loss uses",
      "student: { prefer: { loss: { normalise: weights } } }",
      "has no effect without weighted: true",
    ],
    [
      "limits without room",
      "data: { source: a, split: { labelled: 1, unlabelled: 1, test: 1 }, max_length: 10, max_prompt_length: 10 }",
      "data.max_prompt_length: expected less than max_length (10), got 10.",
    ],
    [
      "two ways to give data",
      "data: { source: a, split: { labelled: 1, unlabelled: 1, test: 1 }, world: { gold: sentiment } }",
      "data.source: has no effect beside world",
    ],
    [
      "two ways to say how noisy people are",
      "data: { world: { gold: sentiment, tau: 0.2, gold_agreement: 0.7 } }",
      "data.world.gold_agreement: says something else than tau beside it, expected one of the two.",
    ],
    [
      "people who agree with gold less than a coin does",
      "data: { world: { gold: sentiment, gold_agreement: 0.4 } }",
      "data.world.gold_agreement: expected above 0.5, got 0.4",
    ],
    [
      "no test pairs",
      "data: { source: a, split: { labelled: 1, unlabelled: 1 } }",
      "data.split: expected the test pairs from one place",
    ],
    [
      "unlabelled pairs from two places",
      "data: { unlabelled: b, source: a, split: { labelled: 1, unlabelled: 1, test: 1 } }",
      "expected the unlabelled pairs from one place: split.unlabelled or data.unlabelled, got both.",
    ],
    [
      "a split of nothing",
      "data: { labelled: a, unlabelled: b, test: c, split: { labelled: 1 } }",
      "data: source and split go together",
    ],
    ["no data", "data: { max_length: 100, max_prompt_length: 10 }", "data: expected source and split, files"],
    [
      "a map that names nothing",
      "data: { source: { file: a, map: 'prompt=x' }, split: { labelled: 1, unlabelled: 1, test: 1 } }",
      "data.source.map: needs chosen and rejected",
    ],
    ["an empty list of arms", "arms: []", "arms: expected at least 1 entries, got []."],
    [
      "a name that is no folder",
      "name: ../x",
      'name: expected letters, digits, dots, dashes and underscores, got "../x".',
    ],
    [
      "a bad override in an arm",
      "arms: [{ labels: weak, prefer: { loss: { beta: -1 } } }]",
      "arms[0].prefer.loss.beta: expected above 0, got -1.",
    ],
    [
      "an unknown override in an arm",
      "arms: [{ labels: weak, prefer: { lerning_rate: 1 } }]",
      'arms[0].prefer.lerning_rate: unknown setting; did you mean "learning_rate"?',
    ],
    ["two arms of one name", "arms: [weak, weak]", 'arms[1]: a second arm is called "weak". Give it a name.'],
    [
      "settings of a training that is left out",
      "arms: [{ labels: weak, training: sft, prefer: { beta: 1 } }]",
      "arms[0].prefer: has no effect with training: sft.",
    ],
    [
      "weights that no loss reads",
      "arms: [{ labels: weak, weight: tanh }]",
      "arms[0].weight: has no effect without a loss that is weighted.",
    ],
    [
      "weights on labels that have none",
      "student: { prefer: { loss: { weighted: true } } }\narms: [{ labels: human, weight: tanh }]",
      "arms[0].weight: has no effect on labels that have none (see weights_from).",
    ],
    [
      "a weighted loss on labels without weights",
      "student: { prefer: { loss: { weighted: true } } }\narms: [weak, human]",
      "arms[1].prefer: the loss is weighted and labels: human have none. Give this arm prefer: { loss: { weighted: false } }, or weights_from: weak.",
    ],
    [
      "a loss of probabilities on labels without them",
      "student: { prefer: { loss: soft } }\narms: [weak, random]",
      "arms[1].prefer: the soft loss reads probabilities and labels: random have none.",
    ],
    [
      "weights that are there already",
      "student: { prefer: { loss: { weighted: true } } }\narms: [{ labels: weak, weights_from: weak }]",
      "arms[0].weights_from: has no effect with labels: weak, which have their weights.",
    ],
    [
      "weak labels of pairs that no teacher labels",
      "arms: [{ labels: weak, data: labelled }]",
      "arms[0].labels: the labelled part has people's labels, expected human, got weak.",
    ],
    [
      "a subset of pairs that no teacher labels",
      "arms: [{ labels: human, data: labelled, subset: match }]",
      "arms[0].subset: has no effect with data: labelled, which no teacher labels.",
    ],
    [
      "turning round random labels",
      "arms: [{ labels: random, flip: 0.1 }]",
      "arms[0].flip: has no effect on random labels.",
    ],
    [
      "rows of a student that is not trained",
      "arms: [{ labels: base, size: 10 }]",
      "arms[0].size: has no effect with training: none.",
    ],
    [
      "a shared start that is the own one",
      "arms: [{ labels: weak, sft: weak }]",
      "arms[0].sft: has no effect with labels: weak, unless pairs are left out.",
    ],
  ])("%s", (_, text, problem) => {
    const key = text.split(":")[0]!;
    const base = LEAST.split("\n").filter((line, i, all) => {
      const owner = all.slice(0, i + 1).findLast((other) => /^\w/.test(other)) ?? "";
      return !owner.startsWith(`${key}:`) || line === "";
    });
    const found = problems(`${base.join("\n")}${text}\n`);
    expect(found.join("\n")).toContain(problem);
    for (const issue of found) expect(issue).toMatch(/^r\.yaml:\d+:\d+: /);
  });

  test("names what is missing", () => {
    expect(problems("version: 1\n")).toEqual([
      "r.yaml:1:1: name: is missing.",
      "r.yaml:1:1: models: is missing.",
      "r.yaml:1:1: data: is missing.",
    ]);
    expect(problems("")).toContain("r.yaml:1:1: version: expected 1, got nothing.");
    expect(problems("- 1")).toEqual(["r.yaml:1:1: recipe: expected settings, got [1]."]);
    expect(problems(LEAST.replace("version: 1", "version: 2"))).toEqual([
      "r.yaml:1:1: version: expected 1, got 2.",
    ]);
  });

  test("broken YAML is told with its place", () => {
    expect(() => parseDocumentText("a: [1\nb: 2", "r.yaml")).toThrow(/^r\.yaml:2:1: /);
    expect(() => parseDocumentText("a: 1\na: 2", "r.yaml")).toThrow("r.yaml:2:1: Map keys must be unique.");
    const bomb = [
      "a: &a [x,x,x,x,x,x,x,x,x,x]",
      ...[..."bcdefgh"].map((c, i) => `${c}: &${c} [${`*${"abcdefgh"[i]},`.repeat(9)}*${"abcdefgh"[i]}]`),
    ];
    expect(() => parseDocumentText(bomb.join("\n"), "r.yaml")).toThrow(ConfigError);
  });

  test("is told of --set by its text", () => {
    expect(problems(LEAST, "student.prefer.betta=1", "foo.bar=1", "seed=x")).toEqual([
      '--set student.prefer.betta=1: student.prefer.betta: unknown setting; did you mean "beta"?',
      expect.stringMatching(/^--set foo\.bar=1: foo: unknown setting; there are version, /),
      '--set seed=x: seed: expected a number, got "x".',
    ]);
    for (const bad of ["seed", "=1", "a..b=1", "a=[1", "__proto__.seed=1", "student.__proto__={beta: 1}"])
      expect(() => read(LEAST, bad), bad).toThrow(`--set ${bad}: `);
  });

  test("whatever is written, the answer is a recipe or a ConfigError with places", () => {
    const word = fc.constantFrom(
      "models",
      "data",
      "teacher",
      "arms",
      "prefer",
      "loss",
      "type",
      "beta",
      "sft",
      "kind",
      "source",
      "x",
      "__proto__",
      "0",
    );
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<unknown>(1, -1, "x", "weak", "ipo", null, true, 1e300),
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(word, tie("node"), { maxKeys: 4 }),
      ),
    })).node;
    fc.assert(
      fc.property(value, (extra) => {
        const text = `${LEAST}\nteacher: ${JSON.stringify(extra)}\nstudent: ${JSON.stringify(extra)}\narms: ${JSON.stringify(extra)}`;
        for (const issue of problems(text)) expect(issue).toMatch(/^r\.yaml:\d+:\d+: \S+: \S/);
      }),
      { numRuns: 500 },
    );
  });
});

describe("files", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wt-recipe-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("a recipe is laid over the one it extends; data in another form replaces the base's", async () => {
    await writeFile(
      join(folder, "base.yaml"),
      `${LEAST}teacher: { kind: reward-head, reward: { batch_size: 4 } }\n`,
    );
    await writeFile(
      join(folder, "mine.yaml"),
      "version: 1\nextends: base.yaml\nname: mine\nseed: 5\ndata: { world: { gold: { type: sentiment } } }\n",
    );
    const recipe = await loadRecipe("mine.yaml", { from: folder });
    expect(recipe).toMatchObject({
      name: "mine",
      seed: 5,
      teacher: { kind: "reward-head", reward: { batchSize: 4 } },
    });
    expect(recipe.data.source).toBeUndefined();
    expect(recipe.data.world).toMatchObject({ prompts: "demo", tau: 0.5 });
    // Another way to say how noisy people are takes the first one's place, in either direction.
    const agreeing = await loadRecipe(join(folder, "mine.yaml"), {
      set: ["data.world.tau=0.2", "data.world.gold_agreement=0.71"],
    });
    expect(agreeing.data.world).toMatchObject({ goldAgreement: 0.71 });
    expect(agreeing.data.world?.tau).toBeUndefined();
    expect(jobOf(agreeing).data).toMatchObject({ people: { goldAgreement: 0.71 } });
    const other = await loadRecipe(join(folder, "mine.yaml"), { set: ["teacher.kind=likelihood"] });
    expect(other.teacher.kind).toBe("likelihood");
  });

  test("an issue of a base is told with the base's file; a circle and an absent file are errors", async () => {
    await writeFile(join(folder, "bad.yaml"), `${LEAST}seed: -1\n`);
    await writeFile(join(folder, "over.yaml"), "version: 1\nextends: bad.yaml\n");
    await expect(loadRecipe(join(folder, "over.yaml"))).rejects.toThrow(
      "bad.yaml:7:1: seed: expected at least 0, got -1.",
    );
    await writeFile(join(folder, "round.yaml"), "extends: round.yaml\n");
    await expect(loadRecipe("round.yaml", { from: folder })).rejects.toThrow("extends goes round");
    await expect(loadRecipe("demmo")).rejects.toThrow(
      'demmo: is neither a recipe file nor a preset (demo, tao-li-2025, tao-li-2025-tldr, tao-li-2025-gpus, cwpo-2026, cwpo-2026-gpus, study-small); did you mean "demo"?',
    );
    await writeFile(join(folder, "unnamed.yaml"), LEAST.replace("name: tiny\n", ""));
    expect((await loadRecipe("unnamed.yaml", { from: folder })).name).toBe("unnamed");
  });

  test.each(PRESETS)("preset %s is sound, says what it needs, and becomes a job", async (preset) => {
    const recipe = await loadRecipe(preset);
    expect(recipe.name).toBe(preset);
    expect(recipe.needs.length).toBeGreaterThan(1);
    expect(jobOf(recipe)).toMatchObject({ name: preset, seed: 22 });
    // As it is kept in a run's folder, it reads back to the same.
    expect(read(recipeYaml(recipe))).toEqual(recipe);
    // And is written again to the same bytes: a report's digest of it does not depend on who read it.
    expect(recipeYaml(read(recipeYaml(recipe)))).toBe(recipeYaml(recipe));
  });

  test("the presets have the papers' numbers", async () => {
    const taoLi = jobOf(await loadRecipe("tao-li-2025"));
    // WDPO tables 7 and 8, A.2: SFT 1e-5 at 32, DPO 5e-5 at 16, beta 0.1, one epoch, LoRA rank 8, half and half, T 0.7, 256 tokens.
    for (const side of [taoLi.teacher, taoLi.student]) {
      expect(side).toMatchObject({
        sft: { learningRate: 1e-5, batchSize: 32, epochs: 1 },
        prefer: { settings: { learningRate: 5e-5, batchSize: 16, epochs: 1 }, loss: { beta: 0.1 } },
      });
    }
    expect(taoLi.teacher).toMatchObject({ kind: "implicit-reward", beta: 0.1 });
    expect(taoLi.student.lora).toMatchObject({ r: 8 });
    expect(taoLi.data).toMatchObject({ split: { labelled: 0.5, pool: 0.5, test: 0 } });
    expect(taoLi.evaluation.generation).toMatchObject({ temperature: 0.7, maxNewTokens: 256 });
    // The same for TL;DR, but DPO at 5e-6 with beta 0.5 on both sides; the rest is inherited.
    const tldr = jobOf(await loadRecipe("tao-li-2025-tldr"));
    for (const side of [tldr.teacher, tldr.student])
      expect(side).toMatchObject({
        sft: { learningRate: 1e-5, batchSize: 32, epochs: 1 },
        prefer: { settings: { learningRate: 5e-6, batchSize: 16, epochs: 1 }, loss: { beta: 0.5 } },
      });
    expect(tldr.teacher).toMatchObject({ beta: 0.5 });
    expect(tldr.student.lora).toMatchObject({ r: 8 });
    const cwpo = jobOf(await loadRecipe("cwpo-2026"));
    // CW-PO tables 7 to 9: BT head 1e-5 at 32, 5 epochs; PO 5e-6 at 16 x 4, 5 epochs, cosine, warm-up 100, decay 0.05, beta 0.5.
    expect(cwpo.teacher).toMatchObject({
      kind: "reward-head",
      reward: { learningRate: 1e-5, batchSize: 32, epochs: 5 },
    });
    expect(cwpo.student.prefer).toMatchObject({
      settings: {
        learningRate: 5e-6,
        batchSize: 64,
        epochs: 5,
        schedule: "cosine",
        warmupSteps: 100,
        weightDecay: 0.05,
      },
      loss: { type: "sigmoid", beta: 0.5, weighted: true, normalise: "pairs" },
    });
    expect(cwpo.data).toMatchObject({ split: { labelled: 0.3, pool: 0.7 } });
    expect(cwpo.label.weight).toEqual({ form: "tanh", temperature: 1, power: 1 });
    expect(cwpo.arms.find(({ name }) => name === "human")?.prefer?.loss).toMatchObject({
      weighted: false,
      beta: 0.5,
    });
  });

  test("an error of ours never hides behind the recipe", () => {
    expect(() => jobOf(read(`${LEAST}student: { prefer: { loss: { type: cdpo, flip: auto } } }`))).toThrow(
      AlignError,
    );
  });
});
