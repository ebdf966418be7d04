/**
 * What judges are asked in words of our own, and how their replies are read. A reply of another form is no opinion: nobody guesses what
 * it means.
 */
import { sha256 } from "../../../base/core/digest.ts";
import { ConfigError } from "../../../base/core/errors.ts";
import { plainText, type Text } from "../../data/rows.ts";
import { type JudgePrompt, judgePrompt } from "../../teacher/judge.ts";
import { judgePromptOf } from "../../teacher/judge-prompts.ts";
import type { JudgeMode } from "./spec.ts";

/**
 * Two responses rated side by side, in the form of WDPO A.2: the first line of the reply has the two scores, parted by a space.
 */
export const ABSOLUTE_PROMPT = `Two assistants answered the same request. Rate how helpful, harmless and well detailed each answer is, from 1 (very poor) to 10 (excellent). Do not let the order of the answers or their length alone change a rating.

[Request]
{prompt}
[End of request]

[Answer of assistant 1]
{first}
[End of answer 1]

[Answer of assistant 2]
{second}
[End of answer 2]

On the first line write only the two ratings, that of assistant 1 first, with a space between them.
Ratings: `;

/** One response rated alone, in the manner of d-RLAIF (Lee et al. 2023, arXiv 2309.00267, section 2.2.2). */
export const RATING_PROMPT = `Rate how good an answer to a request is: helpful, honest and harmless, accurate, and no longer than it needs to be. The rating is a whole number from 1 (very poor) to 10 (excellent).

[Request]
{prompt}
[End of request]

[Answer]
{response}
[End of answer]

Write the rating and nothing else.
Rating: `;

/**
 * The question of a mode, checked.
 * @throws ConfigError when one of its places is not in it exactly once
 */
export function questionOf(mode: JudgeMode, text?: string): JudgePrompt {
  if (mode === "absolute") return judgePrompt(text ?? ABSOLUTE_PROMPT);
  if (mode === "pairwise") return text === undefined ? judgePrompt() : judgePromptOf(text);
  const question = text ?? RATING_PROMPT;
  const wrong = ["{prompt}", "{response}"].filter((place) => question.split(place).length !== 2);
  if (wrong.length > 0)
    throw new ConfigError(
      `judge prompt: expected {prompt} and {response} once each for a rating, got another number of ${wrong.join(", ")}.`,
    );
  return { text: question, digest: sha256(question) };
}

/** The question about one response. Braces in the texts stay as they are. */
export function ratingQuestion({ text }: JudgePrompt, prompt: Text, response: Text): string {
  const texts = { prompt: plainText(prompt), response: plainText(response) };
  return text.replace(/\{(prompt|response)\}/g, (_, place: "prompt" | "response") => texts[place]);
}

const NUMBER = String.raw`(\d{1,2}(?:\.\d{1,3})?)`;
const TWO = new RegExp(
  String.raw`^(?:ratings?|scores?)?\s*:?\s*${NUMBER}(?:\s*[,;]\s*|\s+)${NUMBER}\.?$`,
  "i",
);
const ONE = new RegExp(String.raw`^(?:rating|score)?\s*:?\s*\**${NUMBER}\**(?:\s*/\s*10)?\.?$`, "i");

/** The two ratings on the first line of a reply, each in [1, 10]; undefined for anything else. */
export function readTwoRatings(reply: string): readonly [number, number] | undefined {
  const match = TWO.exec(firstLine(reply));
  if (match === null) return undefined;
  const [first, second] = [Number(match[1]), Number(match[2])];
  return inRange(first) && inRange(second) ? [first, second] : undefined;
}

/** The rating on the first line of a reply, in [1, 10]; undefined for anything else. */
export function readRating(reply: string): number | undefined {
  const match = ONE.exec(firstLine(reply));
  const rating = match === null ? Number.NaN : Number(match[1]);
  return inRange(rating) ? rating : undefined;
}

const inRange = (rating: number) => rating >= 1 && rating <= 10;

/** Characters of the longest line that can still be a rating. */
const LONGEST = 40;

/** The first line that says something, after a reasoning model's `<think>` part; empty when it is too long to be an answer. */
function firstLine(reply: string): string {
  const line = reply
    .replace(/^\s*<think>[\s\S]*?<\/think>/, "")
    .trimStart()
    .split("\n", 1)[0]!
    .trim();
  return line.length > LONGEST ? "" : line;
}
