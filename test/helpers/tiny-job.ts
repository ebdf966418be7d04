/** A whole job on tiny models and six score pairs, as a recipe file: seconds to run. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeTinyModel } from "./tiny-model.ts";

/** Writes models, pairs and the recipe into `folder`. @param evaluation - the recipe's `eval` section, YAML on one line */
export async function writeTinyJob(folder: string, evaluation: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, seed] of Object.entries({ weak: 1, student: 2 }))
    await writeTinyModel(join(folder, name), {
      family: "llama",
      seed,
      task: "language-model",
      positions: 128,
      vocab: 264,
    });
  await writeTinyModel(join(folder, "rm"), { family: "llama", seed: 9, task: "reward", vocab: 264 });
  const word = (i: number) => ["good day", "sad end", "happy cat", "bad rain", "nice sun"][i % 5];
  const rows = Array.from({ length: 120 }, (_, i) => ({
    prompt: `p${i}`,
    chosen: ` ${word(i)}`,
    rejected: ` ${word(i + 1 + (i % 3))}`,
  }));
  await writeFile(join(folder, "pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const recipe = join(folder, "tiny.yaml");
  await writeFile(
    recipe,
    `version: 1
threads: 1
models: { weak: ${join(folder, "weak")}, student: ${join(folder, "student")} }
data:
  source: ${join(folder, "pairs.jsonl")}
  split: { labelled: 0.5, unlabelled: 0.3, test: 0.2 }
  test_prompts: 8
  max_length: 64
  max_prompt_length: 32
teacher: { sft: { batch_size: 8 }, prefer: { batch_size: 8 } }
label: { held_out: 0.3 }
student: { sft: { batch_size: 8 }, prefer: { batch_size: 8 } }
arms: [sft, weak, human]
eval: ${evaluation}
`,
  );
  return recipe;
}
