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
import { judgePrompt, judgeQuestions, MALFORMED, POSITION_FLIP, UNSAID_VERDICT } from "./judge.ts";
import { allowsTies, opensWithVerdict } from "./judge-prompts.ts";
import { type Prices, spendingWords } from "./spending.ts";
import { type PairScore, type Teacher, type TeacherManifest, teacherDigest } from "./teacher.ts";
import { openingVote, softVote, type VerdictReader, verdictReader } from "./verdict.ts";

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
  /** Is told of every reply that holds no vote. */
  readonly unread?: ((reply: string) => void) | undefined;
};

/** What a chat judge did since it was opened. */
export type ChatJudgeCounts = ChatCounts & {
  /** Models as the endpoint named them; more than one means that the judge changed under way. */
  readonly models: readonly string[];
  /** Votes by probabilities, those of them read at the first token of replies that say no verdict, and votes by the verdict's word alone. */
  readonly votes: { readonly soft: number; readonly unsaid: number; readonly hard: number };
};

/** What one order of a question came to: the mean over its samples that hold a vote. */
export type OrderVote = {
  /** The first response's share, in [0, 1]; undefined when no reply could be read. */
  readonly share: number | undefined;
  /** True where a reply said no verdict and its first token's probabilities were read. */
  readonly unsaid: boolean;
};

/** A judge with its counters. */
export interface ChatJudge extends Teacher {
  /** The votes of both orders of each pair, a first and b first; what scores are made of. @throws as `ChatClient.ask` */
  votes(
    pairs: readonly CandidatePair[],
    signal?: AbortSignal,
  ): Promise<[aFirst: OrderVote, bFirst: OrderVote][]>;
  counts(): ChatJudgeCounts;
  /** How the endpoint is asked; undefined until something was. */
  form(): ChatForm | undefined;
}

/**
 * Opens a judge. A score is the share of the votes, the mean over both orders and all samples: 1 and 0 where they agree, ½ and ½ (a tie) where
 * they cancel out, flagged `position-flip` when the orders name different responses, and none (`malformed-reply`, an abstention) when no reply of
 * an order can be read. A soft vote is the verdict's probability, or, where a question asks for the verdict alone and the reply says none, that at its
 * first token, flagged `unsaid-verdict`. Lengths are code points.
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
  const reading: VoteReading = {
    read: verdictReader(verdict, tied),
    votes,
    ties: tied,
    opens: votes !== "hard" && verdict === undefined && opensWithVerdict(prompt.text, votes),
  };
  const readable = (reply: ChatReply) =>
    reading.read(reply.text) !== undefined || voteShare(reply, reading).share !== undefined;
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
    ...{ body, verdict },
  };
  const manifest: TeacherManifest = { kind: "judge-chat", code: "3", lengthUnit: "characters", settings };
  const seen = { models: new Set<string>(), soft: 0, unsaid: 0, hard: 0 };
  const voteOf = (reply: ChatReply): ReplyVote => {
    seen.models.add(reply.model);
    const vote = voteShare(reply, reading);
    if (vote.share !== undefined) seen[vote.soft ? "soft" : "hard"]++;
    if (vote.unsaid) seen.unsaid++;
    if (vote.share === undefined) options.unread?.(reply.text);
    return vote;
  };
  const votesOn = async (pairs: readonly CandidatePair[], signal?: AbortSignal) => {
    const questions = pairs.flatMap((pair) =>
      judgeQuestions(prompt, pair).flatMap((text) =>
        Array.from({ length: samples }, (_, sample) => ({ text, sample })),
      ),
    );
    const replies = (await chat.ask(questions, signal)).map(voteOf);
    const order = (from: number) => meanVote(replies.slice(from * samples, (from + 1) * samples));
    return pairs.map((_, i): [OrderVote, OrderVote] => [order(2 * i), order(2 * i + 1)]);
  };
  return {
    name: options.name ?? `judge-chat-${teacherDigest(manifest).slice(0, 12)}`,
    manifest,
    votes: votesOn,
    async scorePairs(pairs, signal) {
      const votes = await votesOn(pairs, signal);
      return pairs.map((pair, i) => judged(pair, ...votes[i]!));
    },
    counts: () => ({
      ...chat.counts(),
      models: [...seen.models].sort(),
      votes: { soft: seen.soft, unsaid: seen.unsaid, hard: seen.hard },
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
  /** Whether a reply that says no verdict may be read at its first token. */
  readonly opens: boolean;
};

type ReplyVote = {
  /** The first response's share of one reply's vote, in [0, 1]; undefined when the reply holds none. */
  readonly share: number | undefined;
  readonly soft: boolean;
  readonly unsaid: boolean;
};

const NONE: ReplyVote = { share: undefined, soft: false, unsaid: false };

function voteShare(reply: ChatReply, { read, votes, ties, opens }: VoteReading): ReplyVote {
  const verdict = read(reply.text);
  if (verdict === undefined) {
    const share = opens ? openingVote(reply, ties) : undefined;
    return share === undefined ? NONE : { share, soft: true, unsaid: true };
  }
  const soft = votes === "hard" ? undefined : softVote(reply, verdict, ties);
  if (soft !== undefined) return { share: soft, soft: true, unsaid: false };
  // Soft votes were asked for: a bare word would stand among probabilities as if it were one.
  if (votes === "soft") return NONE;
  const { vote } = verdict;
  return { share: vote === "tie" ? 0.5 : vote === 1 ? 1 : 0, soft: false, unsaid: false };
}

function meanVote(replies: readonly ReplyVote[]): OrderVote {
  const shares = replies.flatMap(({ share }) => share ?? []);
  return {
    share: shares.length === 0 ? undefined : mean(shares),
    unsaid: replies.some(({ unsaid }) => unsaid),
  };
}

function judged(pair: CandidatePair, first: OrderVote, second: OrderVote): PairScore {
  const [aFirst, bFirst] = [first.share, second.share];
  const malformed = aFirst === undefined || bFirst === undefined;
  const flip = !malformed && (aFirst - 0.5) * (bFirst - 0.5) > 0;
  // Exactly one half where the orders cancel out, whatever floating point makes of the sum.
  const scoreA = malformed ? Number.NaN : aFirst === bFirst ? 0.5 : (aFirst + (1 - bFirst)) / 2;
  const flags = [
    ...textFlags(pair),
    ...(malformed ? [MALFORMED, "non-finite"] : []),
    ...(flip ? [POSITION_FLIP] : []),
    ...(first.unsaid || second.unsaid ? [UNSAID_VERDICT] : []),
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
