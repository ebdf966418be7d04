/**
 * How a judge's verdict is read out of its reply. One of the forms that judges are asked for must say one thing: a bare digit or letter,
 * `[[A]]`, a JSON member, a last line "Answer: 1", or whatever a pattern of the user's finds. Replies that say two things, or none, are
 * no verdict: nobody guesses.
 */
import { ConfigError, messageOf } from "../../base/core/errors.ts";
import type { Alternatives, ChatReply } from "./chat-reply.ts";

/** Which of the two responses, by the place they were shown in. */
export type Vote = 1 | 2 | "tie";

/** A verdict and where its word begins in the reply's text, UTF-16 units. */
export type Verdict = { readonly vote: Vote; readonly at: number };

/** Reads a reply's text. */
export type VerdictReader = (text: string) => Verdict | undefined;

const WORDS: Readonly<Record<string, Vote>> = {
  "1": 1,
  a: 1,
  first: 1,
  one: 1,
  "2": 2,
  b: 2,
  second: 2,
  two: 2,
  c: "tie",
  tie: "tie",
  tied: "tie",
  equal: "tie",
  both: "tie",
  draw: "tie",
};

/** A word that names a side, with what may stand around it: "Response 1", "response_a", "(A)", "**2**". */
const SIDE =
  "(?:the\\s+)?(?:(?:response|answer|output|option|assistant|model|candidate)[\\s_-]*)?([12abc]|first|second|tied?|equal|both|draw)";
const MARKS = "[\"'`*_\\[({<#]*";
const END = "[\"'`*_\\])}>#.!]*";

/** What a reply alone may be: a verdict, with or without a heading before it. */
const WHOLE = new RegExp(
  `^${MARKS}(?:(?:the\\s+)?(?:better|best|preferred|winning)?\\s*(?:response|answer|choice|verdict|winner|output|option|preference|is)*\\s*[:=#]?\\s*)?${MARKS}${SIDE}${END}$`,
  "i",
);
const BRACKETS = new RegExp(`\\[\\[\\s*${SIDE}\\s*\\]\\]`, "gi");
const MEMBER = new RegExp(
  `"(?:winner|verdict|better|best|preferred|preference|choice|answer|vote|result)"\\s*:\\s*"?${SIDE}"?\\s*[,}]`,
  "gi",
);
const LAST_LINE = new RegExp(
  `^${MARKS}(?:(?:so|therefore|thus|hence),?\\s*)?(?:my\\s+|the\\s+)?(?:final\\s+)?(?:better|best|preferred)?\\s*(?:answer|verdict|choice|winner|decision|preference|response|judge?ment)\\s*(?:is)?\\s*[:=]?${MARKS}\\s*${MARKS}${SIDE}${END}$`,
  "i",
);

/** Characters of the longest reply that can be nothing but a verdict. */
const LONGEST_BARE = 60;

/**
 * The reader of a judge's settings.
 * @param verdict - a pattern of the user's; undefined: the known forms
 * @param ties - false: a reply that calls it a tie holds no verdict
 * @throws ConfigError as `patternReader`
 */
export function verdictReader(verdict: string | undefined, ties: boolean): VerdictReader {
  const read = verdict === undefined ? readVerdict : patternReader(verdict);
  if (ties) return read;
  return (text) => {
    const found = read(text);
    return found?.vote === "tie" ? undefined : found;
  };
}

/** Reads a verdict in any of the known forms. */
export function readVerdict(text: string): Verdict | undefined {
  const start = answerStart(text);
  if (start === undefined) return undefined;
  const answer = text.slice(start);
  return (
    bare(answer, start) ??
    agreed(answer, BRACKETS, start) ??
    agreed(answer, MEMBER, start) ??
    lastLine(answer, start)
  );
}

/**
 * A reader of a pattern's first group in the answer, the last match counting; what it captures is a side's word (1, 2, A, B, tie …).
 * @throws ConfigError when the pattern is no regular expression, or has no group
 */
export function patternReader(pattern: string): VerdictReader {
  const regex = compile(pattern);
  return (text) => {
    const start = answerStart(text);
    if (start === undefined) return undefined;
    const match = [...text.slice(start).matchAll(regex)].at(-1);
    const word = match?.[1];
    if (match === undefined || word === undefined) return undefined;
    const vote = voteOf(word);
    return vote === undefined ? undefined : { vote, at: start + match.indices![1]![0] };
  };
}

function compile(pattern: string): RegExp {
  try {
    const regex = new RegExp(pattern, "gimd");
    if (new RegExp(`${pattern}|`).exec("")!.length > 1) return regex;
  } catch (error) {
    throw new ConfigError(`judge: verdict ${JSON.stringify(pattern)} is no pattern: ${messageOf(error)}.`);
  }
  throw new ConfigError(
    `judge: verdict ${JSON.stringify(pattern)} has no group, expected one around the verdict, as in "Verdict: ([12])".`,
  );
}

const voteOf = (word: string): Vote | undefined => WORDS[word.trim().toLowerCase()];

/** Where the answer begins: after the thinking; undefined when the thinking never ends. */
function answerStart(text: string): number | undefined {
  const end = text.lastIndexOf("</think>");
  if (end >= 0) return end + "</think>".length;
  return /^\s*<think>/.test(text) ? undefined : 0;
}

function bare(answer: string, start: number): Verdict | undefined {
  const trimmed = answer.trim();
  if (trimmed.length > LONGEST_BARE) return undefined;
  return verdictIn(WHOLE.exec(trimmed), start + answer.indexOf(trimmed));
}

/** All matches must say the same. */
function agreed(answer: string, regex: RegExp, start: number): Verdict | undefined {
  const verdicts = [...answer.matchAll(regex)].map((match) => verdictIn(match, start));
  const [first] = verdicts;
  return verdicts.every((verdict) => verdict?.vote === first?.vote) ? first : undefined;
}

function lastLine(answer: string, start: number): Verdict | undefined {
  const trimmed = answer.trimEnd();
  const from = trimmed.lastIndexOf("\n") + 1;
  const line = trimmed.slice(from);
  if (line.length > 4 * LONGEST_BARE) return undefined;
  return verdictIn(LAST_LINE.exec(line.trimStart()), start + from + line.length - line.trimStart().length);
}

function verdictIn(match: RegExpExecArray | RegExpMatchArray | null, start: number): Verdict | undefined {
  const word = match?.[1];
  const vote = word === undefined ? undefined : voteOf(word);
  if (match === null || word === undefined || vote === undefined) return undefined;
  return { vote, at: start + (match.index ?? 0) + match[0].lastIndexOf(word) };
}

/**
 * How likely the verdict's token named the first response rather than the second, in [0, 1]; a tie counts half. Only spellings of the verdict's
 * own kind count: beside a digit, "A" is an article. Undefined where no log-probabilities are known.
 * @param ties - default true; false: a tie's token counts for neither side
 */
export function softVote({ places = [] }: ChatReply, { at }: Verdict, ties = true): number | undefined {
  const place = places.find((one) => one.at <= at && at < one.at + one.token.length);
  return place === undefined ? undefined : shareAt(place, bareWord(place.token), ties);
}

/**
 * The same of a reply that says no verdict, out of what could have stood at its first token: a small model that was to answer with a digit
 * writes a sentence, and still finds "1" or "2" likelier (RLAIF, arXiv 2309.00267, section 2.2, reads no more than that). Undefined where the reply
 * thinks first, or neither digit is among the tokens given.
 */
export function openingVote({ text, places = [] }: ChatReply, ties = true): number | undefined {
  const place = places.find(({ at }) => at === 0);
  if (place === undefined || answerStart(text) !== 0) return undefined;
  const digits = place.top.some(([token]) => /^[12]$/.test(bareWord(token)));
  return digits ? shareAt(place, "1", ties) : undefined;
}

/**
 * A side that is not among the tokens given gets the least likely one's probability, which is the most it can have.
 * @param like - a word of the kind that counts: digits, letters, or whatever names a side
 */
function shareAt({ top }: Alternatives, like: string, ties: boolean): number | undefined {
  if (top.length === 0) return undefined;
  const mass = { 1: 0, 2: 0, tie: 0 };
  for (const [token, logprob] of top) {
    const word = bareWord(token);
    const vote = voteOf(word);
    if (vote === undefined || !sameKind(word, like) || (vote === "tie" && !ties)) continue;
    mass[vote] += Math.exp(logprob);
  }
  const least = Math.exp(Math.min(...top.map(([, logprob]) => logprob)));
  const [first, second] = [mass[1] || least, mass[2] || least];
  return (first + mass.tie / 2) / (first + second + mass.tie);
}

const bareWord = (token: string): string => token.replace(/[^\p{L}\p{N}]/gu, "");

const KINDS = [/^[12]$/, /^[abc]$/i];
const kindOf = (word: string) => KINDS.findIndex((kind) => kind.test(word));
/** A tie in words goes with digits and with letters. */
const sameKind = (word: string, like: string) =>
  kindOf(like) < 0 || kindOf(word) === kindOf(like) || (kindOf(word) < 0 && voteOf(word) === "tie");
