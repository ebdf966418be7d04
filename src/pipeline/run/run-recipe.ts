/** The recipe in a run's folder: as it was asked for, and with its models on this machine. */
import { join } from "node:path";
import { ConfigError } from "../../base/core/errors.ts";
import { exists } from "../../base/core/files.ts";
import type { Log } from "../../base/core/log.ts";
import { withLocalModels } from "../recipe/hub-models.ts";
import { loadRecipe } from "../recipe/parse.ts";
import { RESOLVED } from "../recipe/resolved.ts";
import type { Recipe } from "../recipe/schema.ts";
import { checkOneSeed } from "../recipe/seeds.ts";
import { checkLayout } from "../stages/layout.ts";
import type { AnyCluster } from "./clusters.ts";

/** Recipe of a run for the nodes of a cluster, which is left by the process that submits. */
export const nodeRecipe = (folder: string, kind: AnyCluster["kind"]): string => join(folder, kind, RESOLVED);

const outIs = (folder: string) => [`out=${JSON.stringify(folder)}`];

/** As it was asked for. @throws ConfigError when the folder is no run, or one of several seeds */
export async function askedRecipe(folder: string): Promise<Recipe> {
  if (!(await exists(join(folder, RESOLVED))))
    throw new ConfigError(
      `${folder}: is no run, expected the folder that run wrote, with ${RESOLVED} in it. Check the path.`,
    );
  await checkLayout(folder);
  const asked = await loadRecipe(join(folder, RESOLVED), { set: outIs(folder) });
  checkOneSeed(asked, folder);
  return asked;
}

/** Both. @throws as `askedRecipe` and `withLocalModels` */
export async function runRecipes(
  folder: string,
  log: Log | undefined,
): Promise<{ readonly asked: Recipe; readonly recipe: Recipe }> {
  const asked = await askedRecipe(folder);
  const { kind } = asked.executor;
  const there = kind === "local" ? undefined : nodeRecipe(folder, kind);
  const recipe =
    there !== undefined && (await exists(there))
      ? await loadRecipe(there, { set: outIs(folder) })
      : await withLocalModels(asked, log);
  return { asked, recipe };
}
