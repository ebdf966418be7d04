/** Flags of verbs that read preferences or pairs. */
import { type Command, Option } from "commander";
import { parseColumnMap } from "../data/adapters/map.ts";
import type { PairOptions } from "../data/pairs.ts";
import { wholeNumber } from "./options.ts";

/** How data is read and how long its rows may be. */
export type DataOptions = {
  readonly map?: string;
  readonly format?: string;
  readonly onBadRow: "fail" | "skip";
  readonly limit?: number;
  readonly maxLength: number;
  readonly maxPromptLength: number;
};

/** Adds how data is read. */
export function withReading(command: Command): Command {
  return command
    .option("--map <columns>", "name the columns: prompt=instruction,chosen=good,rejected=bad")
    .option("--format <name>", "the name of a known shape, instead of working it out")
    .addOption(
      new Option("--on-bad-row <what>", "stop at bad rows, or leave them out")
        .choices(["fail", "skip"])
        .default("fail"),
    )
    .option("--limit <n>", "read only the first n pairs", wholeNumber(1, Number.MAX_SAFE_INTEGER));
}

/** Adds them; `only` says what the token limits are for, where they do not act always. */
export function withData(command: Command, only = ""): Command {
  return withReading(command)
    .option(
      "--max-length <n>",
      `most tokens of a prompt with one response${only}`,
      wholeNumber(2, 2 ** 24),
      512,
    )
    .option("--max-prompt-length <n>", `most tokens of a prompt${only}`, wholeNumber(1, 2 ** 24), 256);
}

/** The flags in the words of the data room. @throws ConfigError for a bad `--map` */
export function readOptions({
  map,
  format,
  onBadRow,
  limit,
}: Pick<DataOptions, "map" | "format" | "onBadRow" | "limit">): PairOptions {
  return {
    onBadRow,
    ...(map === undefined ? {} : { map: parseColumnMap(map) }),
    ...(format === undefined ? {} : { format }),
    ...(limit === undefined ? {} : { limit }),
  };
}
