/**
 * Every setting of the recipe's schema changes what is done: a stage's key or a job's script, for two values of it. The few that act elsewhere
 * stand in a list, each with a test of what it changes. Length: tables of what settings need around them, read side by side.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Leaf, leavesOf } from "../../../test/helpers/settings-walk.ts";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { writeTinyParts } from "../../../test/helpers/tiny-recipe.ts";
import { digestOf } from "../../base/core/digest.ts";
import { AlignError, messageOf } from "../../base/core/errors.ts";
import { silentLog } from "../../base/core/log.ts";
import { parseDocumentText } from "../../base/settings/document.ts";
import { put } from "../../base/settings/set.ts";
import { runMainJob } from "../job/main-job.ts";
import { computeOf, jobOf } from "../recipe/job.ts";
import { resolveRecipe } from "../recipe/parse.ts";
import { recipeSchema } from "../recipe/schema.ts";
import { artefactAt, type Stage, stagesBefore } from "../stages/stage.ts";
import type { StageStep } from "../stages/steps.ts";
import { clusterJobs } from "./clusters.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-settings-"));
  await writeTinyParts(folder);
  for (const [name, seed] of [
    ["rm", 9],
    ["rm2", 8],
  ] as const)
    await writeTinyModel(at(name), { family: "llama", seed, task: "reward", vocab: 264 });
  await cp(at("weak"), at("words"), { recursive: true });
  const other = {
    add_bos_token: false,
    bos_token: "<s>",
    eos_token: "</s>",
    chat_template: "{{ messages[0].content }}",
  };
  await writeFile(at("words", "tokenizer_config.json"), JSON.stringify(other));
  for (const name of ["one", "two"])
    await writeFile(at(`${name}.mjs`), `export default () => ${name.length + Number(name === "two")};`);
  const judged = { prompt: "p", one: " a", two: " b", best: "1", worst: "2", id: "i", g: "g" };
  await writeFile(at("judged.jsonl"), `${JSON.stringify(judged)}\n`);
  await writeFile(at("prompts.json"), '["once", "twice"]');
  await writeFile(at("more.jsonl"), '{"prompt": "m1", "chosen": " a", "rejected": " b"}\n');
});
afterAll(() => rm(folder, { recursive: true }));

const RUN = "test/cli/settings.test.ts";
const CHAT = "src/method/teacher/judge-chat.test.ts";
const JUDGE = "src/method/evaluate/judges/judge.test.ts";
const SEEDS = "src/pipeline/results/seeds/report.test.ts";
const HTTP = "test/remote/fakes.test.ts";
const SERVED = "test/remote/generate-served.test.ts";
const TRAINER = "test/interop/trl-trainer.test.ts";
const EVALUATORS = "src/method/evaluate/rank-evaluators.test.ts";

/** Acts elsewhere than in a stage's key or a job's script: path, and file and title of the test of what it changes. */
const ELSEWHERE: readonly (readonly [RegExp, string, string])[] = [
  [/^version$/, "src/pipeline/recipe/parse.test.ts", "of the least that is needed has every default"],
  [/^extends$/, "src/pipeline/recipe/parse.test.ts", "a recipe is laid over the one it extends"],
  [/^(name|out|needs|threads)$/, RUN, "name, out, needs and threads"],
  [/^device$/, "src/pipeline/run/settings-effect.test.ts", "the device is what the runtime is opened with"],
  [/^seeds$/, "test/cli/seeds.test.ts", "two seeds are two runs and one report"],
  [/^executor\.poll_seconds$/, "src/pipeline/run/slurm/poll.test.ts", "waits as long as it is told"],
  [
    /^executor\.retries$/,
    "src/pipeline/run/slurm/slurm-run.test.ts",
    "more than `retries` times is a failure",
  ],
  [/^teacher\.api_key_env$/, CHAT, "sends its key in the header only"],
  [
    /^(teacher|eval\.judges\[\])\.prices/,
    "src/pipeline/run/estimate-judges.test.ts",
    "a dry run says what judges will be asked and what it may cost at the recipe's prices",
  ],
  [/^teacher\.concurrency$/, CHAT, "keeps no more requests on their way than allowed"],
  [/^teacher\.(timeout_ms|retries)$/, CHAT, "tries again after 429, 500, a dropped connection and silence"],
  [/^eval\.judges\[\]\.api_key_env$/, CHAT, "sends its key in the header only"],
  [/^eval\.judges\[\]\.(concurrency|timeout_ms|retries)$/, JUDGE, "outlives rate limits, resets and silence"],
  [/^eval\.parity\./, SEEDS, "a margin of the recipe's own is a fixed difference in what leads"],
  [/^eval\.generate\.(url|model|concurrency)$/, SERVED, "writes greedily what this engine writes"],
  [/^eval\.generate\.start_timeout_seconds$/, SERVED, "that ends, stays silent, is not there"],
  [/^eval\.generate\.api_key_env$/, HTTP, "the key goes into the header and nowhere else"],
  [/^executor\.address$/, "test/ray/ray.test.ts", "jobs are taken once, known, ended"],
  [/^executor\.api_key_env$/, HTTP, "the key goes into the header and nowhere else"],
  [
    /\.gold(\[\])?\.(url|concurrency)$/,
    "test/remote/gold-served.test.ts",
    "a run whose gold is served has the gold rewards",
  ],
  [/\.gold(\[\])?\.api_key_env$/, HTTP, "the key goes into the header and nowhere else"],
  [/\.trainer\.python$/, TRAINER, "a Python that is not there is told before anything is computed"],
  [
    /\.trainer\.any_version$/,
    TRAINER,
    "versions that were not tested are refused, and taken where that is asked for",
  ],
  [/\.trained_on$/, EVALUATORS, "counts apart those that were not trained on the data"],
];

/** Sections that are another's in the same words: only what stands at their top is tried there. */
const TWINS = [
  /^(teacher\.teacher|teacher\.members\[\]\.teacher)\./,
  /^teacher\.(first|second)\.teacher\.(?!kind$)/,
  /^data\.(labelled|unlabelled|test)\.(?!file$|limit$)/,
  /^data\.(source|labelled|unlabelled|test)\[\]\.(?!file$|weight$)/,
  /^(teacher|arms\[\])\.prefer\.loss\./,
];

const PAIRS = { prompt: "prompt", chosen: "one", rejected: "two" };
const CHOICES = { prompt: "prompt", a: "one", b: "two", label: "best", values: { 1: "a", 2: "b" } };

/** What a setting needs around it, laid over the recipe: path of the setting or of a section above it, and places with values. */
const AROUND: readonly (readonly [RegExp, Readonly<Record<string, unknown>>])[] = [
  [/^data\.world/, { "data.source": undefined, "data.split": undefined, "data.test_prompts": undefined }],
  [/^data\.world\.(?!gold)/, { "data.world.gold": "sentiment" }],
  [/^data\.unlabelled/, { "data.split.unlabelled": undefined }],
  [/^data\.test\b(?!_)/, { "data.split.test": undefined }],
  [/\.map\./, { "data.source.file": "judged.jsonl" }],
  [/\.map\.(prompt|chosen|rejected|id|group|subset)$/, { "data.source.map": PAIRS }],
  [/\.map\.(a|b|response_a|response_b|label|values)$/, { "data.source.map": CHOICES }],
  [/\.map\.response_a$/, { "data.source.map.a": undefined }],
  [/\.map\.response_b$/, { "data.source.map.b": undefined }],
  [/^data\.world\.(?!max_new_tokens)/, { "data.world.max_new_tokens": 4 }],
  [/^labelled\.by$/, { "labelled.mix": { short: 0.5, long: 0.5 } }],
  [/^labelled\.mix$/, { "labelled.by": "prompt-length" }],
  [/^labelled\.(same_steps|seed)$/, { "labelled.size": 0.5 }],
  [/\.trainer\.(processes|gpus)$/, { "..launch": ["torchrun"] }],
  [/\.validation\.min_delta$/, { "..patience": 2 }],
  [/\.loss\.normalise$/, { "..weighted": true }],
  [/^student\.prefer\.loss(\.|$)/, { arms: [{ labels: "weak" }] }],
  [/^arms\[\]\.(weight|weights_from)/, { "student.prefer.loss.weighted": true }],
  [/^arms\[\]\.weights_from/, { "arms.0.labels": "human" }],
  [/^arms\[\]\.flip/, { "arms.0.labels": "human" }],
  [/^arms\[\]\.flip_which/, { "arms.0.flip": 0.2 }],

  // One that learns nothing, so that both are not the same teacher; a model of its own for the one that learns.
  [
    /^teacher\.(first|sure)/,
    { "teacher.first.teacher": "implicit-reward", "teacher.second.teacher": "longer" },
  ],
  [/^teacher\.second/, { "teacher.first.teacher": "longer", "teacher.second.teacher": "implicit-reward" }],
  [/^teacher\.samples$/, { "teacher.temperature": 1 }],
  [/^eval\.judges\[\]\.samples$/, { "..temperature": 1 }],

  [/^eval\.own_baselines/, { arms: ["base", "weak"], "eval.gold": ["sentiment"] }],
];

/** Values for settings of which any text is not one. */
const VALUES: readonly (readonly [RegExp, () => readonly unknown[]])[] = [
  [/^eval\.generate$/, () => [null, { url: "http://127.0.0.1:9" }]],
  [/^models\.weak$/, () => [at("weak"), { source: at("weak"), layers: 1 }]],
  [/\.(weak|student)\.source$/, () => [at("weak"), at("student")]],
  [/^data\.(source|labelled|unlabelled|test)(\[\])?\.file$/, () => [at("pairs.jsonl"), at("more.jsonl")]],
  [/^data\.source\.format$/, () => ["trl", "pku-saferlhf"]],
  [/\.map\.(prompt|a|response_a|chosen)$/, () => ["prompt", "one"]],
  [/\.map\.(b|response_b|rejected)$/, () => ["prompt", "two"]],
  [/\.map\.label$/, () => ["best", "worst"]],
  [/\.map\.(id|group|subset)$/, () => ["id", "g"]],
  [
    /\.map$/,
    () => ["prompt=prompt,chosen=chosen,rejected=rejected", "prompt=prompt,chosen=rejected,rejected=chosen"],
  ],
  [
    /\.map\.values$/,
    () => [
      { 1: "a", 2: "b" },
      { 1: "b", 2: "a" },
    ],
  ],
  [/^data\.world\.prompts$/, () => ["demo", at("prompts.json")]],
  [
    /^labelled\.mix$/,
    () => [
      { short: 0.5, long: 0.5 },
      { short: 0.25, long: 0.75 },
    ],
  ],
  [/target_modules$/, () => [["q_proj"], ["v_proj"]]],
  [/^teacher\.prompt$/, () => ["rlaif", "mt-bench"]],
  [/\.prompt$/, () => ["Which? {prompt} {first} {second}", "Now which? {prompt} {first} {second}"]],
  [/\.gold(\[\])?\.tokenizer$/, () => [at("weak"), at("words")]],
  [/\.module$/, () => [at("one.mjs"), at("two.mjs")]],
  [/\.gold(\[\])?\.model$/, () => [at("rm"), at("rm2")]],
  [/^eval\.judges\[\]\.model$/, () => [at("weak"), at("student")]],
  [/^teacher\.tokenizer$/, () => [at("weak"), at("rm")]],
  [/\.verdict$/, () => ["is (1|2)", "was (1|2)"]],
  [/^data\.max_length$/, () => [64, 65]],
  [/^data\.max_prompt_length$/, () => [32, 33]],
  [/^eval\.n_bootstrap$/, () => [100, 200]],
];

/** The least recipe that makes all stages. */
const base = () => ({
  version: 1,
  name: "tiny",
  models: { weak: { source: at("weak") }, student: { source: at("student") } },
  data: {
    source: { file: at("pairs.jsonl") },
    split: { labelled: 0.5, unlabelled: 0.3, test: 0.2 },
    max_length: 64,
    max_prompt_length: 32,
  },
  arms: ["sft", "weak", "human"],
  eval: { gold: ["sentiment"], max_new_tokens: 4 },
});

const dotted = (path: Leaf["path"]) => path.join(".").replace(/\.0(?=\.|$)/g, "[]");

function without(value: unknown, [key, ...rest]: Leaf["path"]): unknown {
  const { [String(key)]: inner, ...others } = value as Record<string, unknown>;
  return rest.length === 0 ? others : { ...others, [String(key)]: without(inner, rest) };
}

/** A recipe in which a setting has a place. */
function around({ path, given }: Leaf): unknown {
  const place = dotted(path);
  const inside = given.filter(
    (one) => one.path.length > 0 && !["models", "data"].includes(String(one.path.at(-1))),
  );
  let recipe = inside.reduce(
    (value: unknown, one) => put(value, one.path, real(one.value, one.path)),
    base(),
  );
  for (const [where, places] of AROUND)
    if (where.test(place))
      for (const [key, value] of Object.entries(places)) {
        const to = key.startsWith("..")
          ? [...path.slice(0, -1), key.slice(2)]
          : key.split(".").map((one) => (one === "0" ? 0 : one));
        recipe =
          value === undefined
            ? without(recipe, to)
            : put(recipe, to, to.at(-1) === "file" ? at(String(value)) : value);
      }
  return recipe;
}

/** A section with files and models that are there. */
function real(value: unknown, path: Leaf["path"]): unknown {
  if (Array.isArray(value)) return value.map((one, i) => real(one, [...path, i]));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const known = VALUES.find(([where]) => where.test(dotted([...path, key])));
      return [key, member === "x" && known !== undefined ? known[1]()[0] : real(member, [...path, key])];
    }),
  );
}

/** What goes with a kind of teacher. */
function withTeacher(recipe: unknown): unknown {
  const { teacher } = recipe as { teacher?: { kind?: string; members?: unknown; beta?: number } };
  const kind = teacher?.kind ?? "implicit-reward";
  if (kind === "remote" && teacher?.beta !== undefined && !("reference" in teacher))
    return withTeacher(put(recipe, ["teacher", "reference"], "r"));
  const trained = /"(implicit-reward|likelihood|reward-head|judge-local)"/.test(
    JSON.stringify(teacher ?? {}),
  );
  const learns = kind === "ensemble" || kind === "implicit-reward" || trained;
  const own =
    (Array.isArray(teacher?.members) || kind === "cascade") && JSON.stringify(teacher).includes('"weak"');
  const fitting = learns && !own ? recipe : put(recipe, ["models", "weak"], null);
  if (kind !== "gold") return fitting;
  const bare = ["source", "split"].reduce((rest, key) => without(rest, ["data", key]), fitting);
  return put(bare, ["data", "world"], { gold: "sentiment" });
}

/** Keys of all stages that a recipe asks for, each over its config and the keys before it, and the scripts of its jobs. Nothing runs. */
async function planOf(written: unknown): Promise<string> {
  const recipe = resolveRecipe([parseDocumentText(JSON.stringify(withTeacher(written)), "r.yaml")], []);
  const keys = new Map<string, string>();
  const steps: StageStep[] = [];
  const stage = async (one: Stage) => {
    const sources = Object.entries(one.inputs).map(([as, input]) => [
      as,
      typeof input === "string" ? input : (keys.get(input.folder) ?? input.digest),
    ]);
    const key = digestOf([one.name, one.version, one.config ?? null, sources]);
    const place = `/${one.name}-${key}`;
    if (!keys.has(place))
      steps.push({
        ...{ name: one.name, state: "depends", key: undefined, folder: undefined, elapsedSeconds: undefined },
        ...{ inputs: stagesBefore(one), shared: one.share !== undefined },
      });
    keys.set(place, key);
    return artefactAt(one.name, place, undefined);
  };
  const runtime = () => {
    throw new Error("a plan computes nothing");
  };
  const pipeline = { mode: "plan" as const, folder: "/plan", stage, steps: () => steps };
  await runMainJob({ pipeline, runtime, log: silentLog }, jobOf(recipe));
  const { executor } = recipe;
  const jobs =
    executor.kind === "local"
      ? []
      : await clusterJobs({ folder: "/plan", recipe, settings: executor, detach: true }, steps);
  return digestOf([
    ...keys.values(),
    ...jobs.map(({ script, tasks }) => [script.replaceAll(/wt-[0-9a-f]+-/g, ""), tasks ?? 0]),
  ]);
}

/** What a setting's values do: the plan of each that is taken, and why others are refused. */
async function tried(leaf: Leaf) {
  const recipe = around(leaf);
  const known = VALUES.find(([where]) => where.test(dotted(leaf.path)))?.[1]();
  const values = known ?? leaf.values.map((value) => real(value, leaf.path));
  const plans = new Map<string, unknown[]>();
  const refused: string[] = [];
  for (const value of values) {
    try {
      const plan = await planOf(put(recipe, leaf.path, value));
      plans.set(plan, [...(plans.get(plan) ?? []), value]);
    } catch (error) {
      if (!(error instanceof AlignError)) throw error;
      refused.push(`${JSON.stringify(value)}: ${messageOf(error).split("\n")[0]}`);
    }
  }
  // Of one value it matters whether it is there.
  if (values.length === 1) {
    const bare = await planOf(without(put(recipe, leaf.path, values[0]), leaf.path)).catch(messageOf);
    plans.set(bare, ["absent"]);
  }
  const taken = [...plans.values()].flat().length;
  return { plans, refused, enough: plans.size >= (leaf.named ? taken : 2) && plans.size > 1 };
}

describe("every setting of a recipe", () => {
  const leaves = leavesOf(recipeSchema).filter(({ path }) => !TWINS.some((twin) => twin.test(dotted(path))));
  const elsewhere = ({ path }: Leaf) => ELSEWHERE.some(([where]) => where.test(dotted(path)));

  test("changes a stage or a script, for two values of it", async () => {
    const idle: string[] = [];
    for (const leaf of leaves.filter((one) => !elsewhere(one))) {
      const { plans, refused, enough } = await tried(leaf);
      if (!enough)
        idle.push(
          `${dotted(leaf.path)} ${JSON.stringify(leaf.given.at(-1)?.value)}: ${[...plans.values()].map((one) => JSON.stringify(one))}; ${refused[0]}`,
        );
    }
    expect(idle).toEqual([]);
    expect(leaves.length).toBeGreaterThan(300);
  }, 600_000);

  test("the device is what the runtime is opened with", () => {
    const deviceOf = (device: string) =>
      computeOf(resolveRecipe([parseDocumentText(JSON.stringify({ ...base(), device }), "r.yaml")], []));
    for (const device of ["cpu", "webgpu", "cuda"]) expect(deviceOf(device)).toMatchObject({ device });
  });

  test.each(ELSEWHERE)("%s acts elsewhere, and a test says how", async (where, file, title) => {
    expect(leaves.some(({ path }) => where.test(dotted(path)))).toBe(true);
    const text = await readFile(new URL(`../../../${file}`, import.meta.url), "utf8");
    expect(text.replaceAll(/\s+/g, " ")).toContain(title);
  });
});
