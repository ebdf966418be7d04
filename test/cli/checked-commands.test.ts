/**
 * One check before any work, in every command: each verb either opens a model with data, and then refuses one that cannot read it before anything is
 * written, or it is listed with the reason why it opens none. A new verb fails here until it is in one of the two.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildProgram } from "../../src/interfaces/cli/program.ts";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-checked-"));
  await writeTinyFolder(folder, "good", { seed: 2 });
  // Its tokenizer knows one token more than its embedding has rows.
  const file = join(await writeTinyFolder(folder, "wide", { seed: 1 }), "tokenizer.json");
  const { added_tokens, ...rest } = JSON.parse(await readFile(file, "utf8"));
  const token = { id: 264, content: "<|new|>", special: false, normalized: false };
  await writeFile(file, JSON.stringify({ ...rest, added_tokens: [...added_tokens, token] }));
  // It has 16 positions, and 64 tokens are asked for.
  await writeTinyModel(at("short"), { family: "llama", seed: 1, positions: 16, vocab: 264 });
  const rows = Array.from({ length: 60 }, (_, i) => ({ prompt: `p${i}`, chosen: " yes", rejected: " no" }));
  await writeFile(at("pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await writeFile(at("prompts.txt"), "one\ntwo\n");
  for (const [name, weak, student] of [
    ["teacher", "MODEL", "good"],
    ["student", "good", "MODEL"],
  ] as const)
    for (const model of ["wide", "short"])
      await writeFile(at(`${name}-${model}.yaml`), recipe(weak, student).replaceAll("MODEL", model));
});
afterAll(() => rm(folder, { recursive: true }));

const recipe = (weak: string, student: string) => `version: 1
threads: 1
out: ${at("out")}
models: { weak: ${at(weak)}, student: ${at(student)} }
data: { source: ${at("pairs.jsonl")}, split: { labelled: 0.4, unlabelled: 0.4, test: 0.2 }, max_length: 64, max_prompt_length: 32 }
teacher: { kind: likelihood, sft: { learning_rate: 1.0e-5 } }
label: { calibration: none }
student: { sft: { learning_rate: 1.0e-5 }, prefer: { learning_rate: 1.0e-5 } }
arms: [sft, weak]
`;

const LIMITS = ["--max-length", "64", "--max-prompt-length", "32"];
const train = (verb: string) => (model: string) => [
  ...[verb, at("pairs.jsonl"), "--model", at(model), "--out", at("out"), ...LIMITS],
];
const dry = (command: (model: string) => string[]) => (model: string) => [...command(model), "--dry-run"];
const run = (who: string) => (model: string) => ["run", at(`${who}-${model}.yaml`)];
const study = (model: string) => [
  ...["study", "agreement", "--recipe", at(`teacher-${model}.yaml`), "--out", at("out")],
];

/** Commands that open a model with data, by verb. */
const OPENS: Readonly<Record<string, readonly ((model: string) => string[])[]>> = {
  sft: [train("sft"), dry(train("sft"))],
  prefer: [train("prefer"), dry(train("prefer"))],
  reward: [train("reward"), dry(train("reward"))],
  label: [
    (model) => [...train("label")(model), "--teacher", "likelihood"],
    (model) => [...train("label")("good"), "--reference", at(model)],
  ],
  audit: [(model) => [...train("audit")(model), "--folds", "2"]],
  "reward-bench": [
    (model) => [
      ...["reward-bench", at("pairs.jsonl"), "--teacher", "likelihood", "--model", at(model), ...LIMITS],
    ],
  ],
  generate: [(model) => ["generate", at("prompts.txt"), "--model", at(model), "--out", at("out")]],
  serve: [(model) => ["serve", at(model), "--port", "0", ...LIMITS]],
  run: [run("teacher"), dry(run("student")), (model) => [...dry(run("teacher"))(model), "--seeds", "2"]],
  study: [study, dry(study)],
};

/** Verbs that open no model of the user's with data. */
const OPENS_NONE: Readonly<Record<string, string>> = {
  doctor: "looks at the machine",
  demo: "a recipe and a model of its own",
  inspect:
    "trains and scores nothing; with a model it tells what that makes of the rows (model-checks.test.ts)",
  init: "writes a recipe, which run checks",
  status: "reads what lies there",
  report: "reads what lies there",
  compare: "reads what lies there",
  stage: "one stage of a run, checked as run",
  combine: "reads labels",
  ask: "reads labels",
  export: "writes a run's results in other shapes",
  evaluate: "a model with the run's own tokenizer and sizes, or it is refused (run.test.ts)",
  import: "makes a model",
  parity: "fixtures of its own",
  plan: "reads answers and labels",
  prune: "removes what can be made again",
  push: "sends what lies there",
  studio: "shows what lies there",
  completion: "writes a script",
  help: "prints help",
};

test("every verb is in one of the two lists", () => {
  const verbs = buildProgram().commands.map((command) => command.name());
  expect([...Object.keys(OPENS), ...Object.keys(OPENS_NONE)].sort()).toEqual([...verbs].sort());
});

const CASES = Object.entries(OPENS).flatMap(([verb, commands]) =>
  commands.map((command, i) => [verb, i + 1, command] as const),
);
const WRONG = {
  wide: /wide: its tokenizer has 1 token that the model has no embedding row for/,
  short:
    /has 16 positions, expected (at least max_length of them, got max_length 64|room)|at most 16 positions, got 32 and 64/,
};

test.each(CASES)("%s (%i) refuses the model before anything is written", async (_, __, command) => {
  for (const [model, words] of Object.entries(WRONG)) {
    const { code, stderr } = await weakTeacher(command(model));
    expect(code, stderr).not.toBe(0);
    expect(stderr).toMatch(words);
    expect(existsSync(at("out")) && existsSync(at("out", "stages"))).toBe(false);
  }
});
