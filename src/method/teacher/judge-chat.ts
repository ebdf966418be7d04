/**
 * A prompted judge behind a chat endpoint: the question in both orders, a vote from each. Replies that hold no verdict are flagged and
 * counted; nobody guesses what they mean.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { mean } from "../../base/stats/describe.ts";
import { type CandidatePair, plainText } from "../data/rows.ts";
import { type ChatCounts, type ChatOptions, openChat } from "./chat-client.ts";
import type { ChatForm } from "./chat-form.ts";
import type { ChatReply } from "./chat-reply.ts";
import { textFlags } from "./control-teachers.ts";
import { judgePrompt, judgeQuestions, MALFORMED, POSITION_FLIP } from "./judge.ts";
import { allowsTies } from "./judge-prompts.ts";
import { type Prices, spendingWords } from "./spending.ts";
import { type PairScore, type Teacher, type TeacherManifest, teacherDigest } from "./teacher.ts";
import { softVote, type VerdictReader, verdictReader } from "./verdict.ts";

/** How to open a chat judge. */
export type ChatJudgeOptions = Omit<ChatOptions, "readable" | "soft"> & {
  readonly name?: string | undefined;
  /** The question, with `{prompt}`, `{first}` and `{second}`; default `DEFAULT_JUDGE_PROMPT`. */
  readonly prompt?: string | undefined;
  /** A pattern whose first group is the verdict; default: the forms of `readVerdict`. */
  readonly verdict?: string | undefined;
  /** Whether a reply may call it a tie; auto, the default: as the question allows (`judge-prompts.ts`). */
  readonly ties?: "auto" | "allowed" | "refused" | undefined;
  /** What tokens cost, for what is said of the work; no score depends on it. */
  readonly prices?: Prices | undefined;
  /** Votes by the verdict's probability (soft) or its word (hard); auto, the default: soft where the endpoint gives probabilities. */
  readonly votes?: "auto" | "soft" | "hard" | undefined;
  /** Replies to each question, default 1; more need a temperature above 0. */
  readonly samples?: number | undefined;
};

/** What a chat judge did since it was opened. */
export type ChatJudgeCounts = ChatCounts & {
  /** Models as the endpoint named them; more than one means that the judge changed under way. */
  readonly models: readonly string[];
  /** Votes by probabilities, and by the verdict's word alone. */
  readonly votes: { readonly soft: number; readonly hard: number };
};

/** A judge with its counters. */
export interface ChatJudge extends Teacher {
  counts(): ChatJudgeCounts;
  /** How the endpoint is asked; undefined until something was. */
  form(): ChatForm | undefined;
}

/**
 * Opens a judge. A score is the share of the votes, the mean over both orders and all samples: 1 and 0 where they agree, ½ and ½ (a tie) where
 * they cancel out, flagged `position-flip` when the orders name different responses, and none (`malformed-reply`, an abstention) when no reply of
 * an order can be read. A soft vote is the verdict's probability. Lengths are code points.
 * @throws ConfigError when the prompt lacks a place, the pattern has no group, samples have no temperature, or as `openChat`
 */
export function openChatJudge(options: ChatJudgeOptions): ChatJudge {
  const { model, maxTokens, temperature, body, verdict, prices } = options;
  const { votes = "auto", samples = 1, ties = "auto" } = options;
  if (samples > 1 && !(temperature !== undefined && temperature > 0))
    throw new ConfigError(
      `judge: ${samples} samples of the same question need a temperature above 0, got ${temperature ?? "none"}. Set temperature, or samples to 1.`,
    );
  const prompt = judgePrompt(options.prompt);
  const tied = allowsTies(ties, prompt.text);
  const read = verdictReader(verdict, tied);
  const readable = ({ text }: ChatReply) => read(text) !== undefined;
  const chat = openChat({ ...options, soft: votes !== "hard", readable });
  const settings = {
    url: chat.url,
    model,
    maxTokens: maxTokens ?? "auto",
    prompt: prompt.text,
    promptDigest: prompt.digest,
    temperature: temperature ?? "auto",
    votes,
    samples,
    ties: tied ? "allowed" : "refused",
    ...(body === undefined ? {} : { body }),
    ...(verdict === undefined ? {} : { verdict }),
  };
  const manifest: TeacherManifest = { kind: "judge-chat", code: "2", lengthUnit: "characters", settings };
  const seen = { models: new Set<string>(), soft: 0, hard: 0 };
  const shareOf = (reply: ChatReply): number | undefined => {
    seen.models.add(reply.model);
    const { share, soft } = voteShare(reply, { read, votes, ties: tied });
    if (share !== undefined) seen[soft ? "soft" : "hard"]++;
    return share;
  };
  return {
    name: options.name ?? `judge-chat-${teacherDigest(manifest).slice(0, 12)}`,
    manifest,
    async scorePairs(pairs, signal) {
      const questions = pairs.flatMap((pair) =>
        judgeQuestions(prompt, pair).flatMap((text) =>
          Array.from({ length: samples }, (_, sample) => ({ text, sample })),
        ),
      );
      const shares = (await chat.ask(questions, signal)).map(shareOf);
      const orderOf = (pair: number, order: 0 | 1) => {
        const from = (2 * pair + order) * samples;
        const known = shares.slice(from, from + samples).filter((share) => share !== undefined);
        return known.length === 0 ? undefined : mean(known);
      };
      return pairs.map((pair, i) => judged(pair, orderOf(i, 0), orderOf(i, 1)));
    },
    counts: () => ({
      ...chat.counts(),
      models: [...seen.models].sort(),
      votes: { soft: seen.soft, hard: seen.hard },
    }),
    form: () => chat.form(),
    watchSpending(heard) {
      chat.watch(() => {
        const { asked: replies, tokens, uncounted } = chat.counts();
        heard(spendingWords({ replies, tokens, uncounted }, prices));
      });
    },
    close: async () => {},
  };
}

type VoteReading = {
  readonly read: VerdictReader;
  readonly votes: "auto" | "soft" | "hard";
  readonly ties: boolean;
};

/** The first response's share of one reply's vote, in [0, 1]; undefined when the reply holds none. */
function voteShare(
  reply: ChatReply,
  { read, votes, ties }: VoteReading,
): { readonly share: number | undefined; readonly soft: boolean } {
  const verdict = read(reply.text);
  if (verdict === undefined) return { share: undefined, soft: false };
  const soft = votes === "hard" ? undefined : softVote(reply, verdict, ties);
  // Soft votes were asked for: a bare word would stand among probabilities as if it were one.
  if (soft === undefined && votes === "soft") return { share: undefined, soft: false };
  const { vote } = verdict;
  return { share: soft ?? (vote === "tie" ? 0.5 : vote === 1 ? 1 : 0), soft: soft !== undefined };
}

/** @param aFirst - the first response's share when a came first; `bFirst` when b did */
function judged(pair: CandidatePair, aFirst: number | undefined, bFirst: number | undefined): PairScore {
  const malformed = aFirst === undefined || bFirst === undefined;
  const flip = !malformed && (aFirst - 0.5) * (bFirst - 0.5) > 0;
  // Exactly one half where the orders cancel out, whatever floating point makes of the sum.
  const scoreA = malformed ? Number.NaN : aFirst === bFirst ? 0.5 : (aFirst + (1 - bFirst)) / 2;
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
