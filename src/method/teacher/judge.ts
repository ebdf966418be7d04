/** What prompted judges share: the question, and how the answers to its two orders become one score. */
import { z } from "zod";
import { sha256 } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import { intervalSchema } from "../../base/stats/check.ts";
import { clusteredShare } from "../../base/stats/clustered-share.ts";
import { logLogistic } from "../../base/stats/special.ts";
import { saidIn } from "../../engine/text/said.ts";
import { splitTemplateInputs } from "../../engine/text/template-inputs.ts";
import { type CandidatePair, plainText, type Text } from "../data/rows.ts";
import type { PairScore } from "./teacher.ts";

/** A judge's question with its places for the texts. */
export type JudgePrompt = { readonly text: string; readonly digest: string };

/**
 * A pairwise question in the manner of RLAIF (Lee et al. 2023, arXiv 2309.00267, section 2): task, context, two numbered
 * responses, and an answer that is one token.
 */
export const DEFAULT_JUDGE_PROMPT = `A good response is helpful, honest and harmless: it answers what was asked, is accurate, and does no damage. Given a context and two possible responses, say which response is better. A longer response is not better for its length.

[Context]
{prompt}
[End of context]

[Response 1]
{first}
[End of response 1]

[Response 2]
{second}
[End of response 2]

Answer with the number of the better response, 1 or 2, and nothing else.
Better response=`;

const PLACES = ["prompt", "first", "second"] as const;

/**
 * Checks a judge's question.
 * @throws ConfigError when `{prompt}`, `{first}` or `{second}` is not in it exactly once
 */
export function judgePrompt(text: string = DEFAULT_JUDGE_PROMPT): JudgePrompt {
  const wrong = PLACES.filter((place) => text.split(`{${place}}`).length !== 2);
  if (wrong.length > 0)
    throw new ConfigError(
      `judge prompt: expected each of {prompt}, {first} and {second} once, got another number of ${wrong.map((place) => `{${place}}`).join(", ")}.`,
    );
  return { text, digest: sha256(text) };
}

/** The question about a pair, in both orders: a first, then b first. Braces in the texts stay as they are. */
export function judgeQuestions({ text }: JudgePrompt, pair: CandidatePair): readonly [string, string] {
  const fill = (first: Text, second: Text) => {
    const texts = { prompt: transcript(pair.prompt), first: plainText(first), second: plainText(second) };
    return text.replace(/\{(prompt|first|second)\}/g, (_, place: (typeof PLACES)[number]) => texts[place]);
  };
  return [fill(pair.a, pair.b), fill(pair.b, pair.a)];
}

function transcript(text: Text): string {
  if (typeof text === "string") return text;
  const { messages, inputs } = splitTemplateInputs(text);
  const turns = messages.map((message) => {
    const name = typeof message.name === "string" ? ` (${message.name})` : "";
    return `${message.role}${name}: ${saidIn(message).filter(Boolean).join("\n")}`;
  });
  const tools = inputs.tools === undefined ? [] : [`tools: ${JSON.stringify(inputs.tools)}`];
  return [...tools, ...turns].join("\n");
}

/** Flag of a pair whose answer depended on which candidate came first. */
export const POSITION_FLIP = "position-flip";

/** Flag of a pair for which a reply could not be read. */
export const MALFORMED = "malformed-reply";

/** Flag of a pair for which a reply said no verdict, and the probabilities of "1" and "2" at its first token were read. */
export const UNSAID_VERDICT = "unsaid-verdict";

/**
 * One score from two orders: P(a) is the mean of P("1") with a first and P("2") with b first (RLAIF, section 2.2). Scores are
 * log P(a) and log P(b), so that the margin is the log-odds, and they swap when the candidates do.
 *
 * @param aFirst - log-probabilities of "1" and "2" when a comes first, up to a common constant
 * @param bFirst - the same when b comes first
 */
export function combineOrders(aFirst: readonly [number, number], bFirst: readonly [number, number]) {
  const [one, two] = [aFirst[0] - aFirst[1], bFirst[1] - bFirst[0]];
  return {
    scoreA: logMean(logLogistic(one), logLogistic(two)),
    scoreB: logMean(logLogistic(-one), logLogistic(-two)),
    flip: one * two < 0,
  };
}

/** log((eˣ + eʸ) / 2), the same to the last bit for (y, x). */
function logMean(x: number, y: number): number {
  return Math.max(x, y) - logLogistic(Math.abs(x - y)) - Math.LN2;
}

/** Share of the judged pairs whose answer turned round with the order; null when none were judged. @param unitOf - the unit (prompt or group) of a pair: without it there is no interval */
export async function positionFlipRate(
  scores: Iterable<PairScore> | AsyncIterable<PairScore>,
  unitOf?: (id: string) => string,
): Promise<PositionFlips> {
  let [judged, flips] = [0, 0];
  const [flipped, units]: [boolean[], string[]] = [[], []];
  for await (const { id, scoreA, scoreB, flags } of scores) {
    if (!Number.isFinite(scoreA - scoreB) || flags.includes("identical")) continue;
    judged++;
    if (flags.includes(POSITION_FLIP)) flips++;
    if (unitOf === undefined) continue;
    flipped.push(flags.includes(POSITION_FLIP));
    units.push(unitOf(id));
  }
  const share = unitOf === undefined ? {} : { share: clusteredShare(flipped, units) };
  return { rate: judged === 0 ? null : flips / judged, judged, ...share };
}

/** How far a judge's word depends on which candidate came first. */
export const positionFlipsSchema = z.object({
  /** Share of the judged pairs whose answer turned round with the order; null when none were judged. */
  rate: z.number().nullable(),
  judged: z.number(),
  /** The rate with its interval, its `n` counting units; undefined where these are not known. */
  share: intervalSchema.nullish(),
});

/** The same as a value. */
export type PositionFlips = z.output<typeof positionFlipsSchema>;
