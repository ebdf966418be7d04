/** An export as TRL itself takes it: its own list of arguments has every key, and its commands train. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { loadTokenizer } from "../../src/engine/text/tokenizer.ts";
import { parseLossSpec, resolveFlip } from "../../src/method/objective/loss-spec.ts";
import { trainSettings } from "../../src/method/train/settings.ts";
import { lossesOf } from "../../src/pipeline/elsewhere/losses.ts";
import { writeTrl } from "../../src/pipeline/elsewhere/trl.ts";
import { weakTeacher } from "../cli/spawn.ts";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { python, runPython } from "./python.ts";

const shell = promisify(execFile);

describe.skipIf(python === undefined)("exports to TRL (scripts/python-env.sh)", () => {
  let folder: string;
  let run: string;
  /** What TRL's last command left, for the test after it. */
  let trained: string | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "trl-export-"));
    run = join(folder, "run");
    const recipe = await writeTinyRecipe(folder);
    const set = ["student.prefer.loss.weighted=true", "label.weight=tanh", "arms=[sft, weak]"];
    const made = await weakTeacher(["run", recipe, "--out", run, ...set.flatMap((one) => ["--set", one])]);
    expect(made.code, made.stderr).toBe(0);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("every key of every config is an argument of the installed TRL", () => {
    const known = JSON.parse(runPython("trl_arguments.py")) as Record<string, string[]>;
    const everything = { warmupRatio: 0.1, groupByLength: true, maxSteps: 3 };
    for (const type of lossesOf("trl")) {
      const loss = resolveFlip(parseLossSpec({ type, ...(type === "rdpo" ? { flip: 0.2 } : {}) } as never));
      for (const gpus of [0, 2]) {
        const { files } = writeTrl({
          rows: [{ id: "a", prompt: "p", chosen: "c", rejected: "r" }],
          sftRows: [],
          gpus,
          weightsDone: false,
          student: {
            ...{ model: "org/base", sft: trainSettings(everything), sftLora: false, loss, seed: 7 },
            prefer: trainSettings({ ...everything, batchSize: 8 }),
            lora: { r: 8, alpha: 16, dropout: 0, targetModules: ["q_proj"] },
            limits: { maxLength: 64, maxPromptLength: 32 },
          },
        });
        for (const file of files) {
          if (!("text" in file) || !file.path.endsWith(".yaml")) continue;
          const keys = Object.keys(parse(file.text) as object);
          expect(known[file.path.replace(".yaml", "")], `${type}, ${file.path}`).toEqual(
            expect.arrayContaining(keys),
          );
        }
      }
    }
  });

  test("its commands train on a processor as they are written", async () => {
    const out = join(folder, "out");
    const weighted = await weakTeacher(["export", run, "--to", "trl", "--gpus", "0", "--out", out, "--json"]);
    expect(weighted.code, weighted.stderr).toBe(0);
    const [sft, dpo] = (JSON.parse(weighted.stdout) as { commands: string[] }).commands;
    expect(dpo).toBe("python train_weighted_dpo.py dpo.yaml");
    await train(out, sft!);
    await logEveryStep(out);
    const rows = (await readFile(join(out, "train.jsonl"), "utf8")).trim().split("\n");
    const weights = rows.map((row) => (JSON.parse(row) as { weight: number }).weight);
    const first = await train(out, dpo!);
    // One batch is not all rows, so only the range of the weights is known.
    expect(first).toBeGreaterThanOrEqual(Math.min(...weights) * Math.LN2 - 1e-3);
    expect(first).toBeLessThanOrEqual(Math.max(...weights) * Math.LN2 + 1e-3);

    const plain = [
      "export",
      run,
      "--to",
      "trl",
      "--gpus",
      "0",
      "--weights",
      "resample",
      "--out",
      out,
      "--json",
    ];
    const resampled = JSON.parse((await weakTeacher(plain)).stdout) as { commands: string[] };
    expect(resampled.commands[1]).toBe("trl dpo --config dpo.yaml");
    // The start is the base this time, so that its reward margin is 0 and the loss log 2.
    await logEveryStep(out, join(folder, "student"));
    expect(await train(out, resampled.commands[1]!)).toBeCloseTo(Math.LN2, 3);
    trained = join(out, "dpo");
  }, 3_600_000);

  test("evaluate takes what TRL wrote as it is, and refuses one whose ids are others", async () => {
    // transformers has written it anew: to the digest, which reads every member, it is another.
    const digest = async (model: string) => (await loadTokenizer(model)).digest;
    expect(await digest(trained!)).not.toBe(await digest(join(folder, "student")));
    const args = [
      "evaluate",
      run,
      "--model",
      trained!,
      "--start",
      join(folder, "student"),
      "--name",
      "trl",
      "--json",
    ];
    const outcome = await weakTeacher(args);
    expect(outcome.code, outcome.stderr).toBe(0);
    const report = JSON.parse(await readFile(join(run, "evaluate-trl", "report.json"), "utf8")) as {
      arms: { name: string; testAccuracy: { n: number } }[];
    };
    expect(report.arms.find(({ name }) => name === "trl")!.testAccuracy.n).toBeGreaterThan(0);

    const other = join(folder, "other");
    await cp(trained!, other, { recursive: true });
    const json = JSON.parse(await readFile(join(other, "tokenizer.json"), "utf8")) as {
      model: { vocab: Record<string, number> };
    };
    Object.assign(json.model.vocab, { x: json.model.vocab["y"], y: json.model.vocab["x"] });
    await writeFile(join(other, "tokenizer.json"), JSON.stringify(json));
    const refused = await weakTeacher(["evaluate", run, "--model", other, "--name", "other"]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(
      /other: its tokenizer is not that of the run's students.*the id of "x" is 121, expected 120/,
    );
  }, 3_600_000);

  test("a model of this machine is named by its whole path, a trimmed one by what was trained", async () => {
    const trimmed = join(folder, "trimmed");
    const set = ["models.student.vocabulary=trim", "arms=[weak]"].flatMap((one) => ["--set", one]);
    const made = await weakTeacher(["run", join(folder, "tiny.yaml"), "--out", trimmed, ...set]);
    expect(made.code, made.stderr).toBe(0);
    const out = join(folder, "trimmed-out");
    const model = async () =>
      (parse(await readFile(join(out, "sft.yaml"), "utf8")) as { model_name_or_path: string })
        .model_name_or_path;
    expect((await weakTeacher(["export", trimmed, "--to", "trl", "--out", out])).code).toBe(0);
    const stage = (await readdir(join(trimmed, "stages"))).find((one) =>
      one.startsWith("student-vocabulary-"),
    );
    expect(await model()).toBe(join(trimmed, "stages", stage!, "model"));
    const near = ["--model", relative(process.cwd(), join(folder, "student"))];
    expect((await weakTeacher(["export", trimmed, "--to", "trl", "--out", out, ...near])).code).toBe(0);
    expect(await model()).toBe(join(folder, "student"));
    const preset = await weakTeacher([
      "export",
      trimmed,
      "--to",
      "trl",
      "--out",
      out,
      "--model",
      "stories15M",
    ]);
    expect(preset.code).toBe(2);
    expect(preset.stderr).toContain("is built in here and known to no other trainer");
  });
});

/** Runs a command in an export's folder. @returns the first loss that it logs */
async function train(cwd: string, command: string): Promise<number> {
  const bin = dirname(python!);
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    HF_HUB_OFFLINE: "1",
    OMP_NUM_THREADS: "1",
  };
  const { stdout, stderr } = await shell("bash", ["-c", command], { cwd, env, maxBuffer: 2 ** 26 });
  return Number(/'loss': '?([-\d.e]+)/.exec(stdout + stderr)?.[1]);
}

/** The first loss is of the first step; and another start, where one is named. */
async function logEveryStep(out: string, start?: string): Promise<void> {
  const file = join(out, "dpo.yaml");
  const text = (await readFile(file, "utf8")).replace(/logging_steps: \d+/, "logging_steps: 1");
  await writeFile(file, start === undefined ? text : text.replace("./sft", start));
}
