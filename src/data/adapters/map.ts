/** `--map prompt=instruction,chosen=x,rejected=y`: any other data, by naming its columns. */
import { ConfigError } from "../../core/errors.ts";
import { didYouMean } from "../../core/suggest.ts";
import type { Adapter, ParsedPair } from "./adapter.ts";
import { contentAt, idAt, lookUpText } from "./columns.ts";
import { splitContents } from "./common-prefix.ts";
import { explicitPair } from "./trl.ts";

const TARGETS = [
  "prompt",
  "chosen",
  "rejected",
  "response_a",
  "response_b",
  "id",
  "group",
  "subset",
] as const;

/** What a target makes of its column, in words. */
const TARGET_USES: Readonly<Record<(typeof TARGETS)[number], string>> = {
  prompt: "prompt",
  chosen: "preferred response",
  rejected: "other response",
  response_a: "first response",
  response_b: "second response",
  id: "id",
  group: "group",
  subset: "part of the data",
};

/** Which column of the data holds what. */
export type ColumnMap = Partial<Record<(typeof TARGETS)[number], string>>;

/**
 * Reads the text of `--map`.
 * @throws ConfigError naming every unknown, repeated or missing part
 */
export function parseColumnMap(text: string): ColumnMap {
  const issues: string[] = [];
  const map: ColumnMap = {};
  for (const part of text.split(",")) {
    const [target = "", column = "", ...rest] = part.split("=").map((piece) => piece.trim());
    const known = TARGETS.find((name) => name === target);
    if (column === "" || rest.length > 0)
      issues.push(`--map: "${part}" is no assignment, expected target=column.`);
    else if (known === undefined)
      issues.push(
        `--map: unknown target "${target}", expected one of ${TARGETS.join(", ")}${didYouMean(target, TARGETS)}`,
      );
    else if (map[known] !== undefined) issues.push(`--map: "${known}" is given twice.`);
    else map[known] = column;
  }
  if (issues.length === 0) issues.push(...mapIssues(map));
  if (issues.length > 0) throw new ConfigError(issues);
  return map;
}

function mapIssues(map: ColumnMap): string[] {
  const labelled = map.chosen !== undefined && map.rejected !== undefined;
  const unlabelled = map.response_a !== undefined && map.response_b !== undefined;
  if (
    labelled === unlabelled ||
    (map.chosen === undefined) !== (map.rejected === undefined) ||
    (map.response_a === undefined) !== (map.response_b === undefined)
  )
    return [
      "--map: needs chosen and rejected (a preference) or response_a and response_b (an unlabelled pool).",
    ];
  return unlabelled && map.prompt === undefined ? ["--map: a pool needs prompt."] : [];
}

/** The columns of the data that a map names. */
export const mappedColumns = (map: ColumnMap): readonly string[] => Object.values(map);

/** The adapter of a column map. Without a prompt, the prompt is what chosen and rejected begin with. */
export function mapAdapter(map: ColumnMap): Adapter {
  const issues = mapIssues(map);
  if (issues.length > 0) throw new ConfigError(issues);
  const labelled = map.chosen !== undefined;
  const chosen = map.chosen ?? map.response_a!;
  const rejected = map.rejected ?? map.response_b!;
  return {
    name: "map",
    shape: Object.entries(map)
      .map(([target, column]) => `${target}=${column}`)
      .join(", "),
    matches: () => "columns named with --map",
    uses: () =>
      Object.fromEntries(
        Object.entries(map).map(([target, column]) => [column, TARGET_USES[target as keyof ColumnMap]]),
      ),
    parse: (value) => ({
      ...(map.id === undefined ? {} : idAt(value, map.id)),
      ...(map.prompt === undefined
        ? splitContents(contentAt(value, chosen), contentAt(value, rejected))
        : explicitPair(value, { prompt: map.prompt, chosen, rejected })),
      preferred: labelled ? "first" : ("none" satisfies ParsedPair["preferred"]),
      ...(map.group === undefined ? {} : { groupKeys: [`group ${lookUpText(value, map.group)}`] }),
      ...(map.subset === undefined ? {} : { meta: { subset: lookUpText(value, map.subset) } }),
    }),
  };
}
