/** What the chat judges of a job will be asked, and what that may cost, before anything is asked. Kept replies are not taken off. */

import type { TokenRow } from "../../method/data/packing.ts";
import { questionOf } from "../../method/evaluate/judges/questions.ts";
import { judgeName } from "../../method/evaluate/judges/spec.ts";
import { DEFAULT_JUDGE_PROMPT } from "../../method/teacher/judge.ts";
import { aheadWords, type Prices, type QuestionsAhead } from "../../method/teacher/spending.ts";
import { matchCount } from "../job/judge-stages.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { givensOf, suffixOf } from "../recipe/teacher-settings.ts";
import { sampleRows } from "./estimate.ts";

/** One judge and what it is about to be asked. */
export type JudgeAhead = {
  readonly who: string;
  readonly ahead: QuestionsAhead;
  readonly prices: Prices | undefined;
};

/** More tokens than any text has: a judge reads whole texts. */
const WHOLE = 2 ** 30;

/**
 * The chat judges of a job whose stages are to come.
 * @param open - names of the stages that are to come
 */
export async function estimateJudges(job: MainJob, open: readonly string[]): Promise<JudgeAhead[]> {
  const { teacher, evaluation } = job;
  const asking = givensOf(teacher, undefined).flatMap(({ given, place }) => {
    const stages = ["pool", "held-out", "test"].filter((part) =>
      open.includes(`${part}-scores${suffixOf(place)}`),
    );
    return given.kind === "judge-chat" && stages.length > 0 ? [{ given, stages }] : [];
  });
  const chats = evaluation.judges.filter(
    (spec) => spec.type === "chat" && open.some((stage) => stage.startsWith(`judge-${judgeName(spec)}-`)),
  );
  if (asking.length + chats.length === 0) return [];
  const rows = await sampleRows({ ...job, limits: { maxLength: WHOLE, maxPromptLength: WHOLE - 1 } });
  const scored = (parts: readonly string[]) =>
    parts.flatMap((part) => (part === "pool" ? rows.pool : part === "test" ? rows.test : rows.labelled));
  return [
    // A cascade's second teacher is asked less than the whole pool, nobody knows how much less.
    ...asking.map(({ given, stages }) => ({
      who: `teacher ${given.model}`,
      ahead: aboutPairs(given, scored(stages)),
      prices: given.prices,
    })),
    ...chats.flatMap((spec) =>
      spec.type === "chat"
        ? [{ who: `judge ${judgeName(spec)}`, ahead: aboutArms(job, spec, rows), prices: spec.prices }]
        : [],
    ),
  ];
}

type Asked = {
  readonly prompt?: string | undefined;
  readonly samples?: number | undefined;
  readonly maxTokens?: number | undefined;
};

/** Both orders of every pair. */
function aboutPairs(
  { prompt = DEFAULT_JUDGE_PROMPT, samples = 1, maxTokens }: Asked,
  rows: readonly TokenRow[],
): QuestionsAhead {
  const texts = rows.reduce(
    (sum, { prompt: ids, responses }) => sum + ids.length + responses.flat().length,
    0,
  );
  const asked = 2 * samples;
  return {
    questions: asked * rows.length,
    characters: asked * (rows.length * prompt.length + FOUR * texts),
    maxTokens,
  };
}

/** Characters that a sampled row's token was counted with (`estimate.ts`). */
const FOUR = 4;

/** Two responses to every test prompt in both orders, or each alone, for every comparison; responses as long as they may be. */
function aboutArms(
  job: MainJob,
  spec: Extract<MainJob["evaluation"]["judges"][number], { type: "chat" }>,
  { test, prompts }: Awaited<ReturnType<typeof sampleRows>>,
): QuestionsAhead {
  const { maxNewTokens, perPrompt } = job.evaluation.generation;
  const [responses, words] = [spec.mode === "rating" ? 1 : 2, questionOf(spec.mode, spec.prompt).text.length];
  const prompt = test.reduce((sum, row) => sum + row.prompt.length, 0) / Math.max(1, test.length);
  const questions = 2 * spec.samples * matchCount(job) * prompts * (perPrompt ?? 1);
  return {
    questions,
    characters: questions * (words + FOUR * (prompt + responses * maxNewTokens)),
    maxTokens: spec.maxTokens,
  };
}

/** A line for each judge. */
export const formatJudges = (judges: readonly JudgeAhead[]): string =>
  judges.map(({ who, ahead, prices }) => `${who}: ${aheadWords(ahead, prices)}`).join("\n");
