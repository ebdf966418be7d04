/** What all studies of one command start from: the base recipe and what may vary. */

import { parse as parseYaml } from "yaml";
import { ConfigError } from "../../base/core/errors.ts";
import { loadRecipe } from "../recipe/parse.ts";
import type { Recipe } from "../recipe/schema.ts";
import { seedSetting, seedsOf, withSeed } from "../recipe/seeds.ts";
import { recipeYaml } from "../recipe/write.ts";
import { judgesNamed, type NamedJudge } from "./judges-named.ts";

/** `small`: a made-up world, minutes on two cores. `paper`: the presets with the papers' settings. */
export const SCALES = ["small", "paper"] as const;

/** The paper whose preset a study starts from at full scale. */
export type Paper = "tao-li-2025" | "cwpo-2026";

/** One of `SCALES`. */
export type Scale = (typeof SCALES)[number];

/** What the command was asked for. */
export type StudyRequest = {
  readonly scale: Scale;
  /** A recipe or preset in place of the scale's. */
  readonly recipe?: string | undefined;
  readonly set: readonly string[];
  /** How many seeds, or a list (`1,2,3`), as of `--seeds`; default the base recipe's. */
  readonly seeds?: string | undefined;
  /** Folder of all studies. */
  readonly out: string;
  /** Models of the sweeps over teachers and students, in the order of their tables; default cuts of the base's models. */
  readonly weak: readonly string[];
  readonly student: readonly string[];
  /** Judges whose labels are a baseline: folders of instruct models, or the settings of judge-chat teachers. */
  readonly judge: readonly string[];
};

/** The base recipe of a study with what its grid may use. */
export type StudyContext = {
  readonly scale: Scale;
  readonly base: string;
  readonly set: readonly string[];
  /** Of the first seed. */
  readonly recipe: Recipe;
  /** Every cell is run with each of these, the recipe's own first. */
  readonly seeds: readonly number[];
  /** The base recipe as it is written in a file, every default spelt out. */
  readonly written: Readonly<Record<string, unknown>>;
  readonly weak: readonly string[];
  readonly student: readonly string[];
  readonly judge: readonly NamedJudge[];
};

/** Preset of the small scale. */
export const SMALL = "study-small";

/** Resolves the base of the studies beside one paper. @throws ConfigError as `loadRecipe`, for a model named twice, and for an executor other than this machine */
export async function studyContext(request: StudyRequest, paper: Paper): Promise<StudyContext> {
  for (const role of ["weak", "student"] as const) {
    const twice = request[role].find((source, i) => request[role].indexOf(source) < i);
    if (twice !== undefined)
      throw new ConfigError(`--${role} ${twice}: is named twice. Name each model once.`);
  }
  const base = request.recipe ?? (request.scale === "small" ? SMALL : paper);
  const set = [...request.set, `out=${JSON.stringify(request.out)}`];
  const asked = await loadRecipe(base, { set: [...set, ...seedSetting(request.seeds)] });
  const seeds = seedsOf(asked);
  const recipe = withSeed(asked, seeds[0]!, asked.out);
  if (recipe.executor.kind !== "local")
    throw new ConfigError(
      `executor: studies run on this machine, expected local, got ${recipe.executor.kind}. Run their recipes one by one, or leave it out.`,
    );
  return {
    scale: request.scale,
    base,
    set,
    recipe,
    seeds,
    written: parseYaml(recipeYaml(recipe)) as Record<string, unknown>,
    weak: request.weak,
    student: request.student,
    judge: judgesNamed(request.judge),
  };
}

/** A part of the base recipe by its path, as it is written. */
export function writtenAt({ written }: StudyContext, ...path: string[]): Record<string, unknown> {
  let at: unknown = written;
  for (const key of path) at = (at as Record<string, unknown> | undefined)?.[key];
  return (at ?? {}) as Record<string, unknown>;
}

/** True at the small scale: grids leave out what costs most. */
export const isSmall = ({ scale }: StudyContext): boolean => scale === "small";
