/**
 * Best of n, the baseline that trains no student: of so many responses of the SFT student to each test prompt, the one that the teacher scores
 * highest. Responses are sampled once and scored once; every smaller n is the first so many of them.
 */
import { z } from "zod";
import { rowKind } from "../../base/files/row-file.ts";
import { groupBy } from "../../base/stats/describe.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import type { CandidatePair, Text } from "../../method/data/rows.ts";
import { ARM_RECORDS, type ArmRecord } from "../../method/evaluate/arm.ts";
import { openTeacher } from "../../method/teacher/choice.ts";
import { generationsStage, type Student } from "../job/evaluate-stages.ts";
import type { MemberScores, TeacherModels } from "../job/member-scores.ts";
import { trainedChoice } from "../job/scores-stage.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { membersOf, type TeacherMember } from "../recipe/teacher-settings.ts";
import { defineStage, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { jsonlFile } from "../stages/stage-file.ts";

/** How many responses are chosen from. */
export const BEST_OF = [4, 16] as const;

/** What a chooser of so many is called among the students. */
export const bestOfName = (n: number): string => `best-of-${n}`;

/** The responses, and what the teacher thinks of each. */
export type ChosenResponses = { readonly generations: Artefact; readonly scored: Artefact };

const responseScoreSchema = z.strictObject({
  promptId: z.string(),
  sample: z.number(),
  score: z.number().nullable(),
});
/** The teacher's score of a response; null where it has none (an empty or cut one). */
type ResponseScore = z.output<typeof responseScoreSchema>;
const SCORES = jsonlFile(
  "scores.jsonl",
  rowKind<ResponseScore>({ what: "score of a response", schema: responseScoreSchema }),
);

type Scoring = Running<
  Pick<TeacherMember, "kind" | "beta"> & { readonly limits: TokenLimits },
  TeacherModels & { readonly generations: Artefact }
>;

const scoring = defineStage({
  version: 1,
  async run({ work, config, inputs, tools }: Scoring) {
    const { limits } = config;
    const records = await ARM_RECORDS.read(inputs.generations.path("records.jsonl"));
    const options = { limits, name: "best-of", replies: `${work.log}/replies` };
    const teacher = await openTeacher(tools, trainedChoice(config, inputs), options);
    try {
      const couples = groupBy(records, ({ promptId }) => promptId).flatMap(inCouples);
      const scores = await teacher.scorePairs(couples.map(pairOf), tools.signal);
      const rows = couples.flatMap(([a, b], i) => {
        const { scoreA, scoreB } = scores[i]!;
        return a === b ? [rowOf(a, scoreA)] : [rowOf(a, scoreA), rowOf(b, scoreB)];
      });
      await SCORES.write(work, rows);
    } finally {
      await teacher.close();
    }
  },
});

type Couple = readonly [ArmRecord, ArmRecord];

/** Two and two, as teachers take responses; the last of an odd number beside itself. */
const inCouples = (records: readonly ArmRecord[]): Couple[] =>
  records.flatMap((record, i): Couple[] => (i % 2 === 0 ? [[record, records[i + 1] ?? record]] : []));

function pairOf([first, second]: Couple): CandidatePair {
  const { prompt, promptId, sample } = first;
  const as = (response: string): Text =>
    typeof prompt === "string" ? response : [{ role: "assistant", content: response }];
  return { id: `${promptId} ${sample}`, prompt, a: as(first.response), b: as(second.response) };
}

const rowOf = ({ promptId, sample }: ArmRecord, score: number): ResponseScore => ({
  ...{ promptId, sample, score: Number.isFinite(score) ? score : null },
});

/** Samples the largest n from the SFT student and has the first teacher score them; undefined for teachers that are not trained here. */
export async function bestOfStage(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  { model, start }: Student,
  scores: readonly MemberScores[],
): Promise<ChosenResponses | undefined> {
  const models = scores[0]?.models;
  const [member] = membersOf(job.teacher, job.seed, job.models.weak);
  if (models === undefined || member === undefined) return undefined;
  const generation = { ...job.evaluation.generation, perPrompt: Math.max(...BEST_OF) };
  const many = { ...job, evaluation: { ...job.evaluation, generation } };
  const generations = await generationsStage(deps, many, data, { name: "best-of", model, start });
  const { kind, beta } = member;
  const config = { kind, beta, limits: job.limits };
  return {
    generations,
    scored: await scoring(deps, { name: "best-of-scores", config, inputs: { ...models, generations } }),
  };
}

/** Of each prompt's first n responses the one with the highest score, the earlier of equal ones; one without a score only where none has any. */
export function bestOf(
  records: readonly ArmRecord[],
  scores: readonly ResponseScore[],
  n: number,
): ArmRecord[] {
  const known = new Map(scores.map((one) => [`${one.promptId} ${one.sample}`, one.score]));
  const scoreOf = ({ promptId, sample }: ArmRecord) => known.get(`${promptId} ${sample}`) ?? -Infinity;
  return groupBy(records, ({ promptId }) => promptId).map((group) =>
    group
      .filter(({ sample }) => sample < n)
      .reduce((best, record) => (scoreOf(record) > scoreOf(best) ? record : best)),
  );
}

/** The chosen responses of each n, with the gold scores that all were given. */
export async function readBestOf({
  generations,
  scored,
}: ChosenResponses): Promise<ReadonlyMap<number, ArmRecord[]>> {
  const records = await ARM_RECORDS.read(generations.path("records.jsonl"));
  const scores = await SCORES.read(scored);
  return new Map(BEST_OF.map((n) => [n, bestOf(records, scores, n)]));
}
