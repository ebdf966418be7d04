/** The papers' presets, resolved, against what the papers say: Tao & Li 2025 (W), CW-PO 2026 (C). Values without a source are ours, for the reason beside them. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { loadRecipe } from "./parse.ts";
import { recipeYaml } from "./write.ts";

type Row = readonly [setting: string, value: unknown, source: string];

/** Teacher and student have the same hyper-parameters (W A.2). */
const both = (rows: readonly Row[]): Row[] =>
  (["teacher", "student"] as const).flatMap((who) =>
    rows.map(([setting, value, source]): Row => [`${who}.${setting}`, value, source]),
  );

const LORA: Row[] = [
  ["lora.r", 8, "W table 8, C table 8"],
  ["lora.alpha", 16, "C table 8; W does not say: alpha / r = 2 as there"],
  ["lora.dropout", 0.05, "C table 8; W does not say"],
  ["lora.target_modules", ["q_proj", "v_proj"], "not said: PEFT's for OPT"],
];

const TAO_LI: Row[] = [
  ["seed", 22, "W 3.2"],
  ["data.split", { labelled: 0.5, unlabelled: 0.5 }, "W 3.2, fig. 4b: ratio 1/2"],
  ["data.over_length", "drop", "W 3.2: samples of more than 512 tokens are left out"],
  ["data.max_length", 512, "W tables 7 and 8"],
  ["data.max_prompt_length", 511, "not said: no prompt that fits is cut"],
  ["data.test_prompts", 1000, "not said: enough for the paper's difference"],
  ["teacher.kind", "implicit-reward", "W eq. 5"],
  ["teacher.score", { form: "sum" }, "W eq. 5: no length normalisation"],
  ...both([
    ["sft.num_train_epochs", 1, "W table 7"],
    ["sft.learning_rate", 1e-5, "W table 7"],
    ["sft.batch_size", 32, "W table 7, accumulation 1"],
    ["prefer.num_train_epochs", 1, "W table 8"],
    ["prefer.batch_size", 16, "W table 8, accumulation 1"],
    ["prefer.loss.type", "sigmoid", "W eq. 3"],
    ["prefer.lr_scheduler_type", "linear", "not said: Hugging Face's default"],
    ["prefer.warmup_ratio", 0, "not said: Hugging Face's default"],
    ["prefer.weight_decay", 0, "not said: Hugging Face's default"],
    ...LORA,
  ]),
  ["student.sft.lora", null, "W table 7: rank 0"],
  ["label.calibration_folds", 2, "W 2: the teacher learns from all of D_l"],
  ["label.held_out", undefined, "W 2: nothing is taken from D_l"],
  ["label.select", { kind: "all" }, "W eq. 5: all pairs are kept"],
  ["label.weight", { form: "uniform" }, "W eq. 6"],
  ["arms.1.sft", "own", "W eq. 6: fine-tuned on the labels' own chosen responses"],
  ["eval.temperature", 0.7, "W A.2"],
  ["eval.max_new_tokens", 256, "W A.2"],
  ["eval.top_p", undefined, "not said"],
  ["eval.top_k", undefined, "not said"],
];

const PAPERS: Readonly<Record<string, readonly Row[]>> = {
  "tao-li-2025": [
    ...TAO_LI,
    ...both([
      ["prefer.learning_rate", 5e-5, "W table 8"],
      ["prefer.loss.beta", 0.1, "W table 8"],
    ]),
    ["eval.gold.0.reads", "chat", "the model's card"],
    ["eval.gold.0.trained_on", ["hh-rlhf", "full-hh-rlhf"], "Unified-Feedback's card lists HH-RLHF"],
  ],
  "tao-li-2025-tldr": [
    ...TAO_LI,
    ...both([
      ["prefer.learning_rate", 5e-6, "W table 8"],
      ["prefer.loss.beta", 0.5, "W table 8"],
    ]),
    ["eval.gold.0.too_long", "cut-prompt", "512 positions: the summary whole, the post's end"],
    [
      "eval.gold.0.trained_on",
      ["openai_summarize_comparisons", "summarize_from_feedback", "hh-rlhf", "full-hh-rlhf"],
      "its card lists summarize_from_feedback and hh-rlhf",
    ],
  ],
  "cwpo-2026": [
    ["data.split", { labelled: 0.3, unlabelled: 0.7 }, "C 4.1"],
    ["data.over_length", "drop", "C appendix E"],
    ["data.max_length", 512, "C appendix E, HH"],
    ["data.max_prompt_length", 511, "not said: no prompt that fits is cut"],
    ["data.test_prompts", 2312, "C 4.1: the test file"],
    ["teacher.kind", "reward-head", "C eq. 5"],
    ["teacher.sft", null, "C 3.2: the head on the backbone"],
    ["teacher.reward.num_train_epochs", 5, "C table 7"],
    ["teacher.reward.learning_rate", 1e-5, "C table 7"],
    ["teacher.reward.batch_size", 32, "C table 7, accumulation 1"],
    ["label.calibration_folds", 2, "C 3.2: the annotator learns from all of D_l"],
    ["label.select", { kind: "all" }, "C 3.2: nothing is filtered"],
    ["label.weight", { form: "tanh", temperature: 1, power: 1 }, "C eq. 8"],
    ["student.sft.num_train_epochs", 3, "C table 9"],
    ["student.sft.learning_rate", 1e-5, "C table 9"],
    ["student.sft.batch_size", 64, "C table 9: 16 x 4"],
    ["student.sft.lr_scheduler_type", "cosine", "C table 9"],
    ["student.sft.warmup_steps", 100, "C table 9"],
    ["student.sft.weight_decay", 0.05, "C table 9"],
    ...LORA.map(([setting, ...rest]): Row => [`student.sft.${setting}`, ...rest]),
    ["student.prefer.num_train_epochs", 5, "C table 8"],
    ["student.prefer.learning_rate", 5e-6, "C table 8"],
    ["student.prefer.batch_size", 64, "C table 8: 16 x 4"],
    ["student.prefer.lr_scheduler_type", "cosine", "C table 8"],
    ["student.prefer.warmup_steps", 100, "C table 8"],
    ["student.prefer.weight_decay", 0.05, "C table 8"],
    ["student.prefer.loss.beta", 0.5, "C table 8"],
    ["student.prefer.loss.weighted", true, "C eq. 7"],
    ["student.prefer.loss.normalise", "pairs", "C eq. 7: a plain mean"],
    ...LORA.map(([setting, ...rest]): Row => [`student.${setting}`, ...rest]),
    ["eval.temperature", 0.95, "C table 8"],
    ["eval.max_new_tokens", 512, "C table 8"],
    ["eval.gold.0.reads", "chat", "the model's card"],
  ],
};

/** What a paper leaves open, or is done otherwise: the recipe says so in a comment. */
const SAID: Readonly<Record<string, readonly string[]>> = {
  "tao-li-2025": [
    "AdamW",
    "warm-up",
    "weight decay",
    "LoRA alpha",
    "q_proj",
    "dropout",
    "top-p",
    "ZeRO",
    "does not say how many",
  ],
  "tao-li-2025-tldr": ["does not say which copy", "512 positions", "no independent judge"],
  "cwpo-2026": [
    "paged_adamw_32bit",
    "gradient checkpointing",
    "q_proj",
    "3 epochs",
    "does not say which",
    "schedule",
  ],
};

/** The value at a path such as `arms.1.sft`. */
const at = (value: unknown, path: string): unknown =>
  path.split(".").reduce((inner, key) => (inner as Record<string, unknown> | null | undefined)?.[key], value);

/** What an overlay for GPUs may change of its paper's preset: who works, and where. */
const WHO_WORKS = ["name", "needs", "teacher.trainer", "student.trainer", "eval.generate", "eval.gold"];

/** Every setting of a resolved recipe by its path, lists as one. */
const settingsOf = (value: unknown, path = ""): [string, unknown][] =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !WHO_WORKS.includes(path)
    ? Object.entries(value).flatMap(([key, inner]) => settingsOf(inner, path === "" ? key : `${path}.${key}`))
    : [[path, value]];

describe.each(["tao-li-2025", "cwpo-2026"])("%s for GPUs", (paper) => {
  const resolved = async (preset: string) => parse(recipeYaml(await loadRecipe(preset))) as unknown;

  test("changes who works, and no setting of the paper's", async () => {
    const [base, overlay] = [await resolved(paper), await resolved(`${paper}-gpus`)].map(
      (recipe) => new Map(settingsOf(recipe)),
    ) as [Map<string, unknown>, Map<string, unknown>];
    const differs = [...new Set([...base.keys(), ...overlay.keys()])].filter(
      (key) => !isDeepStrictEqual(base.get(key), overlay.get(key)),
    );
    expect(differs.sort()).toEqual([...WHO_WORKS].sort());
  });

  test("asks gold as the paper's preset does", async () => {
    const [base, overlay] = [await resolved(paper), await resolved(`${paper}-gpus`)];
    expect(at(overlay, "eval.gold.0.tokenizer")).toBe(at(base, "eval.gold.0.model"));
    for (const key of ["reads", "trained_on", "too_long"])
      expect(at(overlay, `eval.gold.0.${key}`), key).toEqual(at(base, `eval.gold.0.${key}`));
  });

  test("has room at the server for the longest prompt and response", async () => {
    const overlay = await resolved(`${paper}-gpus`);
    const start = at(overlay, "eval.generate.start") as string[];
    const room = Number(start[start.indexOf("--max-model-len") + 1]);
    const asked = ["data.max_prompt_length", "eval.max_new_tokens"].map((key) => at(overlay, key) as number);
    expect(room).toBeGreaterThanOrEqual(asked[0]! + asked[1]!);
  });
});

describe.each(Object.keys(PAPERS))("%s", (preset) => {
  let recipe: unknown;
  let text: string;
  beforeAll(async () => {
    recipe = parse(recipeYaml(await loadRecipe(preset)));
    text = await readFile(fileURLToPath(new URL(`../../../recipes/${preset}.yaml`, import.meta.url)), "utf8");
  });

  test.each(PAPERS[preset]!)("%s is %j (%s)", (setting, value) => {
    expect(at(recipe, setting)).toEqual(value);
  });

  test.each(SAID[preset]!)("says why of: %s", (words) => {
    const comments = text.split("\n").flatMap((line) => line.match(/(?:^|\s)#(.*)/)?.[1] ?? []);
    expect([...comments, text.match(/needs:[\s\S]*?\n\n/)?.[0]].join(" ")).toContain(words);
  });
});
