/**
 * lm_eval on a model folder that this project wrote, with a task that is a file of this machine: no hub. What it says of each choice is the
 * log-probability that our own scorer gives to the same tokens. Skipped, visibly, where `scripts/python-env.sh lm-eval` was not run.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel, saveModel } from "../../src/engine/checkpoint/load-model.ts";
import { releaseModel } from "../../src/engine/model/model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { encodePromptResponse } from "../../src/engine/text/pair.ts";
import { loadTokenizer } from "../../src/engine/text/tokenizer.ts";
import { openScorer } from "../../src/method/objective/score.ts";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";
import { findPython } from "./python.ts";

const python = findPython(["lm-eval"]);
if (python === undefined)
  console.warn("test/interop/lm-eval: skipped, scripts/python-env.sh lm-eval makes its Python");

const QUESTIONS = [
  { text: "The sky is", choices: [" blue", " a chair"], right: 0 },
  { text: "Two and two are", choices: [" nine", " four"], right: 1 },
  { text: "A cat says", choices: [" meow", " moo", " nothing at all"], right: 0 },
];

/** A sample as --log_samples writes it: what was asked, and log-probability and greediness of each choice. */
type Sample = {
  readonly doc: (typeof QUESTIONS)[number];
  readonly filtered_resps: readonly (readonly [number | string, boolean | string])[];
  readonly acc: number;
};

describe.skipIf(python === undefined)("lm_eval (scripts/python-env.sh lm-eval)", () => {
  let folder: string;
  let runtime: Runtime;
  let model: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lm-eval-"));
    runtime = openRuntime({ threads: 1 });
    // Written by our own way out of a trainer.
    const made = await writeTinyFolder(folder, "made", { seed: 5 });
    const loaded = await loadModel(runtime, made, { id: "made" });
    model = join(folder, "model");
    await saveModel(runtime, loaded, model);
    await releaseModel(runtime, loaded);
    const config = join(model, "tokenizer_config.json");
    const said = JSON.parse(await readFile(config, "utf8")) as object;
    // Folders that transformers saved say it; the tiny one does not.
    await writeFile(config, JSON.stringify({ ...said, tokenizer_class: "PreTrainedTokenizerFast" }));
  });
  afterAll(async () => {
    await runtime.close();
    await rm(folder, { recursive: true });
  });

  test("a local task on a folder of ours: accuracy and log-probabilities are those of our scorer", async () => {
    const samples = await evaluate();
    expect(samples).toHaveLength(QUESTIONS.length);
    const expected = await scoresHere();
    for (const [i, { doc, filtered_resps: said, acc }] of samples.entries()) {
      expect(doc).toEqual(QUESTIONS[i]);
      const theirs = said.map(([logp]) => Number(logp));
      for (const [k, logp] of theirs.entries()) expect(logp).toBeCloseTo(expected[i]![k]!, 3);
      const best = expected[i]!.indexOf(Math.max(...expected[i]!));
      expect(acc, doc.text).toBe(best === doc.right ? 1 : 0);
    }
    // Choices of several lengths and questions: these are no constants.
    expect(new Set(expected.flat().map((logp) => logp.toFixed(2))).size).toBeGreaterThan(4);
  }, 1_200_000);

  async function evaluate(): Promise<Sample[]> {
    const tasks = join(folder, "tasks");
    await mkdir(tasks);
    const data = join(folder, "questions.jsonl");
    await writeFile(data, QUESTIONS.map((one) => `${JSON.stringify(one)}\n`).join(""));
    const task = {
      ...{ task: "of_ours", dataset_path: "json", dataset_kwargs: { data_files: { test: data } } },
      ...{ test_split: "test", output_type: "multiple_choice", target_delimiter: "" },
      ...{ doc_to_text: "text", doc_to_choice: "choices", doc_to_target: "right" },
      metric_list: [{ metric: "acc" }],
    };
    // JSON is YAML.
    await writeFile(join(tasks, "of_ours.yaml"), JSON.stringify(task));
    const out = join(folder, "out");
    const args = [
      ...["-m", "lm_eval", "--model", "hf", "--model_args", `pretrained=${model},dtype=float32`],
      ...["--tasks", "of_ours", "--include_path", tasks, "--device", "cpu", "--batch_size", "1"],
      ...["--output_path", out, "--log_samples"],
    ];
    const env = {
      ...process.env,
      ...{ HF_HUB_OFFLINE: "1", HF_DATASETS_OFFLINE: "1", HF_HOME: join(folder, "home") },
      ...{ TOKENIZERS_PARALLELISM: "false", OMP_NUM_THREADS: "1" },
    };
    await promisify(execFile)(python!, args, { env, maxBuffer: 2 ** 26 });
    const files = (await readdir(out, { recursive: true })).filter((name) =>
      /samples_of_ours.*\.jsonl$/.test(name),
    );
    const lines = (await readFile(join(out, files[0]!), "utf8")).trim().split("\n");
    return lines
      .map((line) => JSON.parse(line) as Sample & { doc_id: number })
      .sort((a, b) => a.doc_id - b.doc_id);
  }

  async function scoresHere(): Promise<number[][]> {
    const loaded = await loadModel(runtime, model, { id: "ours" });
    const tokenizer = await loadTokenizer(model);
    try {
      const scorer = await openScorer(runtime, loaded);
      const limits = { maxLength: 256, maxPromptLength: 128 };
      const rows = QUESTIONS.map(({ text, choices }) =>
        choices.map((choice) => {
          const { prompt, response } = encodePromptResponse(
            tokenizer,
            { prompt: text, response: choice },
            limits,
          );
          // lm_eval asks for the choice's tokens alone, without an end.
          return { prompt, responses: [response.filter((id) => id !== tokenizer.eosId)] };
        }),
      );
      const scores = await scorer.score(rows.flat());
      let next = 0;
      return rows.map((list) => list.map(() => scores[next++]!.logps[0]!));
    } finally {
      await releaseModel(runtime, loaded);
    }
  }
});
