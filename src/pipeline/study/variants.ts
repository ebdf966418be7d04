/** Cells of all studies with equal settings are one variant: one recipe, one teacher, the students of all of them. */
import { canonicalJson } from "../../base/core/digest.ts";
import { loadRecipe } from "../recipe/parse.ts";
import type { Recipe } from "../recipe/schema.ts";
import { withSeed } from "../recipe/seeds.ts";
import type { StudyContext } from "./context.ts";
import type { ArmRecipe, Cell, StudyDefinition } from "./study.ts";

/** A study with the base it starts from. */
export type PlacedStudy = { readonly study: StudyDefinition; readonly context: StudyContext };

/** A study that was left out, and why. */
export type LeftOut = { readonly name: string; readonly why: string };

/** A recipe to run, for whom. */
export type Variant = {
  readonly key: string;
  readonly context: StudyContext;
  readonly settings: Settings;
  readonly arms: readonly ArmRecipe[];
  readonly teacherAnswers: boolean;
  readonly poolGold: boolean;
  readonly rescored: boolean;
  readonly bestOf: boolean;
  readonly usedBy: readonly string[];
};

type Settings = Readonly<Record<string, unknown>>;

/** Settings of a cell under a seed; a cell that names its own seed keeps it. The base's seed is no setting. */
function seeded({ recipe }: StudyContext, settings: Settings, seed: number): Settings {
  const { seed: own = seed, ...rest } = settings;
  return own === recipe.seed ? rest : { ...rest, seed: own };
}

/** Which variants a cell is: one for each seed, or the one of the seed that it names. */
export const variantKeys = (context: StudyContext, settings: Settings): string[] =>
  cellSettings(context, settings).map((one) => `${context.base} ${canonicalJson(one)}`);

const cellSettings = (context: StudyContext, settings: Settings): Settings[] =>
  ("seed" in settings ? [context.recipe.seed] : context.seeds).map((seed) => seeded(context, settings, seed));

/** The variants of studies, in the order in which they are first needed. */
export function variantsOf(placed: readonly PlacedStudy[]): Variant[] {
  const variants = new Map<string, Variant>();
  const add = (study: string, context: StudyContext, settings: Settings, cell: Cell) => {
    const key = `${context.base} ${canonicalJson(settings)}`;
    const before = variants.get(key);
    variants.set(key, {
      key,
      context,
      settings,
      arms: mergeArms(before?.arms ?? [], cell.arms),
      teacherAnswers: before?.teacherAnswers === true || cell.teacherAnswers === true,
      poolGold: before?.poolGold === true || cell.poolGold === true,
      rescored: before?.rescored === true || cell.rescored === true,
      bestOf: before?.bestOf === true || cell.bestOf === true,
      usedBy: [...new Set([...(before?.usedBy ?? []), study])],
    });
  };
  for (const { study, context } of placed)
    for (const cell of study.cells(context))
      for (const settings of cellSettings(context, cell.settings)) add(study.name, context, settings, cell);
  return [...variants.values()];
}

function mergeArms(before: readonly ArmRecipe[], more: readonly ArmRecipe[]): readonly ArmRecipe[] {
  const arms = new Map(before.map((arm) => [arm.name, arm]));
  for (const arm of more) {
    const known = arms.get(arm.name);
    if (known !== undefined && canonicalJson(known) !== canonicalJson(arm))
      throw new Error(`internal: two arms are called ${arm.name}`);
    arms.set(arm.name, arm);
  }
  return [...arms.values()];
}

/** What a variant differs in, in words: of long settings the kind and the form. */
export const settingsInWords = ({ settings }: Pick<Variant, "settings">): string =>
  Object.entries(settings)
    .map(([path, value]) => `${path}=${shortly(value)}`)
    .join(" ") || "the base";

function shortly(value: unknown): string {
  const { kind, score } = (value ?? {}) as { kind?: string; score?: { form?: string } };
  return kind === undefined ? JSON.stringify(value) : `${kind}${score?.form ? `, ${score.form}` : ""}`;
}

/** The recipe of a variant; without students its one arm is the base, which costs nothing. @throws ConfigError as `loadRecipe` */
export async function variantRecipe({ context, settings, arms }: Variant): Promise<Recipe> {
  const list = arms.length === 0 ? [{ labels: "base" }] : arms;
  const overlay = Object.entries({ ...settings, arms: list }).map(
    ([path, value]) => `${path}=${JSON.stringify(value)}`,
  );
  const first = `seed=${context.recipe.seed}`;
  const recipe = await loadRecipe(context.base, { set: [...context.set, first, ...overlay] });
  return withSeed(recipe, recipe.seed, recipe.out);
}
