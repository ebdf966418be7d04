/** Stages that only studies have: gold scores of the pool, and the same teacher's scores made in another way. */

import { z } from "zod";
import type { TokenLimits } from "../../engine/text/pair.ts";
import { readPool } from "../../method/data/pool.ts";
import { GOLD_PAIRS, type GoldPair } from "../../method/split/world.ts";
import { openTeacher } from "../../method/teacher/choice.ts";
import type { PairScore } from "../../method/teacher/teacher.ts";
import { poolFolder, readHiddenGold } from "../job/data-files.ts";
import { type GoldSettings, goldParts, openGold } from "../job/gold-stage.ts";
import type { MemberScores, TeacherModels } from "../job/member-scores.ts";
import { trainedChoice } from "../job/scores-stage.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { membersOf, type TeacherMember } from "../recipe/teacher-settings.ts";
import { defineStage, type Ref, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { jsonFile, jsonlFile } from "../stages/stage-file.ts";
import { type Rescored, rescoredSchema } from "./outcomes.ts";

const GOLD = jsonlFile("gold.jsonl", GOLD_PAIRS);

type Scoring = Running<
  { readonly gold: GoldSettings },
  { readonly data: Artefact; readonly gold: readonly Ref[] }
>;

const scoring = defineStage({
  version: 2,
  async run({ work, config, inputs, tools }: Scoring) {
    const pairs = await readPool(poolFolder(inputs.data));
    const [scorer] = await openGold(tools, config.gold, inputs.gold);
    try {
      const score = (side: "a" | "b") =>
        scorer!.score(pairs.map((pair) => ({ prompt: pair.prompt, response: pair[side] })));
      const [a, b] = [await score("a"), await score("b")];
      await GOLD.write(
        work,
        pairs.map(({ id }, i) => ({ id, goldA: a[i]!, goldB: b[i]! })),
      );
    } finally {
      await scorer!.close();
    }
  },
});

/** Gold scores of both responses of every pooled pair by the recipe's leading scorer; undefined where the data has them. */
export async function poolGoldStage(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
): Promise<Artefact | undefined> {
  const [spec] = job.evaluation.gold;
  if (job.data.kind === "world" || spec === undefined) return undefined;
  const gold = await goldParts([spec]);
  return scoring(deps, {
    name: "pool-gold",
    config: { gold: gold.config },
    inputs: { data, gold: gold.inputs },
  });
}

/** The gold scores of the pool, from the data or from `poolGoldStage`. */
export const readPoolGold = (data: Artefact, scored: Artefact | undefined): Promise<readonly GoldPair[]> =>
  scored === undefined ? readHiddenGold(data) : GOLD.read(scored);

/** Pairs that are scored again. */
const RESCORED = 64;

/**
 * Scores some pairs as the pool was scored, with their candidates swapped, and one by one; undefined for teachers that are not trained,
 * which may not be asked again so lightly.
 */
export async function rescoredStage(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  scores: readonly MemberScores[],
): Promise<Artefact | undefined> {
  const models = scores[0]?.models;
  const [member] = membersOf(job.teacher, job.seed, job.models.weak);
  if (models === undefined || member === undefined) return undefined;
  const { kind, beta } = member;
  return rescoring(deps, {
    name: "rescored",
    config: { kind, beta, limits: job.limits, pairs: RESCORED },
    inputs: { ...models, data },
  });
}

type Rescoring = Running<
  Pick<TeacherMember, "kind" | "beta"> & { readonly limits: TokenLimits; readonly pairs: number },
  TeacherModels & { readonly data: Artefact }
>;

const RESCORES = jsonFile("rescored.json", z.array(rescoredSchema));

const rescoring = defineStage({
  version: 2,
  async run({ work, config, inputs, tools }: Rescoring) {
    const { limits } = config;
    const { signal } = tools;
    const pairs = (await readPool(poolFolder(inputs.data))).slice(0, config.pairs);
    const options = { limits, name: "weak", replies: `${work.log}/replies` };
    const teacher = await openTeacher(tools, trainedChoice(config, inputs), options);
    try {
      const together = await teacher.scorePairs(pairs, signal);
      const again = await teacher.scorePairs(pairs, signal);
      const swapped = await teacher.scorePairs(
        pairs.map((pair) => ({ ...pair, a: pair.b, b: pair.a })),
        signal,
      );
      const alone: PairScore[] = [];
      for (const pair of pairs) alone.push(...(await teacher.scorePairs([pair], signal)));
      const mirrored = swapped.map((score) => ({ ...score, scoreA: score.scoreB, scoreB: score.scoreA }));
      await RESCORES.write(work, [
        difference("the same way again", together, again),
        difference("swapped", together, mirrored),
        difference("one by one", together, alone),
      ]);
    } finally {
      await teacher.close();
    }
  },
});

/** What `rescoredStage` found. */
export const readRescored = (artefact: Artefact): Promise<Rescored[]> => RESCORES.read(artefact);

function difference(how: string, before: readonly PairScore[], after: readonly PairScore[]): Rescored {
  const margin = ({ scoreA, scoreB }: PairScore) => scoreA - scoreB;
  const usable = before
    .map((score, i) => [margin(score), margin(after[i]!)] as const)
    .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  return {
    how,
    pairs: usable.length,
    changed: usable.filter(([x, y]) => Math.sign(x) !== Math.sign(y)).length,
    largest: usable.reduce((most, [x, y]) => Math.max(most, Math.abs(x - y)), 0),
  };
}
