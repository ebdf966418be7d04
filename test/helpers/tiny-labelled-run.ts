/** A run's stages as far as labels need them, with tiny models: data, teacher, scores, labels, and one pair that the run explained. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { labelFromScores } from "../../src/method/labels/label.ts";
import { serializeLabel } from "../../src/method/labels/label-file.ts";
import { writeTinyFolder } from "./tiny-folder.ts";

/** The pairs of its pool. */
export const RUN_PAIRS = [
  { id: "x1", prompt: "tell me", response_a: " a <b>long</b> story", response_b: " no" },
  { id: "x2", prompt: "tell me more", response_a: " yes", response_b: " a longer story" },
];
/** Factor of its teacher, and how long its texts may be. */
export const RUN_BETA = 0.3;
export const RUN_LIMITS = { maxLength: 96, maxPromptLength: 32 };

/** Writes the run. @param kind - of the teacher that its scores name @returns the folder of its labels */
export async function writeTinyLabelledRun(root: string, kind = "implicit-reward"): Promise<string> {
  const stages = join(root, "stages");
  const stage = async (name: string, inputs: Record<string, string>, config: object = {}) => {
    const folder = join(stages, `${name}-0123456789ab`);
    await mkdir(folder, { recursive: true });
    const identity = { name, version: 1, code: "c", config, inputs };
    const record = { format: 2, key: "k", digest: `digest of ${name}`, identity, outputs: {} };
    const rest = { finishedAt: "2026-11-30T08:00:00.000Z", elapsedSeconds: 1, resumed: false, node: "n" };
    await writeFile(join(folder, "stage.json"), JSON.stringify({ ...record, ...rest }));
    return folder;
  };
  const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const data = await stage("data", {});
  await mkdir(join(data, "pool"));
  await writeFile(join(data, "pool", "pool.jsonl"), lines(RUN_PAIRS));
  for (const [name, seed] of [
    ["policy", 1],
    ["reference", 2],
  ] as const) {
    const folder = await stage(name, {});
    await rename(await writeTinyFolder(root, name, { seed }), join(folder, "model"));
  }
  const models = { policy: "digest of policy", reference: "digest of reference", data: "digest of data" };
  await stage("pool-scores", models, { teacher: { kind, beta: RUN_BETA }, limits: RUN_LIMITS });
  const labels = await stage("weak-labels", { data: "digest of data", pools0: "digest of pool-scores" });
  const said = RUN_PAIRS.map(({ id }) => labelFromScores({ id, scoreA: 1, scoreB: 0, teacher: "t" }));
  await writeFile(join(labels, "labels.jsonl"), said.map((label) => `${serializeLabel(label)}\n`).join(""));
  const explain = await stage("explain", { labels: "digest of weak-labels" });
  const kept = [{ id: "x2", a: [{ text: " yes", value: 0.5 }], b: [{ text: " a", value: -1 }] }];
  await writeFile(join(explain, "explanations.json"), JSON.stringify(kept));
  return labels;
}
