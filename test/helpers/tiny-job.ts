/** A whole job on tiny models and six score pairs, as a recipe file: seconds to run. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeTinyModel } from "./tiny-model.ts";
import { writeTinyParts } from "./tiny-recipe.ts";

/** Writes models, pairs and the recipe into `folder`. @param evaluation - the recipe's `eval` section, YAML on one line */
export async function writeTinyJob(folder: string, evaluation: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeTinyParts(folder);
  await writeTinyModel(join(folder, "rm"), { family: "llama", seed: 9, task: "reward", vocab: 264 });
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
