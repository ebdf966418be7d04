/**
 * A local language model as a judge: it writes replies (greedily), or says how likely it thinks each rating. Answers are kept on disk.
 */

import { digestOf } from "../../../base/core/digest.ts";
import { modelIdentity } from "../../../engine/checkpoint/model-identity.ts";
import { generate } from "../../../engine/model/generate.ts";
import { releaseModel } from "../../../engine/model/model.ts";
import type { Runtime } from "../../../engine/runtime/runtime.ts";
import {
  encodePrompt,
  encodePromptResponse,
  type Text,
  type TokenLimits,
} from "../../../engine/text/pair.ts";
import type { TokenRow } from "../../data/packing.ts";
import { openScorer } from "../../objective/score.ts";
import { questionLimits, ROOM } from "../../teacher/judge-local.ts";
import { loadTeacherModel, type TeacherModel } from "../../teacher/teacher-model.ts";
import { keptAnswers } from "./answers.ts";

/** What a judge that is a local model can be asked. */
export interface LocalJudgeModel {
  /** SHA-256 of the model (`modelIdentity`) and of the way of asking: the version of the judge. */
  readonly version: string;
  /** Text after each question, at temperature 0; null for a question that does not fit. */
  replies(questions: readonly string[], signal?: AbortSignal): Promise<(string | null)[]>;
  /** Σ i P(i) over ratings 1 to 10 (d-RLAIF); null for a question that does not fit. */
  ratings(questions: readonly string[], signal?: AbortSignal): Promise<(number | null)[]>;
  close(): Promise<void>;
}

/** Where it lies and how it is asked. */
export type LocalJudgeModelOptions = {
  readonly model: string;
  readonly chat: boolean | undefined;
  /** Folder of the answers. */
  readonly cache: string;
};

/** Tokens of a reply: two ratings need five or so. */
const MAX_REPLY = ROOM;

/** Opens a judge. @throws as `loadTeacherModel` */
export async function openLocalJudgeModel(
  runtime: Runtime,
  { model: folder, chat: asked, cache }: LocalJudgeModelOptions,
): Promise<LocalJudgeModel> {
  const limits = await questionLimits(folder);
  const loaded = await loadTeacherModel(runtime, folder, { role: "judge", task: "language-model", limits });
  const chat = asked ?? loaded.tokenizer.chatTemplate !== undefined;
  const version = digestOf({ model: await modelIdentity(folder), chat });
  const textOf = (question: string): Text => (chat ? [{ role: "user", content: question }] : question);
  return {
    version,
    replies: (questions, signal) =>
      keptAnswers(
        cache,
        questions.map((question) => ({ version, question, maxTokens: MAX_REPLY })),
        (value): value is string | null => value === null || typeof value === "string",
        (indices) =>
          write(
            runtime,
            loaded,
            indices.map((i) => textOf(questions[i]!)),
            limits,
          ),
        signal,
      ),
    ratings: (questions, signal) =>
      keptAnswers(
        cache,
        questions.map((question) => ({ version, question, rating: true })),
        (value): value is number | null => value === null || typeof value === "number",
        (indices) =>
          rate(
            runtime,
            loaded,
            indices.map((i) => textOf(questions[i]!)),
            limits,
          ),
        signal,
      ),
    close: () => releaseModel(runtime, loaded.model),
  };
}

async function write(
  runtime: Runtime,
  { model, tokenizer }: TeacherModel,
  questions: readonly Text[],
  limits: TokenLimits,
): Promise<(string | null)[]> {
  const encoded = questions.map((question) => encodePrompt(tokenizer, question, limits.maxPromptLength));
  const fitting = encoded.flatMap(({ flags }, i) => (flags.includes("truncated_prompt") ? [] : [i]));
  const prompts = fitting.map((i) => encoded[i]!.prompt);
  const options = { maxNewTokens: MAX_REPLY, temperature: 0, eosIds: tokenizer.eosIds, seed: 0 };
  const written = prompts.length === 0 ? [] : await generate(runtime, model, prompts, options);
  const replies: (string | null)[] = questions.map(() => null);
  for (const [k, i] of fitting.entries()) replies[i] = tokenizer.decodeAfter(prompts[k]!, written[k]!.ids);
  return replies;
}

const RATINGS = Array.from({ length: 10 }, (_, i) => i + 1);

async function rate(
  runtime: Runtime,
  { model, tokenizer }: TeacherModel,
  questions: readonly Text[],
  limits: TokenLimits,
): Promise<(number | null)[]> {
  const scorer = await openScorer(runtime, model);
  const asked = questions.map((prompt) =>
    RATINGS.map((rating) => {
      const {
        prompt: ids,
        response,
        flags,
      } = encodePromptResponse(tokenizer, { prompt, response: String(rating) }, limits);
      const end = response.findIndex((id) => id === tokenizer.eosId || tokenizer.control.ids.has(id));
      const said = end < 0 ? response : response.slice(0, end);
      return {
        row: { prompt: ids, responses: [said] } satisfies TokenRow,
        cut: flags.includes("truncated_prompt"),
      };
    }),
  );
  const fitting = asked.flatMap((options, i) => (options.some(({ cut }) => cut) ? [] : [i]));
  const scores = await scorer.score(fitting.flatMap((i) => asked[i]!.map(({ row }) => row)));
  const ratings: (number | null)[] = questions.map(() => null);
  for (const [k, i] of fitting.entries()) {
    const logps = RATINGS.map((_, r) => scores[k * RATINGS.length + r]!.logps[0]!);
    ratings[i] = expectedRating(
      logps,
      asked[i]!.map(({ row }) => [...row.prompt, ...row.responses[0]!]),
    );
  }
  return ratings;
}

/**
 * Σ i P(i) / Σ P(i), in [1, 10] (d-RLAIF, arXiv 2309.00267, section 2.2.2). A rating whose tokens begin another's ("1" and "10") has only
 * the probability that is left when the longer one is taken off.
 * @param logps - of the tokens of each rating from 1, nats
 * @param ids - all ids up to the end of each rating
 */
export function expectedRating(logps: readonly number[], ids: readonly (readonly number[])[]): number {
  const top = Math.max(...logps);
  const shares = logps.map((logp) => Math.exp(logp - top));
  const begins = (a: readonly number[], b: readonly number[]) =>
    a.length < b.length && a.every((id, i) => id === b[i]);
  const own = shares.map((share, i) => {
    const longer = shares.reduce((sum, other, j) => (begins(ids[i]!, ids[j]!) ? sum + other : sum), 0);
    return Math.max(0, share - longer);
  });
  const total = own.reduce((sum, share) => sum + share, 0);
  return own.reduce((sum, share, i) => sum + (i + 1) * share, 0) / total;
}
