/** Reads any supported preference data into rows. Says what it understood; tells every bad row with its place. */
import { DataError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import type { Place } from "../../base/files/record.ts";
import type { ParsedPair } from "./adapters/adapter.ts";
import { drawOrder } from "./candidates.ts";
import { assignGroups, assignIds } from "./identify.ts";
import { flagsOf, type LoadReport, reportOf, tell } from "./load-report.ts";
import { readPairs } from "./mixture.ts";
import { unitOf } from "./normalise.ts";
import type { PairOptions } from "./pairs.ts";
import type { PeopleRecord } from "./people-agreement.ts";
import {
  type CandidatePair,
  type HumanLabel,
  isTie,
  type PreferenceRow,
  type RowMeta,
  sameText,
} from "./rows.ts";
import { type Source, sourceName } from "./source.ts";

/** How to read preference data; `log` gets what was understood. */
export type LoadOptions = PairOptions & { readonly log?: Log };

/** Preferences, and apart from them the rows where people preferred neither. */
export type LoadedPreferences = {
  /** Strict preferences only; a row may be flagged `empty`, `identical` or `extra-turn`. */
  readonly rows: readonly PreferenceRow[];
  /** Flagged `tie`; `chosen` and `rejected` are the two responses in the data's order, which means nothing. */
  readonly ties: readonly PreferenceRow[];
  /** What each person said, where several did: of all pairs, those without a majority among them. */
  readonly people: readonly PeopleRecord[];
  /** Where each row and tie stands, by id. */
  readonly placeOf: ReadonlyMap<string, Place>;
  readonly report: LoadReport;
};

/** Pairs without their labels, and the labels apart. */
export type LoadedCandidates = {
  readonly pairs: readonly CandidatePair[];
  /** What people said, for the pairs that someone judged; pairs without a majority have no label. */
  readonly humanLabels: readonly HumanLabel[];
  /** What each person said, where several did. */
  readonly people: readonly PeopleRecord[];
  readonly report: LoadReport;
};

/**
 * Reads preference rows from a source, or from several as one.
 * @throws DataError for a broken file, an unknown shape, bad rows (unless `onBadRow: "skip"`), a file of which nothing is left,
 *   or data that nobody judged
 */
export async function readPreferences(source: Source, options: LoadOptions = {}): Promise<LoadedPreferences> {
  const read = await readPairs(source, options);
  const report = reportOf(sourceName(source), read);
  if (report.unlabelled > 0)
    throw new DataError(
      report.source,
      0,
      `holds pairs that nobody judged (${report.why}), expected preferences. Label them first, or name the columns with --map.`,
    );
  tell(options.log ?? silentLog, report);
  const named = identified(read.pairs);
  const placeOf = new Map(named.map(({ id }, i) => [id, read.places[i]!]));
  const all = named.filter(({ pair }) => pair.preferred !== "none").map(toRow);
  return {
    rows: all.filter((row) => !isTie(row)),
    ties: all.filter(isTie),
    people: peopleOf(named, ({ pair }) => (pair.preferred === "second" ? "rejected" : "chosen")),
    placeOf,
    report,
  };
}

/**
 * Reads candidate pairs: a pool in its own order, preference data with the order of the two responses drawn from `seed`.
 * @throws DataError as `readPreferences` does, except that data that nobody judged is welcome
 */
export async function readCandidates(
  source: Source,
  options: LoadOptions & { readonly seed: number | string },
): Promise<LoadedCandidates> {
  const read = await readPairs(source, options);
  const report = reportOf(sourceName(source), read);
  tell(options.log ?? silentLog, report);
  const named = identified(read.pairs);
  const drawn = named.map(({ id, pair, group }) => {
    const meta = { ...(group === undefined ? {} : { group }), ...subsetOf(pair) };
    // Not the pair's own meta: its scores would tell what was preferred.
    const { meta: _, ...bare } = pair;
    return drawOrder({ ...bare, id, ...(Object.keys(meta).length === 0 ? {} : { meta }) }, options.seed);
  });
  return {
    pairs: drawn.map(({ pair }) => pair),
    humanLabels: drawn.flatMap(({ human }) => (human === undefined ? [] : [human])),
    people: peopleOf(named, (_, i) => (sameText(drawn[i]!.pair.a, named[i]!.pair.first) ? "a" : "b")),
    report,
  };
}

type Identified = { readonly id: string; readonly pair: ParsedPair; readonly group: string | undefined };

function identified(pairs: readonly ParsedPair[]): Identified[] {
  const ids = assignIds(pairs);
  const groups = assignGroups(pairs);
  return pairs.map((pair, i) => ({ id: ids[i]!, pair, group: groups[i] }));
}

function peopleOf(
  named: readonly Identified[],
  firstIs: (one: Identified, place: number) => PeopleRecord["first"],
): PeopleRecord[] {
  return named.flatMap((one, i) => {
    const { id, pair, group } = one;
    if (pair.people === undefined) return [];
    const unit = unitOf({
      id,
      prompt: pair.prompt,
      a: pair.first,
      b: pair.second,
      ...(group === undefined ? {} : { meta: { group } }),
    });
    return [{ id, unit, answers: pair.people, first: firstIs(one, i) }];
  });
}

/** The preferred response becomes `chosen`; a tie keeps the data's order and is flagged. */
function toRow({ id, pair, group }: Identified): PreferenceRow {
  const swap = pair.preferred === "second";
  const { scoreFirst, scoreSecond } = pair.meta ?? {};
  const [scoreChosen, scoreRejected] = swap ? [scoreSecond, scoreFirst] : [scoreFirst, scoreSecond];
  const flags = flagsOf(pair);
  const meta: RowMeta = {
    ...(flags.length === 0 ? {} : { flags }),
    ...(group === undefined ? {} : { group }),
    ...subsetOf(pair),
    ...(pair.meta?.item === undefined ? {} : { item: pair.meta.item }),
    ...(scoreChosen === undefined ? {} : { scoreChosen }),
    ...(scoreRejected === undefined ? {} : { scoreRejected }),
  };
  return {
    id,
    prompt: pair.prompt,
    chosen: swap ? pair.second : pair.first,
    rejected: swap ? pair.first : pair.second,
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}

/** The part of the data a pair belongs to, and why a person was asked about it, where it says so. */
export function subsetOf({ meta: { subset, asked } = {} }: ParsedPair): Pick<RowMeta, "subset" | "asked"> {
  return { ...(subset === undefined ? {} : { subset }), ...(asked === undefined ? {} : { asked }) };
}
