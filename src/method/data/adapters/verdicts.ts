/**
 * What the values of a label column say: which response is better. Words that can mean one thing only are known; numbers and truth values
 * can mean two, and are asked about, never guessed.
 */
import { ConfigError } from "../../../base/core/errors.ts";
import { type ColumnMap, formatColumnMap, formatValues, type Verdict } from "./column-map.ts";
import { show } from "./texts.ts";

/** What values mean; keys in lower case. */
export type Values = Readonly<Record<string, Verdict>>;

/** A value as it is compared: trimmed, in lower case, a number without a fraction that says nothing (a data frame's `1.0`). */
export function valueKey(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") return undefined;
  const text = String(value).trim().toLowerCase();
  return /^-?\d+\.0+$/.test(text) ? text.slice(0, text.indexOf(".")) : text;
}

const words = (verdict: Verdict, list: string): [string, Verdict][] =>
  list.split("|").map((word) => [word, verdict]);

/** Words for which there is one reading. */
const KNOWN: Values = Object.fromEntries([
  ...words(
    "a",
    "a|model_a|response_a|answer_a|assistant_a|output_a|a>b|a>>b|[[a]]|[[a>b]]|[[a>>b]]|b<a|first",
  ),
  ...words(
    "b",
    "b|model_b|response_b|answer_b|assistant_b|output_b|b>a|b>>a|[[b]]|[[b>a]]|[[b>>a]]|a<b|second",
  ),
  ...words(
    "tie",
    "tie|tied|draw|equal|same|both|neither|a=b|[[a=b]]|tie (bothbad)|both_bad|bothbad|both bad|both_good|both good",
  ),
]);

/** Readings of numbers and truth values, each with its rule in words. */
const READINGS: readonly (readonly [rule: string, values: Values])[] = [
  ["counted from 0", { "0": "a", "1": "b" }],
  ["counted from 0, then a tie", { "0": "a", "1": "b", "2": "tie" }],
  ["counted from 1", { "1": "a", "2": "b" }],
  ["counted from 1, 0 is a tie", { "1": "a", "2": "b", "0": "tie" }],
  ["counted from 1, then a tie", { "1": "a", "2": "b", "3": "tie" }],
  ["1: the first is better", { "1": "a", "0": "b" }],
  ["negative: the first is better", { "-1": "a", "1": "b", "0": "tie" }],
  ["positive: the first is better", { "1": "a", "-1": "b", "0": "tie" }],
  ["1 to 2, the middle is a tie", { "1": "a", "2": "b", "1.5": "tie" }],
  ["true: the first is better", { true: "a", false: "b" }],
  ["true: the second is better", { true: "b", false: "a" }],
];

/**
 * The meaning of a map's labels, from the values at the front of the file: where the map says nothing of them.
 * @throws ConfigError where they are numbers, truth values or unknown words, with the readings that fit and what to write
 */
export function inferValues(map: ColumnMap, seen: readonly unknown[]): Values {
  const own = ownWords(map);
  const keys = [...new Set(seen.flatMap((value) => valueKey(value) ?? []).filter((key) => key !== ""))];
  const known = { ...KNOWN, ...own };
  if (keys.length > 0 && keys.every((key) => Object.hasOwn(known, key))) return known;
  throw ask(map, keys.sort());
}

/** A label may name the column that holds the better response. */
function ownWords({ response_a, response_b }: ColumnMap): Values {
  const [a, b] = [valueKey(response_a), valueKey(response_b)];
  return a === undefined || b === undefined ? {} : { [a]: "a", [b]: "b" };
}

function ask(map: ColumnMap, keys: readonly string[]): ConfigError {
  const fits = READINGS.filter(
    ([, values]) => keys.length > 0 && keys.every((key) => Object.hasOwn(values, key)),
  );
  const flag = (values: Values) => `  --map '${formatColumnMap({ ...map, values })}'`;
  const column = map.label!.join(", ");
  const found = keys.length === 0 ? "no value" : keys.slice(0, 8).map(show).join(", ");
  const lines =
    fits.length === 0
      ? [`Say what each value means, for example values=${formatValues(example(keys))}.`]
      : ["Write the reading that is right:", ...fits.map(([rule, values]) => `${flag(values)}   (${rule})`)];
  return new ConfigError(
    `--map: label ${column}: holds ${found} at the front of the file, and which response that means is not known from the values alone. ${lines.join("\n")}`,
  );
}

function example(keys: readonly string[]): Values {
  const [a = "1", b = "2", tie] = keys;
  return { [a]: "a", [b]: "b", ...(tie === undefined ? {} : { [tie]: "tie" }) };
}

/** What a value says under a meaning; undefined where the meaning does not name it. */
export function verdictOf(values: Values, value: unknown): Verdict | undefined {
  const key = valueKey(value);
  return key !== undefined && Object.hasOwn(values, key) ? values[key] : undefined;
}

/** A meaning with its values as they are compared. */
export const comparable = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).map(([value, verdict]) => [valueKey(value)!, verdict]));
