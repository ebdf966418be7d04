/**
 * A message names the flag that mends what it tells of, and rooms below know no verb: the same reader serves `inspect`, which has `--map`, and
 * `run`, whose recipe has `map`. What the verb at hand lacks is said here, with where it stands instead.
 */
import type { Command } from "commander";

/** Flags that are settings in a recipe. */
const SETTINGS: Readonly<Record<string, string>> = {
  map: "a member of a source, as data.source: {file: …, map: …}",
  format: "a member of a source, as data.source: {file: …, format: …}",
  header: "a member of a source, as data.source: {file: …, header: …}",
  ignore: "a member of a source, as data.source: {file: …, ignore: […]}",
  limit: "a member of a source, as data.source: {file: …, limit: …}",
  "on-bad-row": "data.on_bad_row",
  "max-length": "data.max_length",
  "max-prompt-length": "data.max_prompt_length",
  seed: "seed",
  calibrate: "label.held_out, a share of the labelled pairs",
};

/** Verbs that are given a recipe, or write one. */
const RECIPES = ["run", "demo", "study", "stage", "report", "init"];

/** The flags that a text names; those of commands that it spells out belong to them. */
export function flagsIn(text: string): string[] {
  const alone = text.replaceAll(
    /\bweak-teacher [a-z-]+(?:[^.\n]|\.(?!\s|$))*|\bwith [a-z]+ --[^.,;)\n]*/g,
    "",
  );
  return [...new Set([...alone.matchAll(/(?<![\w-])--([a-z][a-z-]*[a-z])/g)].map(([, name]) => name!))];
}

/**
 * A line for each flag that a message recommends and the verb does not take; none for what no verb takes, which is another program's.
 * @param argv - words of the command line, after the program
 */
export function lackingFlags(message: string, program: Command, argv: readonly string[]): string[] {
  const verb = program.commands.find((command) => argv.includes(command.name()));
  if (verb === undefined) return [];
  const has = (command: Command, name: string) => command.options.some(({ long }) => long === `--${name}`);
  return flagsIn(message).flatMap((name) => {
    const others = program.commands.filter((command) => has(command, name)).map((command) => command.name());
    if (others.length === 0 || has(verb, name) || has(program, name) || message.includes("in a recipe"))
      return [];
    const setting = RECIPES.includes(verb.name()) ? SETTINGS[name] : undefined;
    const instead =
      setting === undefined
        ? `it is a flag of ${others.slice(0, 4).join(", ")}`
        : `in the recipe it is ${setting}`;
    return [`note: ${verb.name()} takes no --${name}; ${instead}.`];
  });
}
