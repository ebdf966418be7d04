/** TRL as the trainer of a recipe's student: the same numbers as our own trainer, what it is told to check, and what is kept of it. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { parseLossSpec, resolveFlip } from "../../src/method/objective/loss-spec.ts";
import { type TrainSettings, trainSettings } from "../../src/method/train/settings.ts";
import { runTrl, type TrlLine } from "../../src/pipeline/elsewhere/run-trl.ts";
import { type TrlJob, writeTrlJob } from "../../src/pipeline/elsewhere/trl-job.ts";
import { loadRecipe } from "../../src/pipeline/recipe/parse.ts";
import type { TrlTrainer } from "../../src/pipeline/recipe/trainer.ts";
import { weakTeacher } from "../cli/spawn.ts";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { python } from "./python.ts";

let folder: string;
let recipe: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trl-trainer-"));
  recipe = await writeTinyRecipe(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const settings = (list: readonly string[]) => list.flatMap((one) => ["--set", one]);
const trained = (...set: readonly string[]) =>
  settings([`student.trainer={kind: trl, python: ${python}}`, ...set]);

const metricsOf = async (run: string, stage: string): Promise<Record<string, number>[]> => {
  const text = await readFile(join(await stageOf(run, stage), "log", "metrics.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number>);
};
const stageOf = async (run: string, stage: string) => {
  const names = await readdir(join(run, "stages"));
  return join(run, "stages", names.find((name) => name.replace(/-[0-9a-f]{12}$/, "") === stage)!);
};

describe.skipIf(python === undefined)("a student trained by TRL (scripts/python-env.sh)", () => {
  test("takes the steps that our own trainer takes, and its report says who trained", async () => {
    // Every step has all rows, so that the order of rows, which each draws in its own way, is nothing to the numbers.
    const whole = ["batch_size=36", "num_train_epochs=4", "learning_rate=0.001", "save_steps=2"];
    const common = [
      ...whole.flatMap((one) => [`student.sft.${one}`, `student.prefer.${one}`]),
      ...["student.prefer.loss.weighted=true", "label.weight=tanh", "arms=[sft, weak]"],
    ];
    const [theirs, ours] = [join(folder, "theirs"), join(folder, "ours")];
    const made = await weakTeacher(["run", recipe, "--out", theirs, ...trained(...common)]);
    expect(made.code, made.stderr).toBe(0);
    const own = await weakTeacher(["run", recipe, "--out", ours, ...settings(common)]);
    expect(own.code, own.stderr).toBe(0);
    for (const stage of ["student-sft-weak", "student-weak"]) {
      const [here, there] = [await metricsOf(ours, stage), await metricsOf(theirs, stage)];
      expect(there.map(({ global_step }) => global_step)).toEqual([1, 2, 3, 4]);
      const names = ["loss", "grad_norm", "learning_rate", "epoch"];
      for (const [i, line] of there.entries())
        for (const name of names) expect(line[name], `${stage} ${i} ${name}`).toBeCloseTo(here[i]![name]!, 3);
    }
    const student = await stageOf(theirs, "student-weak");
    const record = JSON.parse(await readFile(join(student, "stage.json"), "utf8")) as {
      outputs: object;
      tool: { versions: { trl: string }; peakBytes: number; device: string };
    };
    expect(record.tool).toMatchObject({ name: "TRL", device: "cpu", processes: 1, dropped: 0 });
    expect(record.tool.versions.trl).toMatch(/^1\.16\./);
    expect(record.tool.peakBytes).toBeGreaterThan(1e8);
    // What is in the folder is what our own trainer writes: the same files, the tokenizer to the byte.
    expect((await readdir(join(student, "model"))).sort()).toEqual(
      (await readdir(join(await stageOf(ours, "student-weak"), "model"))).sort(),
    );
    for (const file of ["tokenizer.json", "config.json"])
      expect(await readFile(join(student, "model", file), "utf8")).toBe(
        await readFile(join(await stageOf(ours, "student-weak"), "model", file), "utf8"),
      );
    const report = JSON.parse(await readFile(join(theirs, "report.json"), "utf8")) as {
      tables: { title: string; rows: unknown[][] }[];
      times: { stages: { name: string; tool?: string }[] };
    };
    const table = report.tables.find(({ title }) => title === "Trained elsewhere")!;
    expect(table.rows.map(([stage, by]) => [stage, String(by).slice(0, 8)])).toEqual([
      ["student-sft-weak", "TRL 1.16"],
      ["student-weak", "TRL 1.16"],
    ]);
    expect(report.times.stages.find(({ name }) => name === "student-weak")!.tool).toMatch(
      /^TRL: .* at most$/,
    );
    expect(await readFile(join(ours, "report.json"), "utf8")).not.toContain("Trained elsewhere");
  }, 3_600_000);

  test("a teacher's reward head takes the steps of ours, from the same new head", async () => {
    const set = [
      "teacher={kind: reward-head, sft: null, reward: {batch_size: 42, num_train_epochs: 3, learning_rate: 0.001}}",
      "arms=[sft]",
    ];
    const [theirs, ours] = [join(folder, "head-theirs"), join(folder, "head-ours")];
    const teacher = `teacher.trainer={kind: trl, python: ${python}}`;
    const made = await weakTeacher(["run", recipe, "--out", theirs, ...settings([...set, teacher])]);
    expect(made.code, made.stderr).toBe(0);
    const own = await weakTeacher(["run", recipe, "--out", ours, ...settings(set)]);
    expect(own.code, own.stderr).toBe(0);
    const [here, there] = [
      await metricsOf(ours, "teacher-reward"),
      await metricsOf(theirs, "teacher-reward"),
    ];
    expect(there).toHaveLength(3);
    for (const [i, line] of there.entries())
      for (const name of ["loss", "grad_norm", "accuracy", "margin"])
        expect(line[name], `${i} ${name}`).toBeCloseTo(here[i]![name]!, 3);
  }, 3_600_000);

  test("rows that TRL leaves out are told, and a first loss that is off stops it", async () => {
    const job = join(folder, "off");
    await writeTrlJob(job, await tinyJob(), TRAINER);
    await change(join(job, "job.json"), (value) => ({
      ...value,
      first: { ...(value["first"] as object), most: 0.5 },
    }));
    const told: unknown[] = [];
    const run = runTrl({
      ...how(job),
      listener: { ...deaf(told), rows: (...counts) => void told.push(counts) },
    });
    await expect(run).rejects.toThrow(
      /tiny: stopped: the loss of the first step is 0\.693\d*, expected log 2, for the policy is its reference at the first step \(0\.68\d+ to 0\.5\)\. Nothing that is finished is lost/,
    );
    expect(told).toEqual([[10, 8]]);
  }, 3_600_000);

  test("a key that this TRL does not know is refused by name before a model is read", async () => {
    const job = join(folder, "key");
    await writeTrlJob(job, { ...(await tinyJob()), model: join(folder, "no-model") }, TRAINER);
    await change(join(job, "dpo.yaml"), (value) => ({ ...value, warmup_ratio: 0.1, max_prompt_length: 8 }));
    await expect(runTrl({ ...how(job), listener: deaf([]) })).rejects.toThrow(
      "tiny: stopped: this TRL does not know max_prompt_length, warmup_ratio of dpo.yaml.",
    );
  }, 3_600_000);

  test("two processes that the launcher of tao-li-2025-gpus starts take the steps of one", async () => {
    const lines: Record<"one" | "two", TrlLine[]> = { one: [], two: [] };
    const { student } = await loadRecipe("tao-li-2025-gpus");
    const { launch } = student.trainer as TrlTrainer;
    for (const [name, more] of [
      ["one", {}],
      ["two", { launch, processes: 2 }],
    ] as const) {
      const job = join(folder, `step-${name}`);
      const trainer = { ...TRAINER, ...more };
      await writeTrlJob(job, await tinyJob({ epochs: 3, learningRate: 1e-3, saveSteps: 1 }), trainer);
      const facts = await runTrl({ ...how(job), trainer, listener: deaf(lines[name]) });
      expect(facts).toMatchObject({ processes: name === "two" ? 2 : 1, steps: 3, rows: 8, device: "cpu" });
    }
    // Each process writes a part of a checkpoint, and the mark of the whole comes after all of them.
    const made = await readdir(join(folder, "step-two", "checkpoints"));
    const checkpoint = made.filter((name) => name.startsWith("checkpoint-")).at(-1);
    const part = (name: string) => stat(join(folder, "step-two", "checkpoints", checkpoint!, name));
    const [whole, ...parts] = await Promise.all(["whole", "rng_state_0.pth", "rng_state_1.pth"].map(part));
    for (const { mtimeMs } of parts) expect(mtimeMs).toBeLessThanOrEqual(whole!.mtimeMs);
    expect(lines.two.map(({ step }) => step)).toEqual([1, 2, 3]);
    // Every step has all rows; a mean over halves of equal size is the mean over all.
    for (const [i, { logs }] of lines.two.entries())
      for (const key of ["loss", "grad_norm", "rewards/margins"])
        expect(logs[key], `${i} ${key}`).toBeCloseTo(lines.one[i]!.logs[key]!, 4);
    expect(lines.two[2]!.logs["loss"]).toBeLessThan(0.69);
  }, 3_600_000);

  test("a launcher that starts another number of processes than was said is refused", async () => {
    const job = join(folder, "processes");
    const trainer = { ...TRAINER, launch: [python!], processes: 2 };
    await writeTrlJob(job, await tinyJob(), trainer);
    await expect(runTrl({ ...how(job), trainer, listener: deaf([]) })).rejects.toThrow(
      /a step would have 4 rows \(1 processes\), expected 8: trainer\.gpus or trainer\.processes/,
    );
  }, 3_600_000);
});

const TRAINER = { kind: "trl", python: python ?? "", gpus: 0, anyVersion: false } as const;
const how = (job: string) => ({
  ...{ name: "tiny", folder: job, trainer: TRAINER, threads: 1, logFile: join(job, "trl.log") },
});
const deaf = (heard: unknown[]) => ({
  rows() {},
  async begins() {},
  async line(line: TrlLine) {
    heard.push(line);
  },
});

/** Eight rows, and two whose prompt alone fills `max_length`. */
async function tinyJob(more: Partial<TrainSettings> = {}): Promise<TrlJob> {
  const row = (i: number) => ({
    id: `${i}`,
    prompt: i < 8 ? `p${i}` : "long ".repeat(30),
    chosen: " a",
    rejected: " b",
  });
  return {
    ...{ kind: "prefer", model: join(folder, "student"), vocabulary: 264, lora: undefined },
    rows: Array.from({ length: 10 }, (_, i) => row(i)),
    settings: trainSettings({ batchSize: 8, ...more }),
    loss: resolveFlip(parseLossSpec({ type: "sigmoid" })),
    limits: { maxLength: 64, maxPromptLength: 32 },
  };
}

async function change(
  file: string,
  to: (value: Record<string, object | number>) => Record<string, object | number>,
): Promise<void> {
  const value = to(parse(await readFile(file, "utf8")) as Record<string, object | number>);
  await writeFile(file, file.endsWith(".json") ? JSON.stringify(value) : stringify(value));
}

describe("a trainer that is not as it should be", () => {
  test("a Python that is not there is told before anything is computed", async () => {
    const out = join(folder, "nowhere");
    const set = settings(["student.trainer={kind: trl, python: /nowhere/python}"]);
    const made = await weakTeacher(["run", recipe, "--out", out, ...set]);
    expect(made.code).toBe(2);
    expect(made.stderr).toContain(
      "student.trainer.python: /nowhere/python is not there, expected a Python with TRL. Name one, such as .venv/bin/python, or train here with trainer: here.",
    );
    expect(await readdir(join(out, "stages")).catch(() => [])).toEqual([]);
  });

  test("versions that were not tested are refused, and taken where that is asked for", async () => {
    const fake = join(folder, "python");
    const versions = {
      trl: "1.9.2",
      transformers: "5.24.0",
      torch: "2.13.0",
      accelerate: "1.15.0",
      datasets: "5.2.0",
    };
    await writeFile(fake, `#!/bin/sh\necho '${JSON.stringify(versions)}'\n`, { mode: 0o755 });
    const out = join(folder, "version");
    const run = (trainer: string) =>
      weakTeacher(["run", recipe, "--out", out, ...settings([`student.trainer=${trainer}`])]);
    const refused = await run(`{kind: trl, python: ${fake}}`);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(
      `student.trainer.python: ${fake} has trl 1.9.2, expected 1.16, with which this was tested. Install one of these there, or take what is there with any_version: true.`,
    );
    expect(await readdir(join(out, "stages")).catch(() => [])).toEqual([]);
    await writeFile(fake, `#!/bin/sh\necho '${JSON.stringify({ ...versions, trl: null })}'\n`);
    expect((await run(`{kind: trl, python: ${fake}}`)).stderr).toContain(
      `${fake} has no trl. Install them there: `,
    );
    await writeFile(fake, `#!/bin/sh\necho '${JSON.stringify(versions)}'\n`);
    const taken = await run(`{kind: trl, python: ${fake}, any_version: true}`);
    // It goes on to the training, where a Python that does nothing is told; what came before is kept.
    expect(taken.code).toBe(1);
    expect(taken.stderr).toContain("student-sft-weak: TRL ended with code 0 before it was done");
    expect((await readdir(join(out, "stages"))).some((name) => name.startsWith("weak-labels-"))).toBe(true);
  });

  test("what TRL cannot do is refused with what can", async () => {
    const run = (...set: string[]) =>
      weakTeacher([
        "run",
        recipe,
        "--dry-run",
        ...settings(["student.trainer={kind: trl, python: python3}", ...set]),
      ]);
    const refused = await run(
      "student.prefer.loss=simpo",
      "student.sft.validation={share: 0.2}",
      "student.prefer.decay_all=true",
    );
    expect(refused.code).toBe(2);
    for (const text of [
      'student.prefer.loss: TRL has no loss "simpo" behind a command (it is in trl.experimental). It has sigmoid, rdpo, ipo, hinge, apo-zero;',
      "student.sft.validation: TRL's trainers are given every row;",
      "student.prefer.decay_all: TRL decays no norms and biases. Leave it out, or train here with trainer: here.",
    ])
      expect(refused.stderr).toContain(text);
    const weighted = await run("student.prefer.loss={type: ipo, weighted: true}", "arms=[sft, weak]");
    expect(weighted.stderr).toContain(
      'student.prefer.loss: weights go with plain sigmoid DPO only, got "ipo".',
    );
    const divided = await run("student.trainer={kind: trl, launch: [accelerate, launch], processes: 3}");
    expect(divided.stderr).toContain(
      "student.sft.batch_size: 8 rows cannot be divided over 3 processes of the trainer.",
    );
    const alone = await run("student.trainer={kind: trl, gpus: 8}");
    expect(alone.stderr).toContain("student.trainer.launch: is missing: it starts the processes");
  });
});
