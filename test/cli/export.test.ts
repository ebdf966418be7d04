/** A finished run, made where no network can be reached, exported to every trainer. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { sha256 } from "../../src/base/core/digest.ts";
import { readTable } from "../helpers/read-table.ts";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { weakTeacher } from "./spawn.ts";

/** A secret in the environment that nothing may print or keep. */
const PLANTED = "planted-9f2c-Secret-of-a-test";

let folder: string;
let run: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-export-"));
  run = join(folder, "run");
  const recipe = await writeTinyRecipe(folder);
  const noNetwork = new URL("../helpers/no-network.mjs", import.meta.url).href;
  const set = [
    "student.prefer.loss.weighted=true",
    "label.weight=tanh",
    "arms=[sft, weak, { labels: human, prefer: { loss: { weighted: false } } }]",
  ];
  const made = await weakTeacher(["run", recipe, "--out", run, ...set.flatMap((one) => ["--set", one])], {
    env: { NODE_OPTIONS: `--import ${noNetwork}`, WT_PLANTED_KEY: PLANTED },
  });
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).not.toContain("network:");
  expect(made.stderr + made.stdout).not.toContain(PLANTED);
});
afterAll(() => rm(folder, { recursive: true }));

const read = (...path: string[]) => readFile(join(...path), "utf8");

describe("export", () => {
  test("to TRL: tables, configs, a trainer with weights, a card with a header, a manifest of digests", async () => {
    const outcome = await weakTeacher(["export", run, "--to", "trl"]);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(outcome.stdout).toMatch(
      /\d+ rows for trl, arm weak[\s\S]*not carried over:[\s\S]*max_prompt_length/,
    );
    const out = join(run, "export-trl");
    const rows = await readTable(join(out, "data", "train.parquet"));
    const manifest = JSON.parse(await read(out, "export.json"));
    expect(rows).toHaveLength(manifest.rows);
    expect(Object.keys(rows[0]!)).toEqual(
      expect.arrayContaining(["prompt", "chosen", "rejected", "weight", "p_chosen"]),
    );
    const config = parse(await read(out, "dpo.yaml"), { strict: true });
    expect(config).toMatchObject({ dataset_name: "./data", max_length: 64, loss_type: ["sigmoid"] });
    expect(await read(out, "train_weighted_dpo.py")).toContain("tested with TRL 1.16");
    const card = await read(out, "README.md");
    const [, header] = /^---\n([\s\S]*?)\n---\n/.exec(card)!;
    expect(parse(header!)).toMatchObject({
      license: "unknown",
      base_model: join(folder, "student"),
      tags: expect.arrayContaining(["dpo"]),
    });
    expect(card).toMatch(
      /agreement with people on \d+ held-out pairs: [\d.]+ % \[[\d.]+, [\d.]+\] \(95 % interval, n = \d+ prompts or groups\)/,
    );
    for (const [path, { sha256: digest }] of Object.entries<{ sha256: string }>(manifest.files))
      expect(sha256(await readFile(join(out, path)))).toBe(digest);
    expect((await readdir(out)).sort()).toEqual(
      [
        "README.md",
        "data",
        "data-sft",
        "dpo.yaml",
        "export.json",
        "sft.yaml",
        "train.jsonl",
        "train_weighted_dpo.py",
      ].sort(),
    );
  });

  test("to a tool without weights: rows are drawn by weight, which is said in output, card and manifest", async () => {
    const out = join(folder, "axolotl");
    const outcome = await weakTeacher([
      "export",
      run,
      "--to",
      "axolotl",
      "--out",
      out,
      "--model",
      "org/large",
      "--json",
    ]);
    expect(outcome.code, outcome.stderr).toBe(0);
    const said = /drawn in proportion to weight, seed 22/;
    expect(JSON.parse(outcome.stdout).weights).toMatch(said);
    expect(await read(out, "README.md")).toMatch(said);
    expect(JSON.parse(await read(out, "export.json")).weights).toMatch(said);
    expect(parse(await read(out, "sft.yaml")).base_model).toBe("org/large");
  });

  test("the same export twice is the same to the byte, and writes over an export only", async () => {
    const out = join(folder, "again");
    const args = ["export", run, "--to", "openrlhf", "--out", out, "--weights", "filter", "--budget", "0.5"];
    expect((await weakTeacher(args)).code).toBe(0);
    const first = await read(out, "export.json");
    expect((await weakTeacher(args)).code).toBe(0);
    expect(await read(out, "export.json")).toBe(first);
    await rm(join(out, "export.json"));
    expect((await weakTeacher(args)).stderr).toContain("is there and is no export");
  });

  test("human labels have no weights: filtering them is refused, exporting them is not", async () => {
    const out = join(folder, "human");
    const args = ["export", run, "--to", "llama-factory", "--arm", "human", "--out", out];
    const refused = await weakTeacher([...args, "--weights", "filter", "--min-confidence", "0.8"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(
      "rows have p_chosen 1; only labels of a calibrated teacher differ in it",
    );
    expect((await weakTeacher([...args, "--weights", "none"])).code).toBe(0);
  });

  test("what is wrong with the request is exit code 2", async () => {
    const fails = async (args: string[], message: string) => {
      const outcome = await weakTeacher(["export", ...args]);
      expect(outcome.code, outcome.stderr).toBe(2);
      expect(outcome.stderr).toContain(message);
    };
    await fails([run, "--to", "torchtune"], "Allowed choices are trl, llama-factory, axolotl, openrlhf");
    await fails([folder, "--to", "trl"], "is neither the folder of a run (recipe.yaml) nor of labels");
    await fails([run, "--to", "trl", "--arm", "weka"], 'the run has no such arm; did you mean "weak"?');
    await fails([run, "--to", "trl", "--budget", "5"], "--budget: has no effect with --weights none");
    await fails([run, "--to", "trl", "--recipe", "demo"], "--recipe: has no effect on a run");
    await fails([run, "--to", "trl", "--gpus", "3"], "--gpus 3: does not divide the batch of 8 rows");
  });

  test("a folder of labels goes with a model's name and the default settings", async () => {
    const labels = join(folder, "labels");
    const made = await weakTeacher([
      "label",
      join(folder, "pairs.jsonl"),
      "--teacher",
      "random",
      "--out",
      labels,
    ]);
    expect(made.code, made.stderr).toBe(0);
    expect((await weakTeacher(["export", labels, "--to", "trl"])).stderr).toContain("--model: is missing");
    const outcome = await weakTeacher(["export", labels, "--to", "trl", "--model", "org/m"]);
    expect(outcome.code, outcome.stderr).toBe(0);
    await writeFile(join(labels, "training.jsonl"), '{"id":"x","prompt":1}\n');
    const broken = await weakTeacher(["export", labels, "--to", "trl", "--model", "org/m"]);
    expect(broken.code).toBe(1);
    expect(broken.stderr).toMatch(/training\.jsonl:1: is no training row: "prompt" is .*"chosen" is /);
  });
});

describe("evaluate", () => {
  const stage = async (name: string) => {
    const found = (await readdir(join(run, "stages"))).find((one) => one.startsWith(`${name}-`));
    return join(run, "stages", found!);
  };

  test("a checkpoint from elsewhere is one more arm; one that is the run's own student has its very figures", async () => {
    const [model, start] = [
      join(await stage("student-weak"), "model"),
      join(await stage("student-sft-weak"), "model"),
    ];
    const args = ["evaluate", run, "--model", model, "--start", start, "--name", "elsewhere", "--json"];
    const outcome = await weakTeacher(args);
    expect(outcome.code, outcome.stderr).toBe(0);
    const report = JSON.parse(await read(run, "evaluate-elsewhere", "report.json"));
    const arm = (name: string) => report.arms.find((one: { name: string }) => one.name === name);
    expect(report.arms.map(({ name }: { name: string }) => name)).toEqual([
      "sft",
      "weak",
      "human",
      "elsewhere",
    ]);
    expect(arm("elsewhere").description).toBe("trained elsewhere");
    for (const figure of ["goldReward", "testAccuracy", "responseLength"])
      expect(arm("elsewhere")[figure]).toEqual(arm("weak")[figure]);
    expect(arm("elsewhere").testAccuracy.n).toBeGreaterThan(0);
    const again = JSON.parse((await weakTeacher(args)).stdout);
    expect(again.steps.every(({ state }: { state: string }) => state === "cached")).toBe(true);
  });

  test("an adapter is folded in; another tokenizer, other sizes, a taken name are refused with the reason", async () => {
    const student = join(folder, "student");
    const trained = await weakTeacher([
      "prefer",
      join(folder, "pairs.jsonl"),
      "--model",
      student,
      "--out",
      join(folder, "lora"),
      "--max-length",
      "64",
      "--max-prompt-length",
      "32",
      "--set",
      "lora.r=2",
      "--set",
      "max_steps=2",
    ]);
    expect(trained.code, trained.stderr).toBe(0);
    const outcome = await weakTeacher([
      "evaluate",
      run,
      "--model",
      student,
      "--adapter",
      join(folder, "lora", "adapter"),
      "--name",
      "lora",
    ]);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(outcome.stdout).toMatch(/\nlora +/);

    const fails = async (model: string, name: string, message: RegExp) => {
      const refused = await weakTeacher(["evaluate", run, "--model", model, "--name", name]);
      expect(refused.code, refused.stderr).not.toBe(0);
      expect(refused.stderr).toMatch(message);
    };
    const other = await writeTinyFolder(folder, "other", { seed: 3, merge: "a b" });
    await fails(other, "x", /other: its tokenizer is not that of the run's students/);
    await writeTinyModel(join(folder, "wide"), {
      family: "llama",
      seed: 3,
      vocab: 264,
      hidden: 32,
      positions: 128,
    });
    await fails(join(folder, "wide"), "x", /another architecture .*hiddenSize is 32, expected 16/);
    await fails(student, "weak", /the run has an arm of this name/);
  });
});

describe("secrets", () => {
  test("no file of a run holds the value of a variable that is named like a key", async () => {
    const entries = await readdir(run, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    expect(files.length).toBeGreaterThan(30);
    for (const file of files) expect((await readFile(file)).includes(PLANTED), file).toBe(false);
  });

  test("a recipe with a password or a key in it is refused without repeating it, and leaves no folder", async () => {
    for (const source of [`https://me:${PLANTED}@host/v1`, `https://host/v1?api_key=${PLANTED}`, PLANTED]) {
      const out = join(folder, "leak");
      const outcome = await weakTeacher(
        [
          "run",
          join(folder, "tiny.yaml"),
          "--out",
          out,
          "--json",
          "--set",
          `eval.gold=[{type: reward-model, model: "${source}"}]`,
        ],
        { env: { WT_PLANTED_KEY: PLANTED } },
      );
      expect(outcome.code, outcome.stderr).toBe(2);
      expect(outcome.stderr).toContain("holds a key, token or password");
      expect(outcome.stderr + outcome.stdout).not.toContain(PLANTED);
      expect(await readdir(out).catch(() => "none")).toBe("none");
    }
  });
});
