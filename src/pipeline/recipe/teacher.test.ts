import { describe, expect, test } from "vitest";
import { ConfigError } from "../../base/core/errors.ts";
import { parseDocumentText } from "../../base/settings/document.ts";
import { hubModels, withLocalModels } from "./hub-models.ts";
import { jobOf } from "./job.ts";
import { resolveRecipe } from "./parse.ts";
import { recipeYaml } from "./write.ts";

const recipe = (models: string, rest: string, ...set: string[]) =>
  resolveRecipe(
    [
      parseDocumentText(
        `version: 1
name: tiny
models: ${models}
data: { source: p.jsonl, split: { labelled: 0.3, unlabelled: 0.5, test: 0.2 } }
${rest}
`,
        "r.yaml",
      ),
    ],
    set,
  );
const both = "{ weak: small, student: big }";
const student = "{ student: big }";
const problems = (models: string, rest: string, ...set: string[]): string => {
  try {
    jobOf(recipe(models, rest, ...set));
  } catch (error) {
    if (error instanceof ConfigError) return error.issues.join("\n");
    throw error;
  }
  return "";
};

describe("a cascade", () => {
  const list = (first: string, second: string, more = "") =>
    `teacher: { kind: cascade, first: ${first}, second: ${second} }\n${more}`;
  const head = "{ teacher: { kind: reward-head } }";

  test("has two teachers, each with a model where it needs one, and reads back to the same", () => {
    const read = recipe(both, list(head, "{ weak: { source: other, layers: 2 }, teacher: judge-local }"));
    expect(jobOf(read).teacher).toMatchObject({
      ...{ kind: "cascade", sure: 0.9 },
      first: { weak: { source: "small" }, teacher: { kind: "reward-head", reward: { seed: 22 } } },
      second: { weak: { source: "other", layers: 2 }, teacher: { kind: "judge-local" } },
    });
    expect(read.label.heldOut).toBe(0.1);
    expect(resolveRecipe([parseDocumentText(recipeYaml(read), "r.yaml")], [])).toEqual(read);
  });

  test("of two that learn nothing needs no model and has all labelled pairs held out", () => {
    const read = jobOf(recipe(student, list("{ teacher: longer }", "{ teacher: random }")));
    expect([read.models.weak, read.label.heldOut]).toEqual([undefined, 1]);
  });

  test("says what does not go together", () => {
    const second = "{ teacher: longer }";
    expect(problems(student, list(head, second))).toContain("models.weak: is missing; teacher.kind cascade");
    expect(problems(both, list(head, "{ weak: b, teacher: longer }"))).toContain(
      "teacher.second.weak: has no effect with kind longer",
    );
    expect(problems(both, list(head, head))).toContain("teacher.second: is the first teacher again");
    expect(problems(both, list(head, "{ teacher: gold }"))).toContain(
      "teacher.second.teacher.kind: gold needs data.world",
    );
    expect(
      problems(
        "{ weak: { source: small, vocabulary: trim }, student: big }",
        list(head, "{ teacher: judge-local }"),
      ),
    ).toContain("models.weak.vocabulary: trim has no use for a judge");
    expect(problems(both, list(head, second, "label: { calibration: none }"))).toContain(
      "label.calibration: none says nothing of how sure",
    );
    expect(problems(both, list(head, second, "label: { calibration_folds: 3 }"))).toContain(
      "label.calibration_folds: are not for a cascade",
    );
    expect(
      problems(both, list(head, second, "label: { select: { kind: promise, max_disagreement: 0.1 } }")),
    ).toContain("label.select: a promise needs pairs that neither teacher was calibrated on");
    expect(problems(both, list("{ teacher: { kind: cascade } }", second))).toContain(
      "teacher.first.teacher.kind",
    );
  });

  test("has its teachers' models fetched", async () => {
    const read = recipe(
      student,
      list("{ weak: hub:Owner/name, teacher: likelihood }", "{ teacher: longer }"),
    );
    // A dry run, which downloads nothing, is told of it.
    expect(hubModels(read)).toEqual(["hub:Owner/name"]);
    const nowhere = { endpoint: "http://127.0.0.1:9", token: undefined, offline: true, cache: "nowhere" };
    await expect(withLocalModels(read, undefined, nowhere)).rejects.toThrow("hub:Owner/name");
  });
});

describe("an ensemble", () => {
  test("by number: the recipe's seed and those after it; by list: what each says", () => {
    const three = jobOf(recipe(both, "teacher: { kind: ensemble, bootstrap: true }")).teacher;
    expect(three).toMatchObject({
      kind: "ensemble",
      members: [22, 23, 24].map((seed) => ({
        seed,
        bootstrap: true,
        sft: { seed },
        prefer: { settings: { seed } },
      })),
    });
    const list = `teacher:
  kind: ensemble
  teacher: { prefer: { beta: 0.2 } }
  members:
    - { seed: 7 }
    - { weak: { source: other, layers: 2 }, bootstrap: true, teacher: { kind: reward-head, reward: { batch_size: 4 } } }`;
    const read = recipe(both, list);
    expect(jobOf(read).teacher).toMatchObject({
      members: [
        { kind: "implicit-reward", seed: 7, beta: 0.2, weak: { source: "small" }, bootstrap: false },
        {
          kind: "reward-head",
          seed: 23,
          weak: { source: "other", layers: 2 },
          reward: { batchSize: 4 },
          bootstrap: true,
        },
      ],
    });
    // As it is kept in a run's folder, it reads back to the same.
    expect(resolveRecipe([parseDocumentText(recipeYaml(read), "r.yaml")], [])).toEqual(read);
  });

  test("whose members all bring their model needs none; the same member twice is an error", () => {
    const own = "teacher: { kind: ensemble, members: [{ weak: a }, { weak: b }] }";
    expect(jobOf(recipe(student, own)).models.weak).toBeUndefined();
    expect(problems(both, own)).toContain("models.weak: has no effect with teacher.kind ensemble");
    expect(problems(both, "teacher: { kind: ensemble, members: [{ seed: 1 }, { seed: 1 }] }")).toContain(
      "teacher.members[1]: is the same teacher as member 0",
    );
  });

  test("has its members' models fetched", async () => {
    const read = recipe(
      student,
      "teacher: { kind: ensemble, members: [{ weak: hub:Owner/name }, { weak: b }] }",
    );
    const nowhere = { endpoint: "http://127.0.0.1:9", token: undefined, offline: true, cache: "nowhere" };
    await expect(withLocalModels(read, undefined, nowhere)).rejects.toThrow("hub:Owner/name");
  });
});

describe("what does not go together", () => {
  test.each([
    [
      "a teacher that learns without a model",
      student,
      "teacher: likelihood",
      "models.weak: is missing; teacher.kind likelihood needs it.",
    ],
    [
      "a model that nobody uses",
      both,
      "teacher: longer",
      "models.weak: has no effect with teacher.kind longer.",
    ],
    [
      "a trimmed judge",
      "{ weak: { source: small, vocabulary: trim }, student: big }",
      "teacher: judge-local",
      "models.weak.vocabulary: trim has no use for a judge",
    ],
    [
      "a factor on no log-ratio",
      student,
      "teacher: { kind: remote, url: http://h, model: m, tokenizer: t, beta: 0.2 }",
      "r.yaml:5:65: teacher.beta: has no effect without reference. Leave it out.",
    ],
    [
      "a share of nothing",
      student,
      "teacher: random\nlabel: { held_out: 0.2 }",
      "label.held_out: has no effect with teacher.kind random",
    ],
    [
      "folds of nothing",
      student,
      "teacher: random\nlabel: { calibration_folds: 4 }",
      "label.calibration_folds: has no effect with teacher.kind random",
    ],
    [
      "a member with the seed that another has by its place",
      both,
      "seed: 5\nteacher: { kind: ensemble, members: [{}, { seed: 5 }] }",
      "teacher.members[1]: is the same teacher as member 0",
    ],
    [
      "labelled pairs made fewer for nobody",
      student,
      "teacher: random\nlabelled: { size: 0.5 }",
      "labelled.size: has no effect with teacher.kind random, which learns from no labelled pairs",
    ],
    [
      "folds and a share",
      both,
      "label: { calibration_folds: 4, held_out: 0.2 }",
      "label.held_out: has no effect with calibration_folds",
    ],
    [
      "one fold",
      both,
      "label: { calibration_folds: 1 }",
      "label.calibration_folds: expected 0, or 2 and more",
    ],
    [
      "a promise from folds",
      both,
      "label: { calibration_folds: 4, select: { kind: promise, max_disagreement: 0.2 } }",
      "a promise needs pairs scored by the very teacher that labels",
    ],
    [
      "a promise of an arm from folds",
      both,
      "label: { calibration_folds: 4 }\narms: [{ labels: weak, select: { kind: promise, max_disagreement: 0.2 } }]",
      "arms[0].select: a promise needs pairs",
    ],
    ["gold that nobody knows", student, "teacher: gold", "teacher.kind: gold needs data.world"],
    [
      "a question without a place",
      student,
      "teacher: { kind: judge-chat, url: http://h/v1, model: m, prompt: 'which of {first} and {second}?' }",
      "teacher.prompt: expected each of {prompt}, {first} and {second} once",
    ],
    [
      "rates of a flip",
      student,
      "teacher: { kind: noisy-human, noise: { kind: flip, rates: [0.1] } }",
      "teacher.noise",
    ],
    [
      "wspo without log-ratios",
      both,
      "teacher: { kind: ensemble }\nstudent: { prefer: { loss: wspo } }",
      "wspo learns from the log-ratios of one teacher",
    ],
    [
      "wspo of the teacher itself",
      both,
      "teacher: { prefer: { loss: wspo } }",
      "teacher.prefer.loss: wspo learns",
    ],
  ])("%s", (_, models, rest, message) => {
    expect(problems(models, rest)).toContain(message);
  });

  test("null takes away a model that a base recipe has", () => {
    expect(jobOf(recipe(both, "teacher: longer", "models.weak=null")).models.weak).toBeUndefined();
  });
});

test("the held-out share is 0.1 where it has an effect and absent where it has none", () => {
  expect(recipe(both, "").label.heldOut).toBe(0.1);
  expect(jobOf(recipe(student, "teacher: random")).label).toMatchObject({ heldOut: 1, folds: 0 });
  expect(jobOf(recipe(both, "label: { calibration_folds: 5 }")).label).toMatchObject({
    heldOut: 0,
    folds: 5,
  });
});

test("a key's name is in the recipe, the key is not", () => {
  const teacher = "teacher: { kind: judge-chat, url: http://h/v1, model: m, api_key_env: JUDGE_KEY }";
  process.env.JUDGE_KEY = "secret";
  const read = recipe(student, teacher);
  expect(recipeYaml(read)).toContain("api_key_env: JUDGE_KEY");
  expect(JSON.stringify([recipeYaml(read), jobOf(read)])).not.toContain("secret");
  delete process.env.JUDGE_KEY;
});
