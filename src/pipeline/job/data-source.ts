/** How a recipe's files are read, in the words of the data room, and what they are called. */
import type { PairOptions } from "../../method/data/pairs.ts";
import {
  digestSources,
  partsOf,
  renamedSource,
  type Source,
  shortNames,
  sourceName,
} from "../../method/data/source.ts";
import type { DataSource, FilesData } from "../recipe/job-settings.ts";
import type { Digested } from "../stages/define.ts";

/** Files as a stage's input: where they lie, and the digest of what is in them. @throws DataError when there is nothing */
export const sourceInput = async (value: Source): Promise<Digested<Source>> => ({
  value,
  source: await digestSources(value),
});

/** What a source says of its reading; settings that it leaves out are left out. */
export function readingOf({ format, map, header, ignore, onBadRow, limit }: DataSource): PairOptions {
  return { onBadRow, format, map, header, ignore, limit };
}

/** The sources of files of preferences: what is split, then files of parts. */
export const sourcesOf = ({ main, files }: FilesData): DataSource[] => [
  ...(main ? [main] : []),
  ...Object.values(files),
];

const namesOf = (data: FilesData): Map<string, string> =>
  shortNames(sourcesOf(data).flatMap(({ source }) => partsOf(source).map(({ file }) => file)));

/** The same data, by what its files are called. */
export function renamedData(data: FilesData): FilesData {
  const names = namesOf(data);
  return placedData(
    data,
    sourcesOf(data).map(({ source }) => renamedSource(source, names)),
  );
}

/** The same data in other places. @param sources - in the order of `sourcesOf` */
export function placedData(data: FilesData, sources: readonly Source[]): FilesData {
  const left = [...sources];
  const placed = (one: DataSource): DataSource => ({ ...one, source: left.shift()! });
  const main = data.main && placed(data.main);
  const files = Object.entries(data.files).map(([part, one]) => [part, placed(one)]);
  return { ...data, ...(main && { main }), files: Object.fromEntries(files) };
}

/** What a report of reading calls its source, by what the files are called. */
export function shortName(data: FilesData): (source: string) => string {
  const names = namesOf(data);
  const known = new Map(names);
  for (const { source } of sourcesOf(data))
    known.set(sourceName(source), sourceName(renamedSource(source, names)));
  return (source) => known.get(source) ?? source;
}
