/** From files and `--set` to a recipe with every default filled in, or all that is wrong with it at once. */
import { basename, dirname, extname, join, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import type { z } from "zod";
import { ConfigError, messageOf } from "../../base/core/errors.ts";
import { holdsSecret } from "../../base/core/redact.ts";
import { didYouMean } from "../../base/core/suggest.ts";
import {
  openDocument,
  PRESETS,
  parseDocumentText,
  type RecipeDocument,
  readable,
} from "../../base/settings/document.ts";
import { issueOf, type RecipeIssue } from "../../base/settings/issues.ts";
import { mergeRecipes } from "../../base/settings/merge.ts";
import {
  diskName,
  diskWords,
  expand,
  fromDisk,
  type Path,
  type UnknownKey,
} from "../../base/settings/names.ts";
import { isObject } from "../../base/settings/parts.ts";
import { type Arm, armIssues, type ParsedArm } from "./arms.ts";
import { teacherIssues, withHeldOut } from "./checks.ts";
import { type Recipe, recipeSchema } from "./schema.ts";
import { preferSchema } from "./training.ts";

/** One `--set path=value`; the value is YAML. */
type Setting = { readonly text: string; readonly path: Path; readonly value: unknown };

/**
 * Reads a recipe.
 * @param source - a file, or the name of a preset
 * @param options.set - texts of `--set`, the last one counts
 * @throws ConfigError listing everything that is wrong, each with `file:line:column` or the `--set` it comes from
 */
export async function loadRecipe(
  source: string,
  options: { set?: readonly string[]; from?: string } = {},
): Promise<Recipe> {
  const documents = await openChain(source, options.from ?? process.cwd());
  const named = nameOf(source);
  return resolveRecipe(documents, options.set ?? [], named);
}

/** A recipe from its documents, the one that is laid over all others last. @throws ConfigError as `loadRecipe` */
export function resolveRecipe(
  documents: readonly RecipeDocument[],
  set: readonly string[],
  name?: string,
): Recipe {
  const settings = set.map(parseSetting);
  const conflicts: Path[] = [];
  const written = documents.reduce(
    (base: unknown, { value }) =>
      mergeRecipes(expand(base, { complete: true }), expand(value ?? {}, { conflicts })),
    undefined,
  );
  const named =
    isObject(written) && name !== undefined && !("name" in written) ? { ...written, name } : written;
  // Written out once more at the end, so that an issue's place holds what was given and not what it is short for.
  const open = (value: unknown) => expand(value, { complete: true });
  const raw = withoutNulls(
    open(settings.reduce((value, { path, value: to }) => put(open(value), path, to), named)),
    settings,
  );
  const { value, unknown } = fromDisk(raw);
  const issues = unknown.map(unknownIssue);
  if (settings.some(({ path: [key] }) => key === "extends")) issues.push(EXTENDS_SET);
  for (const path of conflicts)
    issues.push({ path, problem: "says something else than loss.beta beside it. Remove one of them." });
  const parsed = recipeSchema.safeParse(value);
  if (!parsed.success) issues.push(...parsed.error.issues.flatMap((issue) => issueOf(issue, value)));
  if (!parsed.success || issues.length > 0) throw configError(issues, documents, settings);
  const { arms, extends: _, out, ...recipe } = parsed.data;
  const odd = teacherIssues(parsed.data);
  if (odd.length > 0) throw configError(odd, documents, settings);
  refuseSecrets(parsed.data);
  const resolved = resolveArms(arms, preferOf(raw), parsed.data.student.prefer);
  if (resolved.issues.length > 0) throw configError(resolved.issues, documents, settings);
  return { ...withHeldOut(recipe), out: out ?? join("runs", recipe.name), arms: resolved.arms };
}

/** The recipes that are laid over each other are opened before `--set` is looked at. */
const EXTENDS_SET: RecipeIssue = {
  path: ["extends"],
  problem: "has no effect with --set. Write it in the recipe file, or run the recipe that it names.",
};

/** `--set path=null` takes away a setting that cannot be null, as if the recipe did not have it. */
function withoutNulls(raw: unknown, settings: readonly Setting[]): unknown {
  const nulls = settings.filter(({ value }) => value === null);
  if (nulls.length === 0) return raw;
  const { value } = fromDisk(raw);
  const issues = recipeSchema.safeParse(value).error?.issues.flatMap((issue) => issueOf(issue, value)) ?? [];
  const wrong = new Set(issues.map(({ path }) => path.join(".")));
  return nulls.reduce((rest, { path }) => (wrong.has(path.join(".")) ? without(rest, path) : rest), raw);
}

function without(value: unknown, [key, ...rest]: Path): unknown {
  if (!isObject(value)) return value;
  const { [String(key)]: inner, ...others } = value;
  return rest.length === 0 ? others : { ...others, [String(key)]: without(inner, rest) };
}

/**
 * A recipe is kept in the run's folder and printed in its report, so that no secret may stand in it.
 * @throws ConfigError that does not repeat it
 */
function refuseSecrets(value: unknown, path: Path = []): void {
  if (typeof value === "string" && holdsSecret(value))
    throw new ConfigError(
      `${path.map((key) => (typeof key === "string" ? diskName(key) : key)).join(".")}: holds a key, token or password, which would be kept with the run. Put it into an environment variable and name that (api_key_env).`,
    );
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) refuseSecrets(member, [...path, key]);
}

/** `student.prefer` as it is written, the loss's type named; names as inside. */
function preferOf(raw: unknown): unknown {
  const { student } = raw as { student?: { prefer?: unknown } };
  return fromDisk(expand(student?.prefer ?? {}, { complete: true }, preferSchema), preferSchema).value;
}

function unknownIssue({ path, known }: UnknownKey): RecipeIssue {
  const advice = didYouMean(String(path.at(-1)), known) || `; there are ${known.join(", ")}.`;
  return { path, problem: `unknown setting${advice}` };
}

/**
 * Settings of one section alone, from texts of `--set` with paths inside it.
 * @throws ConfigError with every issue, each with the `--set` it comes from
 */
export function settingsOf<S extends z.ZodType>(schema: S, set: readonly string[]): z.output<S> {
  const settings = set.map(parseSetting);
  const open = (value: unknown) => expand(value, { complete: true }, schema);
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

/** Lays each arm's settings over the student's and checks the result. */
function resolveArms(
  arms: readonly ParsedArm[],
  base: unknown,
  student: Recipe["student"]["prefer"],
): { arms: Arm[]; issues: RecipeIssue[] } {
  const issues: RecipeIssue[] = [];
  const names = new Set<string>();
  const resolved = arms.map((arm, i): Arm => {
    const name = arm.name ?? arm.labels;
    if (names.has(name))
      issues.push({ path: ["arms", i], problem: `a second arm is called "${name}". Give it a name.` });
    names.add(name);
    const { prefer, problems } = preferOver(base, arm.prefer);
    for (const { key, problem } of armIssues(arm, (prefer ?? student).loss))
      issues.push({ path: ["arms", i, diskName(key)], problem: diskWords(problem) });
    for (const { path, problem } of problems) issues.push({ path: ["arms", i, "prefer", ...path], problem });
    return { ...arm, name, prefer };
  });
  return { arms: resolved, issues };
}

/** An arm's preference settings laid over the student's. */
function preferOver(
  base: unknown,
  over: Record<string, unknown> | undefined,
): { prefer: Arm["prefer"]; problems: RecipeIssue[] } {
  if (over === undefined) return { prefer: undefined, problems: [] };
  const merged = mergeRecipes(base, over);
  const parsed = preferSchema.safeParse(merged);
  if (parsed.success) return { prefer: parsed.data, problems: [] };
  return { prefer: undefined, problems: parsed.error.issues.flatMap((issue) => issueOf(issue, merged)) };
}

/** A recipe and all that it extends, the outermost base first. */
async function openChain(source: string, from: string): Promise<RecipeDocument[]> {
  const documents: RecipeDocument[] = [];
  let [next, folder]: [string | undefined, string] = [source, from];
  while (next !== undefined) {
    const document = await openDocument(next, folder);
    if (documents.some(({ file }) => file === document.file) || documents.length > 8)
      throw new ConfigError(
        `${documents[0]!.file}: extends goes round: ${documents.map(({ file }) => file).join(" → ")} → ${next}.`,
      );
    documents.push(document);
    if (!(PRESETS as readonly string[]).includes(next)) folder = dirname(resolve(folder, next));
    const { value } = document;
    const base = isObject(value) ? value.extends : undefined;
    next = typeof base === "string" ? base : undefined;
  }
  return documents.reverse();
}

function nameOf(source: string): string {
  return (
    basename(source, extname(source))
      .replace(/[^A-Za-z0-9._-]/g, "-")
      .replace(/^[._-]+/, "") || "recipe"
  );
}

function parseSetting(text: string): Setting {
  const at = text.indexOf("=");
  const name = text.slice(0, at).trim();
  if (at < 1 || name.split(".").some((key) => key === ""))
    throw new ConfigError(`--set ${text}: expected path=value, such as student.prefer.beta=0.05.`);
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
function put(value: unknown, [key, ...rest]: Path, to: unknown): unknown {
  if (key === undefined) return mergeRecipes(value, to);
  if (Array.isArray(value) && typeof key === "number") {
    const items = [...value];
    items[key] = put(items[key], rest, to);
    return items;
  }
  const object = isObject(value) ? value : {};
  // Another alternative keeps nothing of the one before.
  if (rest.length === 0) return mergeRecipes(object, { [key]: to });
  return { ...object, [key]: put(object[String(key)], rest, to) };
}

function configError(
  issues: readonly RecipeIssue[],
  documents: readonly RecipeDocument[],
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

/** The `--set` that gave a path, else the document that has most of it, the last one of these; and the path as it is written there. */
function placeOf(
  path: Path,
  documents: readonly RecipeDocument[],
  settings: readonly Setting[],
): { readonly place: string; readonly written: Path } {
  // A loss's beta may be written beside the loss.
  const short = path.at(-2) === "loss" && path.at(-1) === "beta" ? [...path.slice(0, -2), "beta"] : path;
  const begins = (whole: Path, set: Path) => set.every((key, i) => String(whole[i]) === String(key));
  const given = settings.findLast(({ path: set }) => begins(path, set) || begins(short, set));
  if (given !== undefined) return { place: given.text, written: begins(path, given.path) ? path : short };
  const found = documents.flatMap((document) =>
    [path, short].map((written) => {
      const { place, found } = document.locate(written);
      // As much of either way of writing it counts the same.
      return { place, written, missing: written.length - found };
    }),
  );
  const least = Math.min(...found.map(({ missing }) => missing));
  // A section that only a --set opened.
  const opened = least > 0 && settings.findLast(({ path: set }) => begins(set, path));
  if (opened) return { place: opened.text, written: path };
  return found.findLast(({ missing }) => missing === least)!;
}
