/**
 * `--map`: names the columns of any data. As text, `target=column` with commas between; a prompt may be joined of several columns
 * (`prompt=instruction+input`), labels may stand in several (`label=anna;ben`), and `values` says what they mean
 * (`values=1:a;2:b;0:tie`). Names that hold one of `, = + ; : "` stand in double quotes, in which a quote is written twice.
 */
import { ConfigError } from "../../../base/core/errors.ts";
import { didYouMean } from "../../../base/core/suggest.ts";

/** What a label's value says: a or b is better, neither is, or nothing (`none`: as if nobody had answered). */
export const VERDICTS = ["a", "b", "tie", "none"] as const;
/** One of `VERDICTS`. */
export type Verdict = (typeof VERDICTS)[number];

/** Targets that take one column. */
export const COLUMN_TARGETS = [
  "chosen",
  "rejected",
  "response_a",
  "response_b",
  "id",
  "group",
  "subset",
] as const;
const TARGETS = ["prompt", ...COLUMN_TARGETS, "label", "values"] as const;
type Target = (typeof TARGETS)[number];
const ALIASES: Readonly<Record<string, Target>> = { a: "response_a", b: "response_b" };

/** Which column of the data holds what. */
export type ColumnMap = Partial<Record<(typeof COLUMN_TARGETS)[number], string>> & {
  /** One column, or several that are joined. */
  prompt?: string | readonly string[];
  /** Columns that say which response is better, one for each person. */
  label?: readonly string[];
  /** What the values in them mean; compared without regard to case. */
  values?: Readonly<Record<string, Verdict>>;
};

/**
 * Reads the text of `--map`.
 * @throws ConfigError naming every unknown, repeated or missing part
 */
export function parseColumnMap(text: string): ColumnMap {
  const issues: string[] = [];
  const map: ColumnMap = {};
  for (const part of splitOutside(text, ",")) {
    const [name = "", ...rest] = splitOutside(part, "=");
    const target = targetOf(name.trim());
    const value = rest.join("=").trim();
    if (value === "" || (rest.length > 1 && target !== "values"))
      issues.push(`--map: "${part}" is no assignment, expected target=column.`);
    else if (target === undefined)
      issues.push(
        `--map: unknown target "${name.trim()}", expected one of ${TARGETS.join(", ")}${didYouMean(name.trim(), TARGETS)}`,
      );
    else if (map[target] !== undefined) issues.push(`--map: "${target}" is given twice.`);
    else assign(map, target, value, issues);
  }
  if (issues.length === 0) issues.push(...mapIssues(map));
  if (issues.length > 0) throw new ConfigError(issues);
  return map;
}

/**
 * A map as a recipe writes it, member by member.
 * @throws ConfigError for what does not go together
 */
export function checkColumnMap({ a, b, ...rest }: ColumnMap & { a?: string; b?: string }): ColumnMap {
  const twice =
    (a !== undefined && rest.response_a !== undefined) || (b !== undefined && rest.response_b !== undefined);
  const map = {
    ...rest,
    ...(a === undefined ? {} : { response_a: a }),
    ...(b === undefined ? {} : { response_b: b }),
  };
  const issues = [...(twice ? ["--map: a response is given twice."] : []), ...mapIssues(map)];
  if (issues.length > 0) throw new ConfigError(issues);
  return map;
}

const targetOf = (name: string): Target | undefined =>
  ALIASES[name] ?? TARGETS.find((target) => target === name);

function assign(map: ColumnMap, target: Target, value: string, issues: string[]): void {
  if (target === "values") map.values = readValues(value, issues);
  else if (target === "label") map.label = splitOutside(value, ";").map(unquoted);
  else if (target === "prompt") {
    const columns = splitOutside(value, "+").map(unquoted);
    map.prompt = columns.length === 1 ? columns[0]! : columns;
  } else map[target] = unquoted(value);
}

function readValues(text: string, issues: string[]): Record<string, Verdict> {
  const values: Record<string, Verdict> = {};
  for (const part of splitOutside(text, ";")) {
    const pieces = splitOutside(part, ":");
    const value = unquoted(pieces.slice(0, -1).join(":"));
    const said = pieces.at(-1)!.trim();
    const verdict = VERDICTS.find((one) => one === said);
    if (verdict === undefined || pieces.length < 2)
      issues.push(
        `--map: values: "${part.trim()}" is no meaning, expected value:${VERDICTS.join(" or value:")}.`,
      );
    else if (values[value] !== undefined) issues.push(`--map: values: "${value}" is given twice.`);
    else values[value] = verdict;
  }
  return values;
}

/** Parts of a text between signs that do not stand in double quotes. */
function splitOutside(text: string, sign: string): string[] {
  const parts: string[] = [];
  let quoted = false;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') quoted = !quoted;
    else if (text[at] === sign && !quoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)];
}

function unquoted(text: string): string {
  const name = text.trim();
  const quoted = name.length >= 2 && name.startsWith('"') && name.endsWith('"');
  return quoted ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** A map as the text that `parseColumnMap` reads. */
export function formatColumnMap(map: ColumnMap): string {
  return TARGETS.flatMap((target) => {
    const value = map[target];
    if (value === undefined) return [];
    const name =
      map.label === undefined
        ? target
        : target === "response_a"
          ? "a"
          : target === "response_b"
            ? "b"
            : target;
    return [`${name}=${textOf(target, value)}`];
  }).join(",");
}

function textOf(target: Target, value: NonNullable<ColumnMap[Target]>): string {
  if (typeof value === "string") return quotedIfNeeded(value);
  if (Array.isArray(value)) return value.map(quotedIfNeeded).join(target === "prompt" ? "+" : ";");
  return formatValues(value as Readonly<Record<string, Verdict>>);
}

/** `1:a;2:b;0:tie`. */
export const formatValues = (values: Readonly<Record<string, Verdict>>): string =>
  Object.entries(values)
    .map(([value, verdict]) => `${quotedIfNeeded(value)}:${verdict}`)
    .join(";");

const quotedIfNeeded = (name: string): string =>
  /[,=+;:"]/.test(name) || name.trim() !== name ? `"${name.replaceAll('"', '""')}"` : name;

/** What does not go together in a map. */
export function mapIssues(map: ColumnMap): string[] {
  const { chosen, rejected, response_a: a, response_b: b, label, values } = map;
  const issues: string[] = [];
  const preference = chosen !== undefined && rejected !== undefined;
  const pair = a !== undefined && b !== undefined;
  if (
    preference === pair ||
    (chosen === undefined) !== (rejected === undefined) ||
    (a === undefined) !== (b === undefined)
  )
    issues.push(
      "--map: needs chosen and rejected (a preference), or a and b: with label (which of them people preferred), or without (an unlabelled pool).",
    );
  else if (pair && map.prompt === undefined)
    issues.push(`--map: ${label === undefined ? "a pool" : "a label"} needs prompt.`);
  if (label !== undefined && !pair)
    issues.push("--map: label needs a and b, the two responses it speaks of.");
  if (values !== undefined && label === undefined)
    issues.push("--map: values has no effect without label. Leave it out.");
  if (values !== undefined) issues.push(...valueIssues(values));
  return issues;
}

function valueIssues(values: Readonly<Record<string, Verdict>>): string[] {
  const names = Object.keys(values).map((value) => value.toLowerCase());
  const twice = names.find((name, i) => names.indexOf(name) < i);
  const said = new Set(Object.values(values));
  return [
    ...(twice === undefined ? [] : [`--map: values: "${twice}" is given twice, case aside.`]),
    ...(said.has("a") && said.has("b")
      ? []
      : ["--map: values needs a value that says a and one that says b, such as values=1:a;2:b;0:tie."]),
  ];
}

/** The columns of the data that a map names. */
export const mappedColumns = ({
  prompt = [],
  label = [],
  values: _,
  ...columns
}: ColumnMap): readonly string[] => [
  ...(typeof prompt === "string" ? [prompt] : prompt),
  ...Object.values(columns),
  ...label,
];
