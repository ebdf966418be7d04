/** `weak-teacher init`: a recipe to begin with, on one's own data and models. */

import { isAbsolute, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { ConfigError } from "../../../base/core/errors.ts";
import { exists, writeFileAtomic } from "../../../base/core/files.ts";
import { DEFAULT_SEED } from "../../../base/core/rng.ts";
import { STORIES } from "../../../engine/checkpoint/stories15m.ts";
import { sourceName } from "../../../method/data/source.ts";
import { type ReadingOptions, readOptions, SOURCES, sourceOf, withReading } from "../data-options.ts";
import { collect, examples } from "../options.ts";
import { act, type Session } from "../session.ts";

type InitOptions = ReadingOptions & {
  readonly data: readonly string[];
  readonly weak: string;
  readonly student: string;
};

/** Adds the verb `init`. */
export function addInit(program: Command): void {
  const command = program
    .command("init")
    .description("write a recipe to begin with; it is checked, and the data is looked at")
    .argument("[recipe]", "the file to write", "recipe.yaml")
    .requiredOption("--data <file>", `preferences: ${SOURCES}; given again, a mixture`, collect)
    .requiredOption("--weak <model>", "the teacher's base: a model folder, hub:Owner/name, or stories15M")
    .requiredOption("--student <model>", "the student's base: a model folder, hub:Owner/name, or stories15M");
  withReading(command)
    .addHelpText(
      "after",
      examples([
        "init --data pairs.jsonl --weak models/small --student models/big",
        "init --data answers.csv --map prompt=question,chosen=best,rejected=worst --weak stories15M --student stories15M",
        "init --data ours.jsonl --data theirs.jsonl --mix 3,1 --weak models/small --student models/big",
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
  const { checkReadable } = await import("../../../pipeline/job/row-checks.ts");
  const local = [options.weak, options.student].filter((model) => !model.startsWith("hub:"));
  const { check } = await encodableBy(local);
  const source = sourceOf(options.data, options.mix);
  const how = { ...readOptions(options), log: session.log, check, seed: DEFAULT_SEED };
  // Told with file and row, before the templates are tried on all of them.
  await checkReadable(local, [{ file: source, read: readOptions(options) }]);
  const { rows } = await readPreferences(source, how);
  const heldOut = heldOutShare(rows, { seed: DEFAULT_SEED, split: SPLIT });
  const text = await recipeText(file, fromRecipe(file, options), {
    maxLength: Math.min(512, ...positions),
    heldOut,
  });
  resolveRecipe([parseDocumentText(text, file)], []);
  await writeFileAtomic(file, text);
  if (heldOut === undefined)
    session.log.warn(
      `${sourceName(source)}: has too few preferences to calibrate a teacher on; label.calibration is none, so that confidences are not probabilities. Label more pairs, then set label.held_out.`,
    );
  session.result(
    { file, rows: rows.length },
    `${file}: a recipe on ${rows.length} preferences. Look at it, then: weak-teacher run ${file} --dry-run`,
  );
}

/** Paths as the recipe writes them, from its own folder; names that are no paths, and whole paths, stay. */
function fromRecipe(file: string, options: InitOptions): InitOptions {
  const folder = resolve(file, "..");
  const from = (path: string) =>
    isAbsolute(path) || path.startsWith("hub:") || path === STORIES || folder === process.cwd()
      ? path
      : relative(folder, resolve(path));
  const { data, weak, student } = options;
  return { ...options, data: data.map(from), weak: from(weak), student: from(student) };
}

/** Most tokens a model takes; a hub's is not looked at. @throws CheckpointError when it is none */
async function knownPositions(source: string): Promise<number> {
  if (source.startsWith("hub:")) return Number.POSITIVE_INFINITY;
  const { positionsOf } = await import("../../../pipeline/job/model-checks.ts");
  return positionsOf(source);
}

const SPLIT = { labelled: 0.3, pool: 0.6, test: 0.1 };

/** What the data and the models decide; `heldOut` is undefined where too few pairs are labelled to calibrate. */
type Fitted = { readonly maxLength: number; readonly heldOut: number | undefined };

/** The source with all that says how it is read, on one line. */
function sourceText(
  { data, mix, map, format, header, ignore, limit }: InitOptions,
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

async function recipeText(
  file: string,
  options: InitOptions,
  { maxLength, heldOut }: Fitted,
): Promise<string> {
  const { stringify } = await import("yaml");
  const schema = relative(
    resolve(file, ".."),
    fileURLToPath(new URL("../../../../recipes/recipe.schema.json", import.meta.url)),
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

models:
  weak: ${value(weak)}
  student: ${value(student)}

data:
  source:${sourceText(options, value)}${onBadRow === "skip" ? "\n  on_bad_row: skip" : ""}
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
