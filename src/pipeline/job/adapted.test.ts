/** Stages of a recipe that train adapters: the teacher's fine-tuning and reward head, and the student's fine-tuning. */
import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTinyJobs, type TinyJobs } from "../../../test/helpers/tiny-labels.ts";

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
