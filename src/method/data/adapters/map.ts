/** The adapter of `--map`: any data, by naming its columns (`column-map.ts`). */
import { ConfigError } from "../../../base/core/errors.ts";
import { didYouMean } from "../../../base/core/suggest.ts";
import type { RawRecord } from "../../../base/files/record.ts";
import type { Adapter, ColumnNotes, LeftOut, ParsedPair } from "./adapter.ts";
import { COLUMN_TARGETS, type ColumnMap, formatColumnMap, mapIssues } from "./column-map.ts";
import { contentAt, idAt, lookUpText } from "./columns.ts";
import { splitContents } from "./common-prefix.ts";
import { hasColumn } from "./joined.ts";
import { comparable, inferValues, type Values } from "./verdicts.ts";
import { promptPart, responsesAt, whichPair, whichUses } from "./which.ts";

/** What a target makes of its column, in words. */
const TARGET_USES: Readonly<Record<(typeof COLUMN_TARGETS)[number], string>> = {
  chosen: "preferred response",
  rejected: "other response",
  response_a: "first response",
  response_b: "second response",
  id: "id",
  group: "group",
  subset: "part of the data",
};

type Value = Readonly<Record<string, unknown>>;

/**
 * The adapter of a column map. Without a prompt, the prompt is what chosen and rejected begin with.
 * @param head - the first records: they tell what labels mean where the map does not say, if words can mean one thing only
 * @throws ConfigError for a map that does not fit together, labels that can mean two things, or a column that no record has
 */
export function mapAdapter(map: ColumnMap, head: readonly RawRecord[] = []): Adapter {
  const issues = [...mapIssues(map), ...missingColumns(map, head)];
  if (issues.length > 0) throw new ConfigError(issues);
  const prompt = map.prompt === undefined ? undefined : [map.prompt].flat();
  const a = map.chosen ?? map.response_a!;
  const b = map.rejected ?? map.response_b!;
  const values = map.label === undefined ? undefined : valuesOf(map, head);
  return {
    name: "map",
    shape: formatColumnMap(map),
    matches: () => "columns named with --map",
    uses: (value) => usesOf(map, prompt, value),
    parse: (value) => {
      const pair: ParsedPair | LeftOut =
        values !== undefined
          ? whichPair(value, { prompt: prompt!, a, b, label: map.label!, values })
          : {
              ...(prompt === undefined
                ? splitContents(contentAt(value, a), contentAt(value, b))
                : responsesAt(value, { prompt, a, b })),
              preferred: map.chosen === undefined ? "none" : "first",
            };
      return "leaveOut" in pair ? pair : { ...pair, ...namesOf(map, value) };
    },
  };
}

function usesOf(map: ColumnMap, prompt: readonly string[] = [], value: Value = {}): ColumnNotes {
  const { response_a: a, response_b: b, label } = map;
  const single = COLUMN_TARGETS.flatMap((target) => {
    const column = map[target];
    return column === undefined ? [] : [[column, TARGET_USES[target]] as const];
  });
  const parts = prompt.map((column, i) => [column, promptPart(i, prompt.length)]);
  const which = label === undefined ? {} : whichUses({ prompt, a: a!, b: b!, label, values: {} }, value);
  return { ...Object.fromEntries([...parts, ...single]), ...which };
}

/** What names the row. */
function namesOf(map: ColumnMap, value: Value): Pick<ParsedPair, "id" | "groupKeys" | "meta"> {
  return {
    ...(map.id === undefined ? {} : idAt(value, map.id)),
    ...(map.group === undefined ? {} : { groupKeys: [`group ${lookUpText(value, map.group)}`] }),
    ...(map.subset === undefined ? {} : { meta: { subset: lookUpText(value, map.subset) } }),
  };
}

function valuesOf(map: ColumnMap, head: readonly RawRecord[]): Values {
  if (map.values !== undefined) return comparable(map.values);
  const seen = head.flatMap(({ value }) => map.label!.flatMap((column) => value[column] ?? []));
  return inferValues(map, seen);
}

/** Columns that may be empty in a row, and so must be somewhere: a misspelt name would be empty everywhere. */
function missingColumns(map: ColumnMap, head: readonly RawRecord[]): string[] {
  if (head.length === 0) return [];
  const { prompt = [], id } = map;
  const optional = [...(typeof prompt === "string" ? [] : prompt), ...(id === undefined ? [] : [id])];
  const known = [...new Set(head.flatMap(({ value }) => Object.keys(value)))];
  return optional
    .filter((column) => !head.some(({ value }) => hasColumn(value, column)))
    .map(
      (column) =>
        `--map: none of the first ${head.length} records has a column "${column}"${didYouMean(column, known) || `; columns are ${known.join(", ").slice(0, 200)}.`}`,
    );
}
