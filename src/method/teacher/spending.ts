/** What a chat judge costs: tokens as its endpoint counts them, and money at prices that the user names. */
import { z } from "zod";
import { formatNumber } from "../../report/format.ts";

/** Prices per million tokens, in whatever currency. */
export const pricesSchema = z
  .strictObject({
    input: z.number().min(0).describe("Price of a million tokens of questions, in whatever currency."),
    output: z.number().min(0).describe("Price of a million tokens of replies, thinking included."),
  })
  .describe("What the endpoint takes for a million tokens: cost is told before the work and during it.");

/** Prices per million tokens. */
export type Prices = z.output<typeof pricesSchema>;

/** Tokens of questions, and of replies with their thinking. */
export type TokensUsed = readonly [questions: number, replies: number];

/** What was asked. */
export type Spending = {
  readonly replies: number;
  readonly tokens: TokensUsed;
  /** Replies whose tokens the endpoint did not tell: they are in no sum. */
  readonly uncounted: number;
};

const MILLION = 1e6;

/** Cost of tokens, in the prices' currency. */
export const costOf = ([questions, replies]: TokensUsed, { input, output }: Prices): number =>
  (questions * input + replies * output) / MILLION;

const count = (value: number) => formatNumber(Math.round(value), { format: "count" });
const money = (value: number) => (value === 0 ? "0" : value < 0.01 ? value.toPrecision(2) : value.toFixed(2));

/** What was spent so far, short: "12 replies, 108 + 24 tokens, cost 0.0005". */
export function spendingWords({ replies, tokens, uncounted }: Spending, prices: Prices | undefined): string {
  const cost = prices === undefined ? "" : `, cost ${money(costOf(tokens, prices))}`;
  const untold = uncounted === 0 ? "" : ` (of ${count(uncounted)} replies the endpoint told no tokens)`;
  return `${count(replies)} replies, ${count(tokens[0])} + ${count(tokens[1])} tokens${cost}${untold}`;
}

/** Questions that are to come. */
export type QuestionsAhead = {
  readonly questions: number;
  /** Characters of all of them. */
  readonly characters: number;
  /** Most tokens of a reply; undefined: found out with the first question. */
  readonly maxTokens: number | undefined;
};

/** Characters that a token is counted with before an endpoint has counted any. */
const CHARACTERS_PER_TOKEN = 4;
/** Tokens of a reply that is a verdict alone: the first budget that is tried where none is set (`chat-form.ts`). */
const BARE_REPLY = 16;

/** Tokens that are to come: questions by four characters a token, replies as long as they may be. */
export const tokensAhead = ({ questions, characters, maxTokens }: QuestionsAhead): TokensUsed => [
  characters / CHARACTERS_PER_TOKEN,
  questions * (maxTokens ?? BARE_REPLY),
];

/** What work will cost, before it: for dry runs and announcements. */
export function aheadWords(ahead: QuestionsAhead, prices: Prices | undefined): string {
  const tokens = tokensAhead(ahead);
  const [asked, replies] = tokens.map(count);
  const limit =
    ahead.maxTokens === undefined
      ? `${BARE_REPLY} each, far more where the judge thinks: max_tokens sets a limit`
      : `${count(ahead.maxTokens)} each`;
  const cost =
    prices === undefined
      ? "no prices are given (prices, --judge-prices)"
      : `about ${money(costOf(tokens, prices))} at most, at ${prices.input} and ${prices.output} per million tokens`;
  return `${count(ahead.questions)} questions, about ${asked} tokens (four characters each), and up to ${replies} of replies (${limit}): ${cost}; replies that are kept cost nothing`;
}
