/** Flags of verbs that read preferences or pairs. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { ConfigError } from "../../base/core/errors.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import type { PairOptions } from "../../method/data/pairs.ts";
import { checkSource, type Source } from "../../method/data/source.ts";
import type { ReadingFlags } from "../../pipeline/recipe/first-recipe-text.ts";
import { pairReading } from "../library/options.ts";
import { nameList, wholeNumber } from "./options.ts";

/** How data is read and how long its rows may be. */
export type DataOptions = ReadingFlags & {
  readonly maxLength?: number;
  readonly maxPromptLength?: number;
};

/** What a data file may be, for help. */
export const SOURCES =
  "JSONL, JSON, CSV, Parquet or Arrow, also gzipped; a folder or quoted glob of such files, or one that datasets saved; or hub:Owner/name[@revision]/file";

/** `--mix`. */
export const mixOption = (): Option =>
  new Option(
    "--mix <weights>",
    "with several sources, the share of the pairs that each gives, as 3,1: as many as there are without taking one twice, drawn by the seed; default all pairs of each",
  ).argParser(weightList);

function weightList(text: string): number[] {
  const weights = text.split(",").map(Number);
  if (text.trim() === "" || !weights.every((weight) => weight > 0 && Number.isFinite(weight)))
    throw new InvalidArgumentError("Expected numbers above 0 with commas between them, as 3,1.");
  return weights;
}

/**
 * The source that files stand for, with their weights. @throws ConfigError for other than one weight for each of several files, or a file named twice
 */
export function sourceOf(files: readonly string[], mix?: readonly number[]): Source {
  const issue =
    mix === undefined || (files.length > 1 && mix.length === files.length)
      ? undefined
      : files.length === 1
        ? "has no effect on one source. Leave it out, or name several."
        : `expected a weight for each of the ${files.length} sources, got ${mix.length}.`;
  if (issue !== undefined) throw new ConfigError(`--mix: ${issue}`);
  if (files.length === 1) return files[0]!;
  const source = files.map((file, i) => ({ file, weight: mix?.[i] }));
  checkSource(source);
  return source;
}

/** Adds how data is read. */
export function withReading(command: Command): Command {
  return command
    .addOption(mixOption())
    .option(
      "--map <columns>",
      "name the columns: prompt=instruction,chosen=good,rejected=bad; where a column says which is better: prompt=instruction+input,a=response1,b=response2,label=anna;ben,values=1:a;2:b;0:tie",
    )
    .option("--format <name>", "the name of a known shape, instead of working it out")
    .addOption(headerOption("the first line of a CSV or TSV file"))
    .option(
      "--ignore <names>",
      "columns, members of messages and kinds of content parts to leave out on purpose: system,tools",
      nameList,
    )
    .addOption(badRowOption())
    .option(
      "--limit <n>",
      "read only the first n pairs, of each of several sources",
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
    );
}

/** `--on-bad-row`. */
export const badRowOption = (): Option =>
  new Option(
    "--on-bad-row <fail|skip>",
    "rows that are broken, or refused by a model's chat template: fail stops and lists them, skip leaves them out and counts them",
  )
    .choices(["fail", "skip"])
    .default("fail");

/** `--header`, of the file that `line` belongs to. */
export const headerOption = (line: string): Option =>
  new Option(
    "--header <what>",
    `${line} names the columns or is a row; auto: it names them where --map or a known shape has its names, or it looks so`,
  )
    .choices(["yes", "no", "auto"])
    .default("auto");

/** Adds them; `only` says what the token limits are for, where they do not act always. */
export function withData(command: Command, only = ""): Command {
  return withReading(command)
    .option(
      "--max-length <n>",
      `most tokens of a prompt with one response${only}, default 512, or the model's positions where these are fewer`,
      wholeNumber(2, 2 ** 24),
    )
    .option(
      "--max-prompt-length <n>",
      `most tokens of a prompt${only}, default half of --max-length, at most 256`,
      wholeNumber(1, 2 ** 24),
    );
}

/** The token limits that the flags name. @throws as `limitsFor` of `pipeline/job/model-checks.ts` */
export async function tokenLimits(
  options: Pick<DataOptions, "maxLength" | "maxPromptLength">,
  models: readonly string[] = [],
): Promise<TokenLimits> {
  const { limitsFor } = await import("../../pipeline/job/model-checks.ts");
  return limitsFor(options, models);
}

/** The flags in the words of the data room. @throws ConfigError for a bad `--map` */
export const readOptions = (options: Omit<ReadingFlags, "mix">): PairOptions =>
  pairReading(readingFlags(options));

/** The flags in the words of a program's call. */
export const readingFlags = ({
  header,
  ...others
}: Partial<Omit<DataOptions, "header">> & Pick<DataOptions, "header">) => {
  const { map, format, ignore, onBadRow, limit, maxLength, maxPromptLength } = others;
  const named = header === "auto" ? undefined : header === "yes";
  return { map, format, header: named, ignore, onBadRow, limit, maxLength, maxPromptLength };
};
