/**
 * Ways of asking a judge that the field has names for, in words of our own. Each is one question with `{prompt}`, `{first}` and `{second}`;
 * the verdict it asks for is a form that `verdict.ts` reads.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { DEFAULT_JUDGE_PROMPT, type JudgePrompt, judgePrompt } from "./judge.ts";

/** Context and two responses, between marks. */
const TEXTS = `[Context]
{prompt}
[End of context]

[Response 1]
{first}
[End of response 1]

[Response 2]
{second}
[End of response 2]`;

const LETTERED = TEXTS.replaceAll("Response 1", "Response A")
  .replaceAll("response 1", "response A")
  .replaceAll("Response 2", "Response B")
  .replaceAll("response 2", "response B");

const SHORT = `Question: {prompt}

Response 1: {first}

Response 2: {second}

Which response is better? Answer with 1 or 2 only.`;

/** Questions by name. */
export const JUDGE_PROMPTS: Readonly<Record<string, string>> = {
  /** RLAIF (arXiv 2309.00267): one token, 1 or 2. */
  rlaif: DEFAULT_JUDGE_PROMPT,
  /** As little as can be asked: for models that lose a long instruction. */
  short: SHORT,
  /** AlpacaEval 2's manner: which output a person would rather have, one mark, read by its probability where there is one. */
  "alpaca-eval": `Two models answered the same request. Decide which answer most people would rather have: the one that does what was asked, correctly and in full. The order in which they stand means nothing.

${TEXTS}

Reply with one character and nothing else: 1 if response 1 is the better one, 2 if response 2 is.
`,
  /** MT-Bench's manner (arXiv 2306.05685): reasons first, a mark in double brackets, ties allowed. */
  "mt-bench": `Act as an impartial judge of two answers to the same request. Weigh how helpful, relevant, accurate, deep and detailed each is. Do not be swayed by their order, their length, or any names in them. First give your reasons in a few sentences, then your verdict on a last line of its own: [[A]] if response A is better, [[B]] if response B is better, [[C]] if neither is.

${LETTERED}`,
  /** LLMBar's rules (arXiv 2310.07641): whether the instruction was carried out comes before everything else. */
  llmbar: `Say which of two outputs carries out the instruction better. Rules:
1. What counts first is whether an output does exactly what the instruction asks, no more and no less.
2. An output that does something else is worse, however pleasant, long or well written it is.
3. Only between outputs that both do what was asked do correctness, helpfulness and safety decide.
4. Neither order nor length says anything about quality. There is always one better output.

${TEXTS}

Answer with the number of the better response, 1 or 2, and nothing else.
`,
  /** A rubric: four questions answered before the verdict. */
  rubric: `Compare two responses by this rubric, one line for each point: (a) does it do what was asked, (b) is what it says true, (c) is it safe and honest, (d) is it no longer than it needs to be. After the four lines write the verdict on a last line: "Answer: 1" or "Answer: 2".

${TEXTS}`,
};

const named = (...names: readonly string[]) => new Set(names.map((name) => JUDGE_PROMPTS[name]!));

/** Named questions that ask for one of two and offer nothing else. */
const ONE_OF_TWO = named("rlaif", "short", "alpaca-eval", "llmbar", "rubric");

/** Named questions whose answer is a digit and nothing before it, and those that want reasons first. */
const DIGIT_ALONE = named("rlaif", "short", "alpaca-eval", "llmbar");
const REASONS_FIRST = named("mt-bench", "rubric");

/** Whether replies to a question may call it a tie. @param ties - the setting; auto: as the question allows */
export const allowsTies = (ties: "auto" | "allowed" | "refused", question: string): boolean =>
  ties === "auto" ? !ONE_OF_TWO.has(question) : ties === "allowed";

/**
 * Whether a reply's first token is where the verdict belongs: a question of your own is taken to be such where soft votes are asked for.
 */
export const opensWithVerdict = (question: string, votes: "auto" | "soft" | "hard"): boolean =>
  DIGIT_ALONE.has(question) || (votes === "soft" && !REASONS_FIRST.has(question));

/** A question's text, given as such or by name. @throws ConfigError as `judgePrompt` and `judgePromptNamed` */
export const judgePromptOf = (nameOrText: string): JudgePrompt =>
  judgePrompt(nameOrText.includes("{") ? nameOrText : judgePromptNamed(nameOrText));

/** A question by name. @throws ConfigError naming those there are */
export function judgePromptNamed(name: string): string {
  const text = Object.hasOwn(JUDGE_PROMPTS, name) ? JUDGE_PROMPTS[name] : undefined;
  if (text !== undefined) return text;
  throw new ConfigError(
    `judge prompt: there is none named ${JSON.stringify(name)}, expected ${Object.keys(JUDGE_PROMPTS).join(", ")}, or a text with {prompt}, {first} and {second}.`,
  );
}
