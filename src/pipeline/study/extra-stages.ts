/** Stages that only studies have: gold scores of the pool, and the same teacher's scores made in another way. */

import { DataError } from "../../base/core/errors.ts";
import { readJson, writeFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import { readJsonl } from "../../base/files/jsonl.ts";
import { jsonLines } from "../../method/data/json-lines.ts";
import { readPool } from "../../method/data/pool.ts";
import { goldSourceDigest, openGoldScorer } from "../../method/evaluate/gold.ts";
import type { GoldPair } from "../../method/split/world.ts";
import { openTeacher } from "../../method/teacher/choice.ts";
import type { PairScore } from "../../method/teacher/teacher.ts";
import { poolFolder, readHiddenGold } from "../job/data-files.ts";
import { choiceOf, type MemberScores } from "../job/teacher-stages.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { membersOf } from "../recipe/teacher-settings.ts";
import { type JobDeps, stageDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import type { Rescored } from "./outcomes.ts";

/** Gold scores of both responses of every pooled pair by the recipe's leading scorer; undefined where the data has them. */
export async function poolGoldStage(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
): Promise<Artefact | undefined> {
  const [spec] = job.evaluation.gold;
  if (job.data.kind === "world" || spec === undefined) return undefined;
  return deps.pipeline.stage({
    name: "pool-gold",
    version: 1,
    config: { gold: spec },
    inputs: { data, gold: await goldSourceDigest(spec) },
    run: async (work) => {
      const pairs = await readPool(poolFolder(data));
      const scorer = await openGoldScorer({ runtime: stageDeps(deps).runtime }, spec);
      try {
        const score = (side: "a" | "b") =>
          scorer.score(pairs.map((pair) => ({ prompt: pair.prompt, response: pair[side] })));
        const [a, b] = [await score("a"), await score("b")];
        const gold = pairs.map(({ id }, i): GoldPair => ({ id, goldA: a[i]!, goldB: b[i]! }));
        await writeFileAtomic(work.path("gold.jsonl"), jsonLines(gold));
      } finally {
        await scorer.close();
      }
    },
  });
}

/** The gold scores of the pool, from the data or from `poolGoldStage`. */
export async function readPoolGold(
  data: Artefact,
  scored: Artefact | undefined,
): Promise<readonly GoldPair[]> {
  if (scored === undefined) return readHiddenGold(data);
  const file = scored.path("gold.jsonl");
  const gold: GoldPair[] = [];
  for await (const record of readJsonl(file)) {
    if ("problem" in record) throw new DataError(file, record.line, record.problem);
    gold.push(record.value as GoldPair);
  }
  return gold;
}

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
  const { policy, reference } = models;
  return deps.pipeline.stage({
    name: "rescored",
    version: 1,
    config: { kind, beta, limits: job.limits, pairs: RESCORED },
    inputs: { policy: policy.source, ...(reference ? { reference: reference.source } : {}), data },
    run: async (work) => {
      const pairs = (await readPool(poolFolder(data))).slice(0, RESCORED);
      const options = { limits: job.limits, name: "weak", replies: `${work.log}/replies` };
      const teacher = await openTeacher(deps, choiceOf(member, models), options);
      try {
        const together = await teacher.scorePairs(pairs, deps.signal);
        const again = await teacher.scorePairs(pairs, deps.signal);
        const swapped = await teacher.scorePairs(
          pairs.map((pair) => ({ ...pair, a: pair.b, b: pair.a })),
          deps.signal,
        );
        const alone: PairScore[] = [];
        for (const pair of pairs) alone.push(...(await teacher.scorePairs([pair], deps.signal)));
        const mirrored = swapped.map((score) => ({ ...score, scoreA: score.scoreB, scoreB: score.scoreA }));
        await writeJsonAtomic(work.path("rescored.json"), [
          difference("the same way again", together, again),
          difference("swapped", together, mirrored),
          difference("one by one", together, alone),
        ]);
      } finally {
        await teacher.close();
      }
    },
  });
}

/** What `rescoredStage` found. */
export const readRescored = async (artefact: Artefact): Promise<Rescored[]> =>
  (await readJson(artefact.path("rescored.json"))) as Rescored[];

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
