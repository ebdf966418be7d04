/** The verbs that do one step, on tiny models: a success and failures of each. */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-single-"));
  await writeTinyModel(at("base"), { family: "llama", seed: 1, positions: 128, vocab: 264 });
  await writeTinyModel(at("gpt2"), { family: "gpt2", seed: 2, positions: 12 });
  const rows = Array.from({ length: 40 }, (_, i) => ({
    prompt: `p${i}`,
    chosen: i % 3 === 0 ? " yes indeed" : " good",
    rejected: i % 2 === 0 ? " no" : " bad day",
  }));
  await writeFile(at("pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  // People who disagree with the rule now and then: no teacher is right on all of these.
  const judged = rows.map((row, i) =>
    i % 7 === 0 ? { ...row, chosen: row.rejected, rejected: row.chosen } : row,
  );
  await writeFile(at("judged.jsonl"), judged.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const pool = rows.map(({ prompt, chosen, rejected }, i) => ({
    id: `r${i}`,
    prompt,
    response_a: chosen,
    response_b: rejected,
  }));
  await writeFile(at("pool.jsonl"), pool.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => rm(folder, { recursive: true }));

const limits = ["--max-length", "64", "--max-prompt-length", "32", "--threads", "1"];
const train = (verb: string, out: string, ...more: string[]) =>
  weakTeacher([verb, at("pairs.jsonl"), "--model", at("base"), "--out", at(out), ...limits, ...more]);

describe("sft, prefer and reward", () => {
  test.each([
    ["sft", ["--set", "learning_rate=0.01", "--set", "batch_size=8"]],
    ["prefer", ["--set", "loss=ipo", "--set", "beta=0.2", "--set", "batch_size=8"]],
    ["reward", ["--set", "batch_size=8"]],
  ])("%s writes a model folder, once", async (verb, set) => {
    const first = await train(verb, verb, ...set);
    expect(first.code, first.stderr).toBe(0);
    expect((await readdir(at(verb))).sort()).toEqual(["log", "model", "rows.json", "stage.json"]);
    const curves = ["metrics.jsonl", expect.stringContaining("tfevents")];
    expect(await readdir(at(verb, "log"))).toEqual(expect.arrayContaining(curves));
    expect(existsSync(`${at(verb)}.work`)).toBe(false);
    const again = await train(verb, verb, ...set);
    expect(again.stdout).toMatch(new RegExp(`^${verb}: kept from before`));
    expect(again.stderr).not.toContain("starts");
    const { identity } = JSON.parse(await readFile(at(verb, "stage.json"), "utf8"));
    expect(identity.config.settings).toMatchObject({ batchSize: 8, seed: 22 });
  });

  test.each(["sft", "prefer", "reward"])(
    "%s trains adapters too, and keeps them beside the merged model or alone",
    async (verb) => {
      const set = ["--set", "lora.r=2", "--set", "batch_size=20"];
      const outcome = await train(verb, `${verb}-lora`, ...set);
      expect(outcome.code, outcome.stderr).toBe(0);
      const both = ["adapter", "log", "merge.json", "model", "rows.json", "stage.json"];
      expect((await readdir(at(`${verb}-lora`))).sort()).toEqual(both);
      const config = JSON.parse(await readFile(at(`${verb}-lora`, "adapter", "adapter_config.json"), "utf8"));
      expect(config).toMatchObject({
        ...{
          r: 2,
          task_type: verb === "reward" ? "SEQ_CLS" : "CAUSAL_LM",
          base_model_name_or_path: at("base"),
        },
        modules_to_save: verb === "reward" ? ["score"] : null,
      });
      const { largestDifference } = JSON.parse(await readFile(at(`${verb}-lora`, "merge.json"), "utf8"));
      expect(largestDifference).toBeLessThan(1e-4);
      const alone = await train(verb, `${verb}-alone`, ...set, "--adapter-only");
      expect(alone.code, alone.stderr).toBe(0);
      expect(alone.stdout).toContain(`adapter/ holds the adapter on ${at("base")}`);
      expect((await readdir(at(`${verb}-alone`))).sort()).toEqual([
        "adapter",
        "log",
        "rows.json",
        "stage.json",
      ]);
      const weightsOf = (out: string) => readFile(at(out, "adapter", "adapter_model.safetensors"));
      expect(await weightsOf(`${verb}-alone`)).toEqual(await weightsOf(`${verb}-lora`));
      const without = await train(verb, `${verb}-none`, "--adapter-only");
      expect(without).toMatchObject({ code: 2, stdout: "" });
      expect(without.stderr).toContain("--adapter-only: has no effect without adapters");
    },
  );

  test("without targets adapters sit where they do in the family; a target on nothing is told before training", async () => {
    const args = ["prefer", at("pairs.jsonl"), "--model", at("gpt2"), "--threads", "1"];
    const lora = (out: string, set: string, ...more: string[]) =>
      weakTeacher([...args, "--out", at(out), "--set", "batch_size=20", "--set", set, ...more]);
    const outcome = await lora("gpt2-lora", "lora={r: 3}");
    expect(outcome.code, outcome.stderr).toBe(0);
    const config = JSON.parse(await readFile(at("gpt2-lora", "adapter", "adapter_config.json"), "utf8"));
    expect(config).toMatchObject({ r: 3, target_modules: ["c_attn"] });
    for (const more of [[], ["--dry-run"]]) {
      const wrong = await lora("no-lora", "lora.target_modules=[c_attn, qq]", ...more);
      expect(wrong).toMatchObject({ code: 2, stdout: "" });
      expect(wrong.stderr).toContain('"qq" is on no projection of the model (gpt2), expected some of c_attn');
      expect(wrong.stderr).not.toContain("starts");
    }
    const bad = await lora("no-lora", "lora={rank: 3}");
    expect(bad.stderr).toContain("--set lora={rank: 3}: lora.rank: unknown setting");
  });

  test.each(["sft", "prefer", "reward"])("%s never trains beyond the model's positions", async (verb) => {
    const args = [verb, at("pairs.jsonl"), "--model", at("gpt2"), "--threads", "1"];
    const long = await weakTeacher([...args, "--out", at("long"), "--max-length", "20", "--dry-run"]);
    expect(long).toMatchObject({ code: 2, stdout: "" });
    expect(long.stderr).toContain(
      "gpt2: has 12 positions, expected at least max_length of them, got max_length 20. Set max_length",
    );
    // Rows of up to 17 tokens are cut: a table of positions would be read past its end.
    const out = at(`${verb}-short`);
    const plan = await weakTeacher([...args, "--out", out, "--set", "batch_size=20", "--dry-run"]);
    expect(plan.stdout).toBe(`${verb}: would train; the model would be in ${out}/model\n`);
    const cut = await weakTeacher([...args, "--out", out, "--set", "batch_size=20"]);
    expect(cut.code, cut.stderr).toBe(0);
    const { identity } = JSON.parse(await readFile(join(out, "stage.json"), "utf8"));
    expect(identity.config.limits).toEqual({ maxLength: 12, maxPromptLength: 6 });
  });

  test("what is wrong is told, and nothing is left", async () => {
    const typo = await train("sft", "typo", "--set", "lerning_rate=1", "--set", "batch_size=0");
    expect(typo.code).toBe(2);
    expect(typo.stderr).toBe(
      'error: --set lerning_rate=1: lerning_rate: unknown setting; did you mean "learning_rate"?\n' +
        "--set batch_size=0: batch_size: expected above 0, got 0.\n",
    );
    expect((await train("prefer", "weights", "--set", "loss.weighted=true")).stderr).toContain(
      "holds no weights",
    );
    await writeFile(at("file"), "");
    const taken = await train("sft", "base");
    expect(taken).toMatchObject({ code: 2 });
    expect(taken.stderr).toContain("is there and was not made by this command");
    expect(await readdir(at("base"))).toContain("model.safetensors");
    const absent = await weakTeacher(["sft", at("pairs.jsonl"), "--model", at("nowhere"), "--out", at("x")]);
    expect(absent).toMatchObject({ code: 1 });
    expect(existsSync(at("typo")) || existsSync(at("x"))).toBe(false);
  });
});

describe("label", () => {
  test("an implicit reward labels a pool, calibrated on pairs of its own, in files that TRL reads", async () => {
    expect(
      (await train("prefer", "policy", "--set", "batch_size=8", "--set", "learning_rate=0.01")).code,
    ).toBe(0);
    const args = [
      "label",
      at("pool.jsonl"),
      "--model",
      at("policy", "model"),
      "--reference",
      at("base"),
      "--out",
      at("labels"),
      ...limits,
    ];
    const more = [
      "--calibrate",
      at("judged.jsonl"),
      "--set",
      "select.kind=top",
      "--set",
      "select.percent=50",
    ];
    const outcome = await weakTeacher([...args, ...more]);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(outcome.stdout).toMatch(
      /: 40 pairs, 20 labels \(\d+ a, \d+ b\), 0 ties, 20 abstentions \(20 not selected\)\n$/,
    );
    const rows = (await readFile(at("labels", "training.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows).toHaveLength(20);
    expect(Object.keys(rows[0])).toEqual(
      expect.arrayContaining(["prompt", "chosen", "rejected", "p_chosen", "weight", "label_source"]),
    );
    const again = await weakTeacher([...args, ...more, "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ state: "cached", counts: { pairs: 40 } });
    // The folder that prefer wrote is the model in it: nothing is labelled anew.
    const whole = args.map((arg) => (arg === at("policy", "model") ? at("policy") : arg));
    const same = await weakTeacher([...whole, ...more, "--json"]);
    expect(JSON.parse(same.stdout), same.stderr).toMatchObject({ state: "cached" });
    const teacher = ["--teacher", "likelihood", "--model", at("base"), "--calibrate", at("judged.jsonl")];
    const short = ["--out", at("short"), "--max-length", "6", "--max-prompt-length", "5"];
    const cut = await weakTeacher(["label", at("pool.jsonl"), ...teacher, ...short]);
    expect(cut.code).toBe(2);
    expect(cut.stderr).toMatch(
      /expected at least 10 pairs that people and teacher decided, got \d; \d+ of \d+ are cut and get no label: raise --max-length and --max-prompt-length\.\n$/,
    );
  });

  test("limits beyond a model's positions are refused in a plan, for every model", async () => {
    const args = ["label", at("pool.jsonl"), "--model", at("base"), "--reference", at("gpt2")];
    const more = ["--out", at("far"), "--dry-run", "--max-length"];
    const far = await weakTeacher([...args, ...more, "300"]);
    expect(far).toMatchObject({ code: 2, stdout: "" });
    expect(far.stderr).toMatch(/base: has 128 positions.*\n.*gpt2: has 12 positions/);
    expect(await weakTeacher([...args, ...more, "12"])).toMatchObject({ code: 0, stdout: "label: runs\n" });
  });

  test("controls label without a model", async () => {
    const outcome = await weakTeacher([
      "label",
      at("pool.jsonl"),
      "--teacher",
      "longer",
      "--out",
      at("longer"),
      "--json",
    ]);
    expect(outcome.code, outcome.stderr).toBe(0);
    // " yes indeed" (11) or " good" (5) against " no" (3) or " bad day" (8): never equal.
    expect(JSON.parse(outcome.stdout).counts).toMatchObject({ pairs: 40, tie: 0 });
  });

  test("flags that are missing, or have no effect, are exit code 2", async () => {
    const outcome = await weakTeacher([
      "label",
      at("pool.jsonl"),
      "--out",
      at("none"),
      "--teacher",
      "reward-head",
      "--beta",
      "1",
    ]);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toBe(
      "error: --model: is missing; --teacher reward-head needs it.\n--beta: has no effect with --teacher reward-head. Leave it out.\n",
    );
    const promise = await weakTeacher([
      "label",
      at("pool.jsonl"),
      "--teacher",
      "random",
      "--out",
      at("none"),
      "--set",
      "calibration=platt",
    ]);
    expect(promise.stderr).toContain("has no effect without labelled pairs");
    expect(
      (
        await weakTeacher([
          "label",
          at("pool.jsonl"),
          "--teacher",
          "random",
          "--out",
          at("none"),
          "--beta",
          "x",
        ])
      ).code,
    ).toBe(2);
    expect(existsSync(at("none"))).toBe(false);
  });

  test("an untrained head never labels", async () => {
    const outcome = await weakTeacher([
      "label",
      at("pool.jsonl"),
      "--teacher",
      "reward-head",
      "--model",
      at("base"),
      "--out",
      at("none"),
    ]);
    expect(outcome.code).not.toBe(0);
    expect(existsSync(at("none"))).toBe(false);
  });
});

describe("generate", () => {
  test("writes one record per response, the same for the same seed, scored by gold", async () => {
    await writeFile(at("prompts.txt"), "good\nbad\n\n");
    const generate = (out: string) =>
      weakTeacher([
        "generate",
        at("prompts.txt"),
        "--model",
        at("base"),
        "--out",
        at(out),
        "--json",
        "--threads",
        "1",
        "--set",
        "max_new_tokens=4",
        "--set",
        "per_prompt=2",
        "--set",
        "gold=[sentiment]",
      ]);
    const outcome = await generate("a");
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ prompts: 2, responses: 4 });
    expect(JSON.parse((await generate("a")).stdout)).toMatchObject({ state: "cached", responses: 4 });
    await generate("b");
    expect(await readFile(at("a", "responses.jsonl"), "utf8")).toBe(
      await readFile(at("b", "responses.jsonl"), "utf8"),
    );
  });

  test("a data file gives its prompts, not its lines", async () => {
    const [first] = (await readFile(at("pairs.jsonl"), "utf8")).split("\n");
    await writeFile(at("few.jsonl"), `${first}\n${first}\n`);
    const args = ["generate", at("few.jsonl"), "--model", at("base"), "--out", at("of-pairs")];
    const outcome = await weakTeacher([...args, "--set", "max_new_tokens=2", "--json", "--threads", "1"]);
    expect(JSON.parse(outcome.stdout), outcome.stderr).toMatchObject({ prompts: 1, responses: 1 });
    const [record] = (await readFile(at("of-pairs", "responses.jsonl"), "utf8")).split("\n");
    expect(JSON.parse(record!)).toMatchObject({ prompt: "p0" });
  });

  test("prompts that are no list, and unknown settings, are refused", async () => {
    await writeFile(at("prompts.json"), "{}");
    const args = ["generate", at("prompts.json"), "--model", at("base"), "--out", at("no")];
    const outcome = await weakTeacher(args);
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toContain("expected a JSON list of prompts");
    expect((await weakTeacher([...args, "--set", "temprature=1"])).stderr).toContain(
      'did you mean "temperature"?',
    );
    expect(existsSync(at("no"))).toBe(false);
  });
});

describe("init", () => {
  test("writes a recipe that is sound and can be planned", async () => {
    const args = [
      "init",
      at("mine.yaml"),
      "--data",
      at("pairs.jsonl"),
      "--weak",
      at("base"),
      "--student",
      at("base"),
    ];
    const outcome = await weakTeacher(args);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(outcome.stdout).toContain("a recipe on 40 preferences");
    const plan = await weakTeacher(["run", at("mine.yaml"), "--dry-run", "--json", "--out", at("planned")]);
    expect(plan.code, plan.stderr).toBe(0);
    const again = await weakTeacher(args);
    expect(again).toMatchObject({ code: 2, stdout: "" });
    expect(again.stderr).toContain("is there already");
  });

  test("holds out as many labelled pairs as calibration needs, and says where there are too few", async () => {
    const row = (i: number) => ({ prompt: `q${i}`, chosen: ` yes ${i}`, rejected: ` no ${i}` });
    const init = async (pairs: number) => {
      const lines = Array.from({ length: pairs }, (_, i) => `${JSON.stringify(row(i))}\n`);
      await writeFile(at(`${pairs}.jsonl`), lines.join(""));
      const models = ["--weak", "stories15M", "--student", at("base")];
      const { code, stderr } = await weakTeacher([
        "init",
        at(`${pairs}.yaml`),
        "--data",
        at(`${pairs}.jsonl`),
        ...models,
      ]);
      expect(code, stderr).toBe(0);
      return { stderr, label: parse(await readFile(at(`${pairs}.yaml`), "utf8")).label };
    };
    // Labelled are 30 %: 300 pairs, 60, 27, 18.
    expect((await init(1000)).label).toMatchObject({ calibration: "temperature", held_out: 0.1 });
    expect((await init(200)).label).toMatchObject({ calibration: "temperature", held_out: 0.4 });
    expect((await init(90)).label).toMatchObject({ calibration: "temperature", held_out: 0.5 });
    const few = await init(60);
    expect(few.label).toMatchObject({ calibration: "none" });
    expect(few.stderr).toContain("warning: ");
    expect(few.stderr).toContain("has too few preferences to calibrate a teacher on");
  });

  test("asks for no more tokens than the built-in model takes", async () => {
    const models = ["--weak", "stories15M", "--student", "stories15M"];
    const outcome = await weakTeacher(["init", at("s.yaml"), "--data", at("pairs.jsonl"), ...models]);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(parse(await readFile(at("s.yaml"), "utf8")).data).toMatchObject({
      max_length: 256,
      max_prompt_length: 128,
    });
  });

  test("writes nothing about data or models that cannot be read", async () => {
    const outcome = await weakTeacher([
      "init",
      at("no.yaml"),
      "--data",
      at("none.jsonl"),
      "--weak",
      "x",
      "--student",
      "y",
    ]);
    expect(outcome.code).toBe(1);
    expect(existsSync(at("no.yaml"))).toBe(false);
    const models = ["--weak", at("base"), "--student", at("bse")];
    const model = await weakTeacher(["init", at("no.yaml"), "--data", at("pairs.jsonl"), ...models]);
    expect(model.stderr).toContain(
      "bse: cannot be opened as a model folder: there is no such file or folder",
    );
    expect(existsSync(at("no.yaml"))).toBe(false);
  });
});
