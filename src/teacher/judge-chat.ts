/**
 * A prompted judge behind a chat endpoint: the question in both orders, a vote from each. Replies that are neither "1" nor "2" are
 * flagged and counted; nobody guesses what they mean.
 */
import { type CandidatePair, plainText } from "../data/rows.ts";
import { type ChatCounts, type ChatOptions, type ChatReply, openChat } from "./chat-client.ts";
import { textFlags } from "./control-teachers.ts";
import { judgePrompt, judgeQuestions, MALFORMED, POSITION_FLIP } from "./judge.ts";
import { type PairScore, type Teacher, type TeacherManifest, teacherDigest } from "./teacher.ts";

/** How to open a chat judge. */
export type ChatJudgeOptions = ChatOptions & {
  readonly name?: string;
  /** The question, with `{prompt}`, `{first}` and `{second}`; default `DEFAULT_JUDGE_PROMPT`. */
  readonly prompt?: string;
};

/** What a chat judge did since it was opened. */
export type ChatJudgeCounts = ChatCounts & {
  /** Replies that could not be read, and the first few of them, cut to 80 characters. */
  readonly malformed: number;
  readonly malformedExamples: readonly string[];
  /** Models as the endpoint named them; more than one means that the judge changed under way. */
  readonly models: readonly string[];
};

/** A judge with its counters. */
export interface ChatJudge extends Teacher {
  counts(): ChatJudgeCounts;
}

/**
 * Opens a judge. A score is the share of the votes: 1 and 0 when both orders agree, ½ and ½ (a tie, flagged `position-flip`) when
 * they do not, and none (`malformed-reply`, an abstention) when a reply cannot be read. Lengths are code points.
 * @throws ConfigError when the prompt lacks a place, or as `openChat`
 */
export function openChatJudge(options: ChatJudgeOptions): ChatJudge {
  const prompt = judgePrompt(options.prompt);
  const chat = openChat(options);
  const seen = { malformed: 0, examples: [] as string[], models: new Set<string>() };
  const { model, maxTokens = 16 } = options;
  const settings = { url: chat.url, model, maxTokens, prompt: prompt.text, promptDigest: prompt.digest };
  const manifest: TeacherManifest = { kind: "judge-chat", code: "1", lengthUnit: "characters", settings };
  const voteOf = ({ text, model: named }: ChatReply): 1 | 2 | undefined => {
    seen.models.add(named);
    const vote = readVote(text);
    if (vote === undefined) {
      seen.malformed++;
      if (seen.examples.length < 5) seen.examples.push(text.slice(0, 80));
    }
    return vote;
  };
  return {
    name: options.name ?? `judge-chat-${teacherDigest(manifest).slice(0, 12)}`,
    manifest,
    async scorePairs(pairs, signal) {
      const questions = pairs.flatMap((pair) => judgeQuestions(prompt, pair));
      const votes = (await chat.ask(questions, signal)).map(voteOf);
      return pairs.map((pair, i) => judged(pair, votes[2 * i], votes[2 * i + 1]));
    },
    counts: () => ({
      ...chat.counts(),
      malformed: seen.malformed,
      malformedExamples: [...seen.examples],
      models: [...seen.models].sort(),
    }),
    close: async () => {},
  };
}

/**
 * The vote in a reply: 1 or 2 alone, with or without "Response" before it and marks around it, after a reasoning model's
 * `<think>` part; undefined for anything else.
 */
export function readVote(text: string): 1 | 2 | undefined {
  const answer = text.replace(/^\s*<think>[\s\S]*?<\/think>/, "").trim();
  if (answer.length > LONGEST_VOTE) return undefined;
  const match = /^["'`*[(]*(?:(?:better\s+)?response\s*[:=#]?\s*)?["'`*[(]*([12])["'`*\]).]*$/i.exec(answer);
  return match === null ? undefined : match[1] === "1" ? 1 : 2;
}

/** Characters of the longest reply that can still be a vote. */
const LONGEST_VOTE = 40;

function judged(pair: CandidatePair, aFirst: 1 | 2 | undefined, bFirst: 1 | 2 | undefined): PairScore {
  const malformed = aFirst === undefined || bFirst === undefined;
  const flip = !malformed && aFirst === bFirst;
  const scoreA = malformed ? Number.NaN : flip ? 0.5 : aFirst === 1 ? 1 : 0;
  const flags = [
    ...textFlags(pair),
    ...(malformed ? [MALFORMED, "non-finite"] : []),
    ...(flip ? [POSITION_FLIP] : []),
  ];
  return {
    id: pair.id,
    scoreA,
    scoreB: 1 - scoreA,
    lengthA: [...plainText(pair.a)].length,
    lengthB: [...plainText(pair.b)].length,
    tokens: 0,
    flags: flags.sort(),
  };
}
