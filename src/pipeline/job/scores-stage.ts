/** The stage that scores pairs with a teacher. Raw scores: nothing later scores again. */
import { writeJsonAtomic } from "../../base/core/files.ts";
import { readPool } from "../../method/data/pool.ts";
import type { CandidatePair } from "../../method/data/rows.ts";
import { identityOf, openTeacher, type TeacherChoice } from "../../method/teacher/choice.ts";
import { labelPool } from "../../method/teacher/score-pool.ts";
import { closeScores } from "../../method/teacher/scores-folder.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { poolFolder } from "./data-files.ts";
import { heldOutPairs, type SplitPart, testPairs } from "./labelled-split.ts";

/** What is scored, by whom. */
export type ScoresStageRequest = {
  /** Name of the stage. */
  readonly stage: string;
  /** Name of the teacher, for people. */
  readonly name: string;
  readonly choice: TeacherChoice;
  /** The teacher's models. */
  readonly inputs: Readonly<Record<string, Artefact | string>>;
  /** The pool, the test pairs, or held-out labelled pairs. */
  readonly part: "pool" | "test" | SplitPart;
};

/** Scores the pool, the test pairs, or held-out labelled pairs; its folder `scores/` is read with `readScores`. */
export function scoresStage(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  { stage, name, choice, inputs, part }: ScoresStageRequest,
): Promise<Artefact> {
  const { limits, label, seed } = job;
  const { heldOut, folds } = label;
  const split =
    part === "pool"
      ? {}
      : part === "test"
        ? { seed, test: true }
        : { seed, ...(folds > 0 ? { folds, ...part } : { heldOut }) };
  return deps.pipeline.stage({
    name: stage,
    version: 4,
    config: { teacher: identityOf(choice).settings, limits, ...split },
    inputs: { ...inputs, data },
    share: async (work) => {
      const pairs = await pairsOf(data, job, part);
      const teacher = await openTeacher(deps, choice, {
        limits,
        name,
        replies: deps.replies ?? `${work.log}/replies`,
      });
      try {
        const { signal, log } = deps;
        const { report } = await labelPool({ teacher, pairs, folder: work.path("scores"), log, signal });
        await writeJsonAtomic(`${work.log}/rate.json`, report);
      } finally {
        await teacher.close();
      }
    },
    run: (work) => closeScores(work.path("scores")),
  });
}

async function pairsOf(
  data: Artefact,
  job: MainJob,
  part: ScoresStageRequest["part"],
): Promise<readonly CandidatePair[]> {
  if (part === "pool") return readPool(poolFolder(data));
  return (await (part === "test" ? testPairs(data, job) : heldOutPairs(data, job, part))).pairs;
}
