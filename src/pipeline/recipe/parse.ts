/** From files and `--set` to a recipe with every default filled in, or all that is wrong with it at once. */
import { basename, dirname, extname, join, resolve } from "node:path";
import { ConfigError } from "../../base/core/errors.ts";
import { holdsSecret } from "../../base/core/redact.ts";
import type { SettingsDocument } from "../../base/settings/document.ts";
import { issueOf, type SettingIssue } from "../../base/settings/issues.ts";
import { mergeSettings } from "../../base/settings/merge.ts";
import { diskName, diskWords, expand, fromDisk, type Path } from "../../base/settings/names.ts";
import { isObject } from "../../base/settings/parts.ts";
import { configError, parseSetting, put, type Setting, unknownIssue } from "../../base/settings/set.ts";
import { type Arm, armIssues, type ParsedArm } from "./arms.ts";
import { teacherIssues, validationIssues, withHeldOut, withTau } from "./checks.ts";
import { fromRecipeFile } from "./paths.ts";
import { openDocument, PRESETS } from "./presets.ts";
import { type Recipe, recipeSchema } from "./schema.ts";
import { DATA_FORMS, WORLD_FORMS } from "./sections.ts";
import { preferSchema } from "./training.ts";

/**
 * Reads a recipe; its relative paths start from its own folder (`paths.ts`).
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
  documents: readonly SettingsDocument[],
  set: readonly string[],
  name?: string,
): Recipe {
  const settings = set.map(parseSetting);
  const conflicts: Path[] = [];
  const written = documents.reduce(
    (base: unknown, { value }) =>
      mergeSettings(
        expand(base, recipeSchema, { complete: true }),
        expand(value ?? {}, recipeSchema, { conflicts }),
        FORMS,
      ),
    undefined,
  );
  const named =
    isObject(written) && name !== undefined && !("name" in written) ? { ...written, name } : written;
  // Written out once more at the end, so that an issue's place holds what was given and not what it is short for.
  const open = (value: unknown) => expand(value, recipeSchema, { complete: true });
  const raw = withoutNulls(
    open(settings.reduce((value, { path, value: to }) => put(open(value), path, to, FORMS), named)),
    settings,
  );
  const { value, unknown } = fromDisk(raw, recipeSchema);
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
  const uneven = validationIssues(resolved.arms, parsed.data.student.prefer);
  if (resolved.issues.length + uneven.length > 0)
    throw configError([...resolved.issues, ...uneven], documents, settings);
  return { ...withTau(withHeldOut(recipe)), out: out ?? join("runs", recipe.name), arms: resolved.arms };
}

/** What a recipe can give in several ways: each way takes the place of another that it is laid over. */
const FORMS = [DATA_FORMS, WORLD_FORMS];

/** The recipes that are laid over each other are opened before `--set` is looked at. */
const EXTENDS_SET: SettingIssue = {
  path: ["extends"],
  problem: "has no effect with --set. Write it in the recipe file, or run the recipe that it names.",
};

/** `--set path=null` takes away a setting that cannot be null, as if the recipe did not have it. */
function withoutNulls(raw: unknown, settings: readonly Setting[]): unknown {
  const nulls = settings.filter(({ value }) => value === null);
  if (nulls.length === 0) return raw;
  const { value } = fromDisk(raw, recipeSchema);
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
  return fromDisk(expand(student?.prefer ?? {}, preferSchema, { complete: true }), preferSchema).value;
}

/** Lays each arm's settings over the student's and checks the result. */
function resolveArms(
  arms: readonly ParsedArm[],
  base: unknown,
  student: Recipe["student"]["prefer"],
): { arms: Arm[]; issues: SettingIssue[] } {
  const issues: SettingIssue[] = [];
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
): { prefer: Arm["prefer"]; problems: SettingIssue[] } {
  if (over === undefined) return { prefer: undefined, problems: [] };
  const merged = mergeSettings(base, over);
  const parsed = preferSchema.safeParse(merged);
  if (parsed.success) return { prefer: parsed.data, problems: [] };
  return { prefer: undefined, problems: parsed.error.issues.flatMap((issue) => issueOf(issue, merged)) };
}

/** A recipe and all that it extends, the outermost base first. */
async function openChain(source: string, from: string): Promise<SettingsDocument[]> {
  const documents: SettingsDocument[] = [];
  let [next, folder]: [string | undefined, string] = [source, from];
  while (next !== undefined) {
    const document = await openDocument(next, folder);
    if (documents.some(({ file }) => file === document.file) || documents.length > 8)
      throw new ConfigError(
        `${documents[0]!.file}: extends goes round: ${documents.map(({ file }) => file).join(" → ")} → ${next}.`,
      );
    const preset = (PRESETS as readonly string[]).includes(next);
    const file = resolve(folder, next);
    documents.push(preset ? document : { ...document, value: fromRecipeFile(document.value, file) });
    if (!preset) folder = dirname(file);
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
