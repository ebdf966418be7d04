/**
 * What data is read from: one source (a file, a folder, a glob, a dataset saved to disk, a hub file), or several that are read as one.
 *
 * Several sources without weights are joined: every pair of each. A weight is a source's share of the pairs that are read, as `probabilities`
 * of Hugging Face's `interleave_datasets` are with `first_exhausted`, but exact: the mixture is as large as it can be with these shares
 * and no pair taken twice, so that one source gives all it has and the others give theirs by draw.
 */
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError, listed } from "../../base/core/errors.ts";
import { digestSource } from "../../base/files/source-digest.ts";
import type { ColumnMap } from "./adapters/column-map.ts";

/** How one source is read. */
export type Reading = {
  /** Names the columns of data in no known shape. */
  readonly map?: ColumnMap | undefined;
  /** The name of a known shape; default: detected. */
  readonly format?: string | undefined;
  /** Whether the first line of a CSV or TSV file names the columns; worked out unless said. */
  readonly header?: boolean | undefined;
  /** Columns, members of messages and kinds of content parts that are left out on purpose. */
  readonly ignore?: readonly string[] | undefined;
  /** Most pairs to read of it, from the front; default all. */
  readonly limit?: number | undefined;
};

/** One of several sources. `weight`: its share of all pairs, against the sum of the weights; all sources have one, or none has. */
export type SourcePart = Reading & { readonly file: string; readonly weight?: number | undefined };

/** One source, or several that are read as one. */
export type Source = string | readonly SourcePart[];

/** Sources as parts. */
export const partsOf = (source: Source): readonly SourcePart[] =>
  typeof source === "string" ? [{ file: source }] : source;

/** How a part is read, without its name and weight. */
export const readingOfPart = ({ file: _, weight: __, ...reading }: SourcePart): Reading => reading;

/** The source in words, of bounded length. */
export const sourceName = (source: Source): string =>
  typeof source === "string"
    ? source
    : listed(
        source.map(({ file }) => file),
        5,
      );

/** A source by what its files are called, not where they lie. @param names - of whole paths, as `shortNames` gives them */
export const renamedSource = (source: Source, names: ReadonlyMap<string, string>): Source =>
  typeof source === "string"
    ? names.get(source)!
    : source.map(({ file, ...how }) => ({ ...how, file: names.get(file)! }));

/** Files, folders and globs by the ends of their paths, as short as tells them apart; what is on a hub keeps its name. */
export function shortNames(paths: readonly string[]): Map<string, string> {
  const all = [...new Set(paths)];
  const end = (path: string, parts: number) =>
    path
      .split(/[\\/]+/)
      .filter((part) => part !== "")
      .slice(-parts)
      .join("/");
  const short = (path: string): string => {
    // What a glob is called begins before its first sign.
    const least = path.split(/[\\/]+/).filter((part) => /[*?[{]/.test(part)).length + 1;
    for (let parts = least; ; parts++) {
      const name = end(path, parts);
      if (name === end(path, parts + 1) || !all.some((other) => other !== path && end(other, parts) === name))
        return name;
    }
  };
  return new Map(all.map((path) => [path, path.startsWith("hub:") ? path : short(path)]));
}

/**
 * Digest of what is read: of one source its own (`digestSource`), of several that of each with its weight and how it is read.
 * @throws DataError when there is nothing; ConfigError as `checkSource`
 */
export async function digestSources(source: Source): Promise<string> {
  if (typeof source === "string") return digestSource(source);
  checkSource(source);
  const digests: unknown[] = [];
  for (const { file, ...how } of source) digests.push([await digestSource(file), how]);
  return digestOf(digests);
}

/** What is wrong with several sources; nothing for sound ones. */
export function sourceProblems(parts: readonly Pick<SourcePart, "file" | "weight">[]): string[] {
  const files = parts.map(({ file }) => file);
  const twice = files.find((file, i) => files.indexOf(file) !== i);
  const without = parts.filter(({ weight }) => weight === undefined);
  const odd = parts.find(({ weight }) => weight !== undefined && !(weight > 0 && Number.isFinite(weight)));
  return [
    ...(parts.length === 0 ? ["names no source."] : []),
    ...(twice === undefined ? [] : [`names ${twice} twice, whose pairs would come twice.`]),
    ...(without.length === 0 || without.length === parts.length
      ? []
      : [`gives ${without[0]!.file} no weight. Give every source one, or none.`]),
    ...(odd === undefined ? [] : [`gives ${odd.file} the weight ${odd.weight}, expected a number above 0.`]),
  ];
}

/** @throws ConfigError as `sourceProblems` says */
export function checkSource(source: Source): void {
  const problems = typeof source === "string" ? [] : sourceProblems(source);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `sources: ${problem}`));
}
