/** A finished run's folder as `run` leaves it, written in a moment: report, recipe, and the responses of its arms. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Interval } from "../../src/report/charts/spec.ts";
import { REPORT_SCHEMA } from "../../src/report/json.ts";

/** What differs between two of them. */
export type TinyFinishedRun = {
  readonly name: string;
  readonly beta: number;
  /** Added to the gold reward of the weak arm's every response. */
  readonly gain: number;
  /** Of its training curve. */
  readonly loss: readonly number[];
};

/** Test prompts, and what hostile data may hold. */
const PROMPTS = Array.from({ length: 12 }, (_, i) => `question ${i} <img src=x onerror=window.pwned=1>`);

const around = (estimate: number): Interval => ({
  ...{ estimate, low: estimate - 0.1, high: estimate + 0.1, n: PROMPTS.length },
});

/** Writes `folder/name`. @returns its path */
export async function writeFinishedRun(
  folder: string,
  { name, beta, gain, loss }: TinyFinishedRun,
): Promise<string> {
  const out = join(folder, name);
  const reward = (arm: string, i: number) => (i % 4) / 4 + (arm === "weak" ? 0.3 + gain : 0);
  for (const arm of ["sft", "weak"]) {
    const stage = join(out, "stages", `generate-${arm}-0123456789ab`);
    await mkdir(stage, { recursive: true });
    const records = PROMPTS.map((prompt, i) => ({
      ...{ promptId: `p${i}`, prompt, response: `${arm} says ${i} in ${arm === "weak" ? name : "one way"}` },
      ...{ sample: 0, gold: { sentiment: reward(arm, i) }, tokens: 5, finish: "eos" },
      ...{ promptTruncated: false, logp: -3, sftLogp: -3 },
    }));
    await writeFile(
      join(stage, "records.jsonl"),
      records.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
  }
  const yaml = `arms:\n  - { name: sft, training: sft }\n  - { name: weak, training: prefer }\nstudent: { prefer: { beta: ${beta} } }\n`;
  await writeFile(join(out, "recipe.yaml"), yaml);
  const report = {
    schema: REPORT_SCHEMA,
    ...{ title: name, runId: name, recipe: { yaml, digest: "0" }, environment: { version: "1", seed: 1 } },
    arms: [
      { name: "sft", goldReward: around(0.375) },
      { name: "weak", goldReward: around(0.675 + gain) },
    ],
    curves: [
      { stage: "student-weak-prefer", metric: "loss", points: loss.map((value, i) => [i + 1, value]) },
    ],
    artefacts: ["sft", "weak"].map((arm) => ({
      ...{ name: `generate-${arm}`, path: `stages/generate-${arm}-0123456789ab`, digest: "0" },
    })),
  };
  await writeFile(join(out, "report.json"), JSON.stringify(report));
  await writeFile(join(out, "report.html"), "<!doctype html><title>a report</title>");
  return out;
}
