/** What is said of a wrong `--set`, or of a setting that is short for another. */
import { expect, test } from "vitest";
import { LEAST, problems } from "../../../test/helpers/recipe-problems.ts";
import { settingsOf } from "../../base/settings/set.ts";
import { labelSchema } from "./labels.ts";
import { preferSchema } from "./training.ts";

test("is told once, and what is missing is missing, where a setting is short for another", () => {
  expect(problems(LEAST, "label.select=top")).toEqual([
    "--set label.select=top: label.select.percent: is missing.",
  ]);
  expect(problems(LEAST, "label.select=promise")).toEqual([
    "--set label.select=promise: label.select.max_disagreement: is missing.",
  ]);
  expect(problems(LEAST, "eval.gold=[reward-model]")).toEqual([
    "--set eval.gold=[reward-model]: eval.gold[0].model: is missing.",
  ]);
  const wrong = 'student.prefer.beta: expected a number, got "abc".';
  const shown = ["student.prefer.beta=abc"];
  expect(problems(`${LEAST}student: { prefer: { beta: 0.1 } }\n`, ...shown)).toEqual([
    `--set student.prefer.beta=abc: ${wrong}`,
  ]);
  expect(problems(`${LEAST}student: { prefer: { beta: abc } }\n`)).toEqual([`r.yaml:7:22: ${wrong}`]);
  expect(problems(LEAST, "student.prefer.loss.beta=abc")).toEqual([
    '--set student.prefer.loss.beta=abc: student.prefer.loss.beta: expected a number, got "abc".',
  ]);
  expect(() => settingsOf(labelSchema, ["select=top"])).toThrow(
    "--set select=top: select.percent: is missing.",
  );
  expect(() => settingsOf(preferSchema, ["beta=abc"])).toThrow(
    /^--set beta=abc: beta: expected a number, got "abc"\.$/,
  );
});

test("refuses what a greedy choice leaves without effect", () => {
  const zero = ["eval.temperature=0"];
  expect(problems(LEAST, ...zero)).toEqual([]);
  expect(problems(LEAST, ...zero, "eval.top_k=5", "eval.top_p=0.9", "eval.per_prompt=2")).toEqual([
    "--set eval.top_k=5: eval.top_k: has no effect with temperature 0, which takes the likeliest token each time. Remove it.",
    "--set eval.top_p=0.9: eval.top_p: has no effect with temperature 0, which takes the likeliest token each time. Remove it.",
    "--set eval.per_prompt=2: eval.per_prompt: expected 1 with temperature 0, which writes the same response 2 times, got 2.",
  ]);
});

test("names what people call by other names", () => {
  expect(problems(LEAST, "student.prefer.loss=dpo")).toEqual([
    expect.stringMatching(/got "dpo"; did you mean "sigmoid", which is DPO\?$/),
  ]);
  expect(problems(LEAST, "device=gpu")).toEqual([
    expect.stringMatching(/got "gpu"; did you mean "cuda" or "webgpu"\?$/),
  ]);
});

test("a base is laid under a recipe in its file, not by --set", () => {
  expect(problems(LEAST, "extends=demo")).toEqual([
    expect.stringMatching(/^--set extends=demo: extends: has no effect with --set/),
  ]);
});

test("a server that samples is started or is there, and what acts on one alone is refused beside the other", () => {
  expect(problems(LEAST, "eval.generate={start: [x], url: http://h}")[0]).toContain(
    "eval.generate.start: expected either start or url.",
  );
  expect(problems(LEAST, "eval.generate={url: http://h, start_timeout_seconds: 5}")[0]).toContain(
    "eval.generate.start_timeout_seconds: has no effect with url. Leave it out.",
  );
});
