/** A whole job small enough for a test: two tiny models, 120 pairs and a recipe in one folder. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeTinyModel } from "./tiny-model.ts";

/** Writes `weak/`, `student/` and `pairs.jsonl` into a folder: what a tiny recipe names. */
export async function writeTinyParts(folder: string): Promise<void> {
  for (const [name, seed] of [
    ["weak", 1],
    ["student", 2],
  ] as const)
    await writeTinyModel(join(folder, name), {
      family: "llama",
      seed,
      task: "language-model",
      positions: 128,
      vocab: 264,
    });
  const word = (i: number) => ["good day", "sad end", "happy cat", "bad rain", "nice sun"][i % 5];
  const rows = Array.from({ length: 120 }, (_, i) => ({
    prompt: `p${i}`,
    chosen: ` ${word(i)}`,
    rejected: ` ${word(i + 1 + (i % 3))}`,
  }));
  await writeFile(join(folder, "pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

/** Writes the parts and `tiny.yaml` into a folder; gives the recipe's path. */
export async function writeTinyRecipe(folder: string): Promise<string> {
  const recipe = join(folder, "tiny.yaml");
  await writeTinyParts(folder);
  await writeFile(
    recipe,
    `version: 1
threads: 1
models: { weak: ${join(folder, "weak")}, student: ${join(folder, "student")} }
data:
  source: ${join(folder, "pairs.jsonl")}
  split: { labelled: 0.5, unlabelled: 0.3, test: 0.2 }
  test_prompts: 4
  max_length: 64
  max_prompt_length: 32
teacher:
  sft: { batch_size: 8 }
  prefer: { batch_size: 4, save_steps: 1 }
label: { held_out: 0.3 }
student:
  sft: { batch_size: 8 }
  prefer: { batch_size: 8, save_steps: 1 }
arms: [sft, weak, human]
eval: { max_new_tokens: 4, gold: [sentiment], n_bootstrap: 100 }
`,
  );
  return recipe;
}
