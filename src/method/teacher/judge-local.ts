/**
 * A prompted judge from a local model: the question in both orders, answered by the log-probabilities of "1" and "2". Nothing
 * is sampled, so nothing can be misread.
 */

import { ConfigError } from "../../base/core/errors.ts";
import { readModelConfig } from "../../engine/checkpoint/model-folder.ts";
import { describeModel } from "../../engine/model/families/index.ts";
import { releaseModel } from "../../engine/model/model.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { encodePair, type TokenLimits } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import type { TokenRow } from "../data/packing.ts";
import { type CandidatePair, plainText } from "../data/rows.ts";
import { openScorer } from "../objective/score.ts";
import { textFlags } from "./control-teachers.ts";
import { combineOrders, judgePrompt, judgeQuestions, POSITION_FLIP } from "./judge.ts";
import { type PairScore, type Teacher, type TeacherManifest, teacherDigest } from "./teacher.ts";
import { loadTeacherModel, type ModelTeacherOptions, modelFacts } from "./teacher-model.ts";

/** How to open a local judge. */
export type LocalJudgeOptions = ModelTeacherOptions & {
  readonly model: string;
  /** The question, with `{prompt}`, `{first}` and `{second}`; default `DEFAULT_JUDGE_PROMPT`. */
  readonly prompt?: string | undefined;
  /** Ask as a user's turn of the model's chat template; default: if it has one. */
  readonly chat?: boolean | undefined;
};

/** Tokens kept free after a question, for a verdict or two ratings. */
export const ROOM = 16;

/** The limits of questions: all positions of the model but those of the answer. @throws ConfigError when there are hardly any */
export async function questionLimits(folder: string): Promise<TokenLimits> {
  const { decoder } = describeModel(await readModelConfig(folder));
  const { maxPositions } = decoder.config;
  if (maxPositions <= ROOM + 1)
    throw new ConfigError(
      `${folder}: has ${maxPositions} positions, expected more than ${ROOM + 1} to judge with.`,
    );
  return { maxLength: maxPositions, maxPromptLength: maxPositions - ROOM };
}

/**
 * Opens a judge; scores are log-probabilities (see `combineOrders`). A question that does not fit `limits` flags its pair
 * `truncated`, for a judge that did not see all of it has no opinion.
 * @throws ConfigError when the prompt lacks a place, or as `loadTeacherModel`
 */
export async function openLocalJudge(runtime: Runtime, options: LocalJudgeOptions): Promise<Teacher> {
  const { limits, tokens } = options;
  const prompt = judgePrompt(options.prompt);
  const loaded = await loadTeacherModel(runtime, options.model, {
    role: "judge",
    task: "language-model",
    limits,
    precision: options.precision,
  });
  const chat = options.chat ?? loaded.tokenizer.chatTemplate !== undefined;
  const facts = modelFacts("judge-local", loaded, limits);
  const settings = { ...facts.settings, prompt: prompt.text, promptDigest: prompt.digest, chat };
  const manifest: TeacherManifest = { ...facts, settings };
  const scorer = await openScorer(runtime, loaded.model, { tokens });
  return {
    name: options.name ?? `judge-local-${teacherDigest(manifest).slice(0, 12)}`,
    manifest,
    async scorePairs(pairs) {
      // Asked in an order of the texts' own, so that not even rounding can tell which candidate was called a.
      const turned = pairs.map(({ a, b }) => plainText(b) < plainText(a));
      const asked = pairs.map((pair, i) =>
        judgeQuestions(prompt, turned[i]! ? mirrored(pair) : pair).map((question) =>
          askedAs(loaded.tokenizer, chat ? [{ role: "user", content: question }] : question, limits),
        ),
      );
      const answers = await scorer.score(asked.flatMap((orders) => orders.map(({ row }) => row)));
      return pairs.map((pair, i) => {
        const orders = [0, 1].map((order) => answers[2 * i + order]!.logps as [number, number]);
        const [aFirst, bFirst] = turned[i]! ? orders.toReversed() : orders;
        return judged(pair, asked[i]!, aFirst!, bFirst!, loaded.tokenizer);
      });
    },
    async close() {
      await scorer.close();
      await releaseModel(runtime, loaded.model);
    },
  };
}

const mirrored = (pair: CandidatePair): CandidatePair => ({ ...pair, a: pair.b, b: pair.a });

type Asked = { readonly row: TokenRow; readonly truncated: boolean };

/** The question with both answers, each up to the first token in which they differ. */
function askedAs(
  tokenizer: Tokenizer,
  question: Parameters<typeof encodePair>[1]["prompt"],
  limits: TokenLimits,
): Asked {
  const { prompt, a, b, flags } = encodePair(tokenizer, { prompt: question, a: "1", b: "2" }, limits);
  const length = a.findIndex((id, i) => id !== b[i]) + 1;
  const truncated = flags.some((flag) => flag.startsWith("truncated"));
  return { row: { prompt, responses: [a.slice(0, length), b.slice(0, length)] }, truncated };
}

function judged(
  pair: CandidatePair,
  asked: readonly Asked[],
  aFirst: readonly [number, number],
  bFirst: readonly [number, number],
  tokenizer: Tokenizer,
): PairScore {
  const { scoreA, scoreB, flip } = combineOrders(aFirst, bFirst);
  const flags = [
    ...textFlags(pair),
    ...(asked.some(({ truncated }) => truncated) ? ["truncated"] : []),
    ...(flip ? [POSITION_FLIP] : []),
  ];
  return {
    id: pair.id,
    scoreA,
    scoreB,
    lengthA: tokenizer.encode(plainText(pair.a)).length,
    lengthB: tokenizer.encode(plainText(pair.b)).length,
    tokens: asked.reduce((total, { row }) => total + row.prompt.length + row.responses.flat().length, 0),
    flags: flags.sort(),
    parts: { aFirst, bFirst },
  };
}
