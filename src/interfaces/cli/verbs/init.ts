/** `weak-teacher init`: a recipe to begin with, on one's own data and models. */

import type { Command } from "commander";
import type { ReadingFlags } from "../../../pipeline/recipe/first-recipe-text.ts";
import { readOptions, SOURCES, sourceOf, withReading } from "../data-options.ts";
import { collect, examples } from "../options.ts";
import { act, type Session } from "../session.ts";

type InitOptions = ReadingFlags & {
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
  const { checkNothingThere, makeFirstRecipe, writeFirstRecipe } = await import(
    "../../../pipeline/job/first-recipe.ts"
  );
  await checkNothingThere(file);
  const source = sourceOf(options.data, options.mix);
  const made = await makeFirstRecipe(file, options, { source, read: readOptions(options), log: session.log });
  await writeFirstRecipe(made);
  if (made.warning !== undefined) session.log.warn(made.warning);
  const { rows } = made;
  session.result(
    { file, rows },
    `${file}: a recipe on ${rows} preferences. Look at it, then: weak-teacher run ${file} --dry-run`,
  );
}
