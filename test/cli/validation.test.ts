/** Validation by the commands: the verbs that train, and a whole run with its report. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyJob } from "../helpers/tiny-job.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const json = async (...path: string[]) => JSON.parse(await readFile(at(...path), "utf8"));
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-validation-"));
  await writeTinyJob(folder, "{ max_new_tokens: 4, n_bootstrap: 100 }");
});
afterAll(() => rm(folder, { recursive: true }));

const train = (verb: string, out: string, ...set: string[]) =>
  weakTeacher([
    ...[verb, at("pairs.jsonl"), "--model", at("student"), "--out", at(out), "--threads", "1"],
    ...["--max-length", "64", "--max-prompt-length", "32", "--set", "batch_size=8"],
    ...set.flatMap((one) => ["--set", one]),
  ]);

describe("the verbs", () => {
  test.each([
    ["sft", []],
    ["prefer", ["loss=kto", "validation.metric=accuracy"]],
    ["reward", ["validation.metric=accuracy"]],
  ])("%s sets pairs aside, keeps the best weights and says why it ended", async (verb, more) => {
    const set = [
      "validation.share=0.2",
      "validation.steps=2",
      "validation.patience=1",
      "num_train_epochs=40",
    ];
    const outcome = await train(verb, verb, ...set, "learning_rate=0.05", ...more);
    expect(outcome.code, outcome.stderr).toBe(0);
    const found = await json(verb, "validation.json");
    expect(found).toMatchObject({ rows: 24, ended: "patience", planned: 480 });
    expect(found.kept).toBe(found.best.step);
    expect(found.last.step).toBe(found.kept + 2);
    expect(await json(verb, "rows.json")).toMatchObject({ rows: 120, used: 96, validation: 24, leftOut: 0 });
    expect(outcome.stderr).toContain(`kept step ${found.kept}; ended early, of 480 steps`);
    const { identity, outputs } = await json(verb, "stage.json");
    expect(identity.config.settings.validation).toMatchObject({ share: 0.2, patience: 1, keep: "best" });
    expect(Object.keys(outputs)).toContain("validation.json");
    const curve = await readFile(at(verb, "log", "metrics.jsonl"), "utf8");
    expect(curve.match(/"eval_loss"/g)).toHaveLength(found.last.step / 2);
  });

  test("what transformers calls by another name is told; nothing is set aside unless asked for", async () => {
    const other = await train("sft", "other", "eval_steps=5", "load_best_model_at_end=true");
    expect(other).toMatchObject({ code: 2, stdout: "" });
    expect(other.stderr).toContain(
      'eval_steps: unknown setting; did you mean "validation": validation.share',
    );
    expect(other.stderr).toContain('did you mean "validation": validation.keep is best or last?');
    const plain = await train("sft", "plain");
    expect(plain.code, plain.stderr).toBe(0);
    expect((await readdir(at("plain"))).sort()).toEqual(["log", "model", "rows.json", "stage.json"]);
    expect(await json("plain", "rows.json")).toEqual({ rows: 120, used: 120, leftOut: 0, badRows: 0 });
  });
});

test("a run reports every training that was validated: step kept, values, why it ended, and the curve", async () => {
  const rule = "validation={share: 0.2, steps: 1, patience: 2}";
  const set = ["student.prefer", "student.sft", "teacher.prefer"].flatMap((of) => ["--set", `${of}.${rule}`]);
  const args = [at("tiny.yaml"), "--out", at("run"), "--set", "student.prefer.learning_rate=0.01"];
  const plan = await weakTeacher(["run", ...args, ...set, "--dry-run"]);
  expect(plan.code, plan.stderr).toBe(0);
  const outcome = await weakTeacher(["run", ...args, ...set]);
  expect(outcome.code, outcome.stderr).toBe(0);
  const report = await json("run", "report.json");
  const table = report.tables.find(({ title }: { title: string }) => title === "Validation");
  const trained = table.rows.map(([stage]: [string]) => stage);
  expect(trained).toEqual([
    "teacher-prefer",
    "student-sft-weak",
    "student-weak",
    "student-sft-human",
    "student-human",
  ]);
  const stages = await readdir(at("run", "stages"));
  for (const [stage, rows, metric, kept, best, last, taken] of table.rows) {
    const name = stages.find((one) => new RegExp(`^${stage}-[0-9a-f]{12}$`).test(one))!;
    expect(await json("run", "stages", name, "validation.json")).toMatchObject({
      ...{ rows, metric, kept },
      ...{ best: { step: kept, value: best }, last: { step: taken, value: last } },
    });
  }
  const curves = report.curves.map(
    ({ stage, metric }: { stage: string; metric: string }) => `${stage} ${metric}`,
  );
  expect(curves).toEqual(expect.arrayContaining(["student-weak loss", "student-weak loss, validation"]));
  const page = await readFile(at("run", "report.md"), "utf8");
  expect(page).toContain("Rows set aside by prompt, with the labels that were trained on.");
  await writeFile(
    at("uneven.yaml"),
    `extends: ${at("tiny.yaml")}\narms: [weak, { labels: human, prefer: { validation: { share: 0.1 } } }]\n`,
  );
  const uneven = await weakTeacher(["run", at("uneven.yaml"), "--out", at("uneven")]);
  expect(uneven.code).toBe(2);
  expect(uneven.stderr).toContain("arms[1].prefer.validation: is not that of arm weak");
}, 240_000);
