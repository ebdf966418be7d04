/** Stages of a recipe that train adapters: the teacher's fine-tuning and reward head, and the student's fine-tuning. */
import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTinyJobs, type TinyJobs } from "../../../test/helpers/tiny-labels.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { compareModels } from "../../engine/checkpoint/merge.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { pruneFolder } from "../run/prune.ts";

let jobs: TinyJobs;
beforeAll(async () => {
  jobs = await openTinyJobs();
});
afterAll(() => jobs.close());

const training = "batch_size: 8, learning_rate: 0.01";

test("a reward head and both fine-tunings with adapters: merged for what comes next, kept beside it", async () => {
  const lora = (r: number) => `lora: { r: ${r}, target_modules: [q_proj] }`;
  const steps = await jobs.train(`
teacher: { kind: reward-head, sft: { ${training}, ${lora(2)} }, reward: { ${training} }, ${lora(3)} }
label: { held_out: 0.3 }
student: { sft: { ${training}, ${lora(4)} }, prefer: { ${training} } }
arms: [weak]
`);
  const folderOf = (stage: string) => steps.find(({ name }) => name === stage)!.folder!;
  for (const [stage, r, task] of [
    ["teacher-sft", 2, "CAUSAL_LM"],
    ["teacher-reward", 3, "SEQ_CLS"],
    ["student-sft-weak", 4, "CAUSAL_LM"],
  ] as const) {
    const folder = folderOf(stage);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(["adapter", "merge.json", "model"]));
    const config = JSON.parse(await readFile(`${folder}/adapter/adapter_config.json`, "utf8"));
    expect(config).toMatchObject({ r, task_type: task, target_modules: ["q_proj"] });
    const { identity } = JSON.parse(await readFile(`${folder}/stage.json`, "utf8"));
    expect(identity.config).toMatchObject({ lora: { r } });
    expect(identity.config.settings).not.toHaveProperty("lora");
  }
  expect(await readdir(folderOf("student-weak"))).not.toContain("adapter");
}, 120_000);

test("kept as adapters: each stage reads base and adapter, and what comes out is what merged models give; their bases are not pruned", async () => {
  const lora = (r: number, keep: string) => `lora: { r: ${r}, target_modules: [q_proj, v_proj], ${keep} }`;
  const sections = (keep: string) => `
models:
  weak: { source: ${jobs.at("weak")}, vocabulary: trim }
  student: { source: ${jobs.at("student")}, vocabulary: trim }
teacher: { kind: reward-head, sft: { ${training}, ${lora(2, keep)} }, reward: { ${training} }, ${lora(3, keep)} }
label: { held_out: 0.3 }
student: { sft: { ${training}, ${lora(4, keep)} }, prefer: { ${training} }, ${lora(2, keep)} }
arms: [weak]
`;
  const merged = await jobs.train(sections(""), "merged");
  const kept = await jobs.train(sections("keep: adapter"), "kept");
  const folderOf = (steps: typeof kept, stage: string) => steps.find(({ name }) => name === stage)!.folder!;
  const runtime = openRuntime({ threads: 1 });
  try {
    for (const stage of ["teacher-sft", "teacher-reward", "student-sft-weak", "student-weak"]) {
      const files = await readdir(`${folderOf(kept, stage)}/model`);
      expect(files).toEqual(expect.arrayContaining(["adapter_config.json", "config.json", "tokenizer.json"]));
      expect(files).not.toContain("model.safetensors");
      const [a, b] = await Promise.all(
        [merged, kept].map((steps, i) =>
          loadModel(runtime, `${folderOf(steps, stage)}/model`, { id: `${stage} ${i}` }),
        ),
      );
      const { largestDifference, largestOutput } = await compareModels(runtime, a!, b!);
      expect(largestDifference, stage).toBeLessThan(1e-4 * largestOutput);
    }
  } finally {
    await runtime.close();
  }
  const { models } = await pruneFolder(jobs.at("runs", "kept"), { code: "test" });
  expect(models.map(({ stage, kept: why }) => [stage, why]).sort()).toEqual([
    ["student-vocabulary", "a model that is kept as an adapter stands on it"],
    ["weak-vocabulary", "a model that is kept as an adapter stands on it"],
  ]);
  const trl = "trainer: { kind: trl, python: python3 }";
  await expect(
    jobs.train(`teacher: { ${lora(2, "keep: adapter")}, ${trl} }\narms: [weak]\n`, "trl"),
  ).rejects.toThrow("teacher.lora.keep: adapter has no effect with teacher.trainer trl");
}, 240_000);

test("projections that the teacher's model does not have are told before anything trains", async () => {
  for (const teacher of [
    `{ kind: reward-head, lora: { target_modules: [c_attn] } }`,
    `{ kind: likelihood, sft: { lora: { target_modules: [c_attn] } } }`,
  ])
    await expect(jobs.label(`teacher: ${teacher}\nlabel: { held_out: 0.3 }\n`, "none")).rejects.toThrow(
      '"c_attn" is on no projection of the model (llama)',
    );
  const stages = await readdir(jobs.at("runs", "none", "stages"));
  expect(stages.filter((name) => name.startsWith("teacher"))).toEqual([]);
});
