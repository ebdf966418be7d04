/** `weak-teacher init`: a recipe to begin with, on one's own data and models. */
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { stringify } from "yaml";
import { ConfigError } from "../../../base/core/errors.ts";
import { exists, writeFileAtomic } from "../../../base/core/files.ts";
import { badRowOption, SOURCES } from "../data-options.ts";
import { examples } from "../options.ts";
import { act, type Session } from "../session.ts";

type InitOptions = {
  readonly data: string;
  readonly weak: string;
  readonly student: string;
  readonly onBadRow: "fail" | "skip";
};

/** Adds the verb `init`. */
export function addInit(program: Command): void {
  program
    .command("init")
    .description("write a recipe to begin with; it is checked, and the data is looked at")
    .argument("[recipe]", "the file to write", "recipe.yaml")
    .requiredOption("--data <file>", `preferences: ${SOURCES}`)
    .requiredOption("--weak <model>", "the teacher's base: a model folder, hub:Owner/name, or stories15M")
    .requiredOption("--student <model>", "the student's base: a model folder, hub:Owner/name, or stories15M")
    .addOption(badRowOption())
    .addHelpText(
      "after",
      examples([
        "init --data pairs.jsonl --weak models/small --student models/big",
        "init my.yaml --data pairs.csv --weak stories15M --student stories15M",
      ]),
    )
    .action(act(runInit));
}

async function runInit(session: Session, file: string, options: InitOptions): Promise<void> {
  if (await exists(file))
    throw new ConfigError(`${file}: is there already. Name another file, or remove it.`);
  const { readPreferences } = await import("../../../method/data/load.ts");
  const { resolveRecipe } = await import("../../../pipeline/recipe/parse.ts");
  const { parseDocumentText } = await import("../../../base/settings/document.ts");
  const { heldOutShare } = await import("../../../pipeline/job/held-out-share.ts");
  const positions = await Promise.all([options.weak, options.student].map(knownPositions));
  const { encodableBy } = await import("../../../pipeline/job/encodable.ts");
  const local = [options.weak, options.student].filter((model) => !model.startsWith("hub:"));
  const { check } = await encodableBy(local);
  const { onBadRow } = options;
  const { rows } = await readPreferences(options.data, { log: session.log, onBadRow, check });
  const heldOut = heldOutShare(rows, { seed: SEED, split: SPLIT });
  const text = recipeText(file, options, { maxLength: Math.min(512, ...positions), heldOut });
  resolveRecipe([parseDocumentText(text, file)], []);
  await writeFileAtomic(file, text);
  if (heldOut === undefined)
    session.log.warn(
      `${options.data}: has too few preferences to calibrate a teacher on; label.calibration is none, so that confidences are not probabilities. Label more pairs, then set label.held_out.`,
    );
  session.result(
    { file, rows: rows.length },
    `${file}: a recipe on ${rows.length} preferences. Look at it, then: weak-teacher run ${file} --dry-run`,
  );
}

/** Most tokens a model takes; a hub's is not looked at. @throws CheckpointError when it is none */
async function knownPositions(source: string): Promise<number> {
  if (source.startsWith("hub:")) return Number.POSITIVE_INFINITY;
  const { positionsOf } = await import("../../../pipeline/job/model-checks.ts");
  return positionsOf(source);
}

const SEED = 22;
const SPLIT = { labelled: 0.3, pool: 0.6, test: 0.1 };

/** What the data and the models decide; `heldOut` is undefined where too few pairs are labelled to calibrate. */
type Fitted = { readonly maxLength: number; readonly heldOut: number | undefined };

function recipeText(
  file: string,
  { data, weak, student, onBadRow }: InitOptions,
  { maxLength, heldOut }: Fitted,
): string {
  const schema = relative(
    resolve(file, ".."),
    fileURLToPath(new URL("../../../../recipes/recipe.schema.json", import.meta.url)),
  );
  const name = (file.split(/[\\/]/).at(-1) ?? "recipe")
    .replace(/\.ya?ml$/, "")
    .replace(/[^A-Za-z0-9._-]/g, "-");
  const value = (text: string) => stringify(text).trimEnd();
  return `# yaml-language-server: $schema=${schema}
# All settings and their defaults: docs/recipe.md. Every one can be changed with --set, as in --set student.prefer.beta=0.05.
version: 1
name: ${value(name)}
seed: ${SEED}

models:
  weak: ${value(weak)}
  student: ${value(student)}

data:
  source: ${value(data)}${onBadRow === "skip" ? "\n  on_bad_row: skip" : ""}
  # Drawn by dialogue: no prompt, and no dialogue, is in two parts.
  split: { labelled: ${SPLIT.labelled}, unlabelled: ${SPLIT.pool}, test: ${SPLIT.test} }
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
