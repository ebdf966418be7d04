/** `--set path=value`: settings laid over a file's, and errors that name the file's line or the `--set`. */
import { parse as parseYaml } from "yaml";
import type { z } from "zod";
import { ConfigError, messageOf } from "../core/errors.ts";
import { didYouMean } from "../core/suggest.ts";
import { parseDocumentText, readable, type SettingsDocument } from "./document.ts";
import { issueOf, type SettingIssue } from "./issues.ts";
import { type AllForms, mergeSettings } from "./merge.ts";
import { expand, fromDisk, type Path, type UnknownKey } from "./names.ts";
import { isObject } from "./parts.ts";

/** One `--set path=value`; the value is YAML. */
export type Setting = { readonly text: string; readonly path: Path; readonly value: unknown };

/**
 * Settings of one section alone, from texts of `--set` with paths inside it.
 * @throws ConfigError with every issue, each with the `--set` it comes from
 */
export function settingsOf<S extends z.ZodType>(schema: S, set: readonly string[]): z.output<S> {
  const settings = set.map(parseSetting);
  const open = (value: unknown) => expand(value, schema, { complete: true });
  const raw = open(settings.reduce((value: unknown, { path, value: to }) => put(open(value), path, to), {}));
  const { value, unknown } = fromDisk(raw, schema);
  const parsed = schema.safeParse(value);
  const issues = [
    ...unknown.map(unknownIssue),
    ...(parsed.success ? [] : parsed.error.issues.flatMap((issue) => issueOf(issue, value))),
  ];
  if (parsed.success && issues.length === 0) return parsed.data;
  throw configError(issues, [parseDocumentText("{}", "settings")], settings);
}

/** @throws ConfigError when it is no `path=value`, or the value no YAML */
export function parseSetting(text: string): Setting {
  const at = text.indexOf("=");
  const name = text.slice(0, at).trim();
  if (at < 1 || name.split(".").some((key) => key === ""))
    throw new ConfigError(`--set ${text}: expected path=value, such as student.prefer.beta=0.05.`);
  if (name.split(".").includes("__proto__"))
    throw new ConfigError(`--set ${text}: __proto__ names no setting.`);
  try {
    const path = name.split(".").map((key) => (/^\d{1,6}$/.test(key) ? Number(key) : key));
    return { text: `--set ${text}`, path, value: parseYaml(text.slice(at + 1)) ?? null };
  } catch (error) {
    throw new ConfigError(`--set ${text}: the value is no YAML: ${messageOf(error).split("\n")[0]}`, {
      cause: error,
    });
  }
}

/** A copy of `value` with a setting laid over one place; what lies on the way is made. */
export function put(value: unknown, [key, ...rest]: Path, to: unknown, forms: AllForms = []): unknown {
  if (key === undefined) return mergeSettings(value, to, forms);
  if (Array.isArray(value) && typeof key === "number") {
    const items = [...value];
    items[key] = put(items[key], rest, to, forms);
    return items;
  }
  const object = isObject(value) ? value : {};
  // Another alternative keeps nothing of the one before.
  if (rest.length === 0) return mergeSettings(object, { [key]: to }, forms);
  return { ...object, [key]: put(object[String(key)], rest, to, forms) };
}

/** All issues as one error, each with `file:line:column` or the `--set` it comes from. */
export function configError(
  issues: readonly SettingIssue[],
  documents: readonly SettingsDocument[],
  settings: readonly Setting[],
): ConfigError {
  const seen = new Set<string>();
  for (const { path, problem } of issues) {
    const { place, written } = placeOf(path, documents, settings);
    const where = written.length === 0 ? "recipe" : written.join(".").replace(/\.(\d+)(?=\.|$)/g, "[$1]");
    seen.add(`${place}: ${where}: ${problem}`);
  }
  return new ConfigError(readable([...seen]));
}

/** The `--set` that gave a path, else the last document that decides it, else the one that has most of it; and the path as it is written there. */
function placeOf(
  path: Path,
  documents: readonly SettingsDocument[],
  settings: readonly Setting[],
): { readonly place: string; readonly written: Path } {
  // A loss's beta may be written beside the loss.
  const short = path.at(-2) === "loss" && path.at(-1) === "beta" ? [...path.slice(0, -2), "beta"] : path;
  const begins = (whole: Path, set: Path) => set.every((key, i) => String(whole[i]) === String(key));
  const given = settings.findLast(({ path: set }) => begins(path, set) || begins(short, set));
  if (given !== undefined) return { place: given.text, written: begins(path, given.path) ? path : short };
  const found = documents.flatMap((document) =>
    [path, short].map((written) => {
      const { place, found, whole } = document.locate(written);
      // As much of either way of writing it counts the same.
      return { place, written, missing: written.length - found, whole };
    }),
  );
  // A file's shorthand or list stands in the place of all that files below it say.
  const replaced = found.findLast(({ missing, whole }) => missing === 0 || whole);
  if (replaced !== undefined) return replaced;
  const least = Math.min(...found.map(({ missing }) => missing));
  // A section that only a --set opened.
  const opened = least > 0 && settings.findLast(({ path: set }) => begins(set, path));
  if (opened) return { place: opened.text, written: path };
  return found.findLast(({ missing }) => missing === least)!;
}

/** The issue of a key that the schema does not have, with the one that was meant. */
export function unknownIssue({ path, known }: UnknownKey): SettingIssue {
  const advice = didYouMean(String(path.at(-1)), known) || `; there are ${known.join(", ")}.`;
  return { path, problem: `unknown setting${advice}` };
}
