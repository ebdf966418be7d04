/** Token limits beside the positions of the models that will read the tokens, before anything is trained or scored. */
import { openModelFolder } from "../checkpoint/model-folder.ts";
import { STORIES15M_POSITIONS } from "../checkpoint/stories15m.ts";
import { ConfigError } from "../core/errors.ts";
import { describeModel } from "../model/families/index.ts";
import { positionsProblem, type TokenLimits } from "../text/pair.ts";
import { STORIES } from "./job/model-stages.ts";
import type { MainJob } from "./job/settings.ts";
import { membersOf } from "./job/teacher-settings.ts";

/**
 * Most tokens a model takes.
 * @param source - a model folder or stories15M
 * @throws CheckpointError when it is none
 */
export async function positionsOf(source: string): Promise<number> {
  if (source === STORIES) return STORIES15M_POSITIONS;
  const folder = await openModelFolder(source);
  await folder.close();
  return describeModel(folder.config, `${folder.path}/config.json`).decoder.config.maxPositions;
}

/**
 * Refuses limits that a model has too few positions for: tables of positions would be read past their end, and scoring refuses them.
 * @throws ConfigError naming every such model; CheckpointError as `positionsOf`
 */
export async function checkPositions(sources: Iterable<string>, limits: TokenLimits): Promise<void> {
  const issues: string[] = [];
  for (const source of new Set(sources)) {
    const problem = positionsProblem(await positionsOf(source), limits);
    if (problem !== undefined) issues.push(`${source}: ${problem}`);
  }
  if (issues.length > 0) throw new ConfigError(issues);
}

/** The models of a job against its limits. Judges ask with limits of their own. @throws as `checkPositions` */
export async function checkJobPositions({ teacher, seed, models, limits }: MainJob): Promise<void> {
  const weak = membersOf(teacher, seed, models.weak).map((member) => member.weak.from);
  await checkPositions([...weak, models.student.from], limits);
}
