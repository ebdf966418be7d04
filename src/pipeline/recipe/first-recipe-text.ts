/** The text of a recipe to begin with: what `init` and the studio write. */
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { DEFAULT_SEED } from "../../base/core/rng.ts";

/** Parts of the data, as shares. */
export const FIRST_SPLIT = { labelled: 0.3, pool: 0.6, test: 0.1 };

/** How data is read, in the words of flags. */
export type ReadingFlags = {
  readonly mix?: readonly number[];
  readonly map?: string;
  readonly format?: string;
  readonly header: "yes" | "no" | "auto";
  readonly ignore?: readonly string[];
  readonly onBadRow: "fail" | "skip";
  readonly limit?: number;
};

/** What a recipe is begun on, in the words of the flags of `init`: files and models as they are to stand in the recipe. */
export type FirstRecipe = ReadingFlags & {
  readonly data: readonly string[];
  readonly weak: string;
  readonly student: string;
};

/** What the data and the models decide. `maxLength` in tokens; `heldOut` is a share, undefined where too few pairs are labelled to calibrate. */
export type FittedRecipe = { readonly maxLength: number; readonly heldOut: number | undefined };

/** The source with all that says how it is read, on one line. */
function sourceText(
  { data, mix, map, format, header, ignore, limit }: FirstRecipe,
  value: (text: string) => string,
): string {
  const flow = (value: unknown) => JSON.stringify(value);
  const reading = [
    ...(map === undefined ? [] : [`map: ${flow(map)}`]),
    ...(format === undefined ? [] : [`format: ${flow(format)}`]),
    ...(header === "auto" ? [] : [`header: "${header}"`]),
    ...(ignore === undefined ? [] : [`ignore: ${flow(ignore)}`]),
    ...(limit === undefined ? [] : [`limit: ${limit}`]),
  ];
  if (data.length === 1 && reading.length === 0) return ` ${value(data[0]!)}`;
  const parts = data.map((file, i) => {
    const weight = mix === undefined ? [] : [`weight: ${mix[i]}`];
    return `{ ${[`file: ${flow(file)}`, ...weight, ...reading].join(", ")} }`;
  });
  return parts.length === 1 ? ` ${parts[0]}` : `\n${parts.map((part) => `    - ${part}`).join("\n")}`;
}

/** The recipe as text. @param file - where it will lie, from which the schema is named */
export function firstRecipeText(
  file: string,
  options: FirstRecipe,
  { maxLength, heldOut }: FittedRecipe,
): string {
  const schema = relative(
    resolve(file, ".."),
    fileURLToPath(new URL("../../../recipes/recipe.schema.json", import.meta.url)),
  );
  const name = (file.split(/[\\/]/).at(-1) ?? "recipe")
    .replace(/\.ya?ml$/, "")
    .replace(/[^A-Za-z0-9._-]/g, "-");
  const value = (text: string) => stringify(text).trimEnd();
  const { weak, student, onBadRow } = options;
  return `# yaml-language-server: $schema=${schema}
# All settings and their defaults: docs/recipe.md. Every one can be changed with --set, as in --set student.prefer.beta=0.05.
version: 1
name: ${value(name)}
seed: ${DEFAULT_SEED}

# A small model with a long vocabulary computes its head most of the time; with { source: MODEL, vocabulary: trim } it
# keeps the data's tokens alone. The dry run says where that pays, and how much.
models:
  weak: ${value(weak)}
  student: ${value(student)}

data:
  source:${sourceText(options, value)}${onBadRow === "skip" ? "\n  on_bad_row: skip" : ""}
  # Drawn by dialogue: no prompt, and no dialogue, is in two parts.
  split: { labelled: ${FIRST_SPLIT.labelled}, unlabelled: ${FIRST_SPLIT.pool}, test: ${FIRST_SPLIT.test} }
  max_length: ${maxLength}
  max_prompt_length: ${Math.floor(maxLength / 2)}

# Fine-tuned and preference-trained on the labelled pairs; its implicit reward labels the unlabelled ones.
teacher:
  kind: implicit-reward
  sft: { learning_rate: 1.0e-5, num_train_epochs: 1 }
  prefer: { beta: 0.1, learning_rate: 5.0e-5, num_train_epochs: 1 }

label:
  calibration: ${heldOut === undefined ? "none" : "temperature"}
  held_out: ${heldOut ?? 0.1}
  select: all

student:
  sft: { learning_rate: 1.0e-5, num_train_epochs: 1 }
  prefer: { beta: 0.1, learning_rate: 5.0e-5, num_train_epochs: 1 }

# Students side by side: fine-tuned only, on weak labels, on the human labels of the same pairs, on random ones.
arms: [sft, weak, human, random]

eval:
  temperature: 0.7
  max_new_tokens: ${Math.floor(maxLength / 2)}
  # A reward model that judges the responses: - { type: reward-model, model: models/reward }
  gold: []
`;
}
