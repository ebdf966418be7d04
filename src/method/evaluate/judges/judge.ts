/**
 * Judges of pairs of responses, one registry: pairwise in both orders, two ratings in both orders, or each response rated alone; a local
 * model or a chat endpoint. A reply that cannot be read is counted and shown, never guessed.
 * Length: all ways of asking stand beside each other, for each of the panels uses two or three of them.
 */
import { z } from "zod";
import type { Runtime } from "../../../engine/runtime/runtime.ts";
import type { CandidatePair, Text } from "../../data/rows.ts";
import { type ChatCounts, openChat } from "../../teacher/chat-client.ts";
import { type JudgePrompt, judgeQuestions } from "../../teacher/judge.ts";
import { type OrderVote, openChatJudge } from "../../teacher/judge-chat.ts";
import { openLocalJudge, questionLimits } from "../../teacher/judge-local.ts";
import { spendingWords, type TokensUsed } from "../../teacher/spending.ts";
import { type PairScore, teacherDigest } from "../../teacher/teacher.ts";
import { keptAnswers } from "./answers.ts";
import { openLocalJudgeModel } from "./local-model.ts";
import { questionOf, ratingQuestion, readRating, readTwoRatings } from "./questions.ts";
import { type JudgeSpec, judgeName } from "./spec.ts";

/** Two responses to one prompt. */
export type JudgeItem = { readonly prompt: Text; readonly a: string; readonly b: string };

/** Which of two a judge likes better. */
export type Vote = "a" | "b" | "tie";

/** A judge's word on a pair, as it is written down. */
export const pairVotesSchema = z.strictObject({
  /** One vote per order (a shown first, then b), or one alone where responses are rated apart; null: no readable opinion. */
  votes: z
    .array(z.enum(["a", "b", "tie"]).nullable())
    .min(1)
    .max(2),
  /** How far each order sides with a, in [0, 1], where a judge gives more than a word (probabilities, several samples). */
  shares: z.tuple([z.number(), z.number()]).optional(),
  /** Why there is no opinion, or why nobody was asked. */
  why: z.enum(["malformed", "too-long", "identical"]).optional(),
  /** Ratings of a and b, means over the orders, where the judge gives any. */
  ratings: z.tuple([z.number(), z.number()]).optional(),
});

/** A judge's word on a pair. */
export type PairVotes = z.output<typeof pairVotesSchema>;

/** What a judge did since it was opened, as a file holds it. */
export const judgeFactsSchema = z.object({
  name: z.string(),
  mode: z.enum(["pairwise", "absolute", "rating"]),
  prompt: z.string(),
  promptDigest: z.string(),
  /** The model's digest, or the models as the endpoint named them; several mean that it changed under way. */
  versions: z.array(z.string()).readonly(),
  /** Replies that could not be read; the first few, cut to 80 characters. */
  malformed: z.number(),
  malformedExamples: z.array(z.string()).readonly(),
  /** Of an endpoint: tokens of all questions and replies, asked for now or kept. */
  tokens: z.tuple([z.number(), z.number()]).readonly().optional(),
});

/** What a judge did since it was opened. */
export type JudgeFacts = z.output<typeof judgeFactsSchema>;

/** Judges pairs. */
export interface Judge {
  readonly name: string;
  /** @throws AlignError "remote" when an endpoint refuses or stays silent; InterruptedError when `signal` fires */
  judge(items: readonly JudgeItem[], signal?: AbortSignal): Promise<PairVotes[]>;
  facts(): JudgeFacts;
  close(): Promise<void>;
}

/** What a judge may use: a runtime if it is local, and a folder for its answers. */
export type JudgeDeps = {
  readonly runtime: () => Runtime;
  readonly cache: string;
  /** Of an endpoint: is told after every reply how many came, and what those asked for now have cost. */
  readonly heard?: ((replies: number, spent: string) => void) | undefined;
};

/** A way of getting opinions on pairs that differ. */
type Panel = {
  ask(items: readonly JudgeItem[], signal: AbortSignal | undefined): Promise<PairVotes[]>;
  versions(): readonly string[];
  tokens?(): TokensUsed;
  close(): Promise<void>;
};

/**
 * Opens a judge. Identical responses are a tie without asking anybody.
 * @throws ConfigError when its prompt lacks a place, its model cannot judge, or its address is wrong
 */
export async function openJudge(deps: JudgeDeps, spec: JudgeSpec): Promise<Judge> {
  const prompt = questionOf(spec.mode, spec.prompt);
  const unread: { count: number; examples: string[] } = { count: 0, examples: [] };
  const onUnread: OnUnread = (reply) => {
    unread.count++;
    if (unread.examples.length < 5) unread.examples.push(reply.slice(0, 80));
  };
  const panel = await openPanel(deps, spec, prompt, onUnread);
  const name = judgeName(spec);
  return {
    name,
    async judge(items, signal) {
      const asked = items.filter(({ a, b }) => a !== b);
      const answers = await panel.ask(asked, signal);
      let next = 0;
      return items.map(({ a, b }): PairVotes => {
        if (a !== b) return answers[next++]!;
        return { votes: spec.mode === "rating" ? ["tie"] : ["tie", "tie"], why: "identical" };
      });
    },
    facts: () => ({
      name,
      mode: spec.mode,
      prompt: prompt.text,
      promptDigest: prompt.digest,
      versions: panel.versions(),
      malformed: unread.count,
      malformedExamples: [...unread.examples],
      ...(panel.tokens && { tokens: panel.tokens() }),
    }),
    close: panel.close,
  };
}

type OnUnread = (reply: string) => void;

async function openPanel(
  deps: JudgeDeps,
  spec: JudgeSpec,
  prompt: JudgePrompt,
  onUnread: OnUnread,
): Promise<Panel> {
  if (spec.type === "chat")
    return (spec.mode === "pairwise" ? pairwiseChat : ratingChat)(deps, spec, prompt, onUnread);
  if (spec.mode === "pairwise") return pairwiseLocal(deps, spec, prompt);
  const model = await openLocalJudgeModel(deps.runtime(), { ...spec, chat: spec.chat, cache: deps.cache });
  const panel = { versions: () => [model.version], close: () => model.close() };
  if (spec.mode === "absolute")
    return {
      ...panel,
      ask: (items, signal) =>
        askRatings(items, prompt, (questions) => model.replies(questions, signal), onUnread),
    };
  return {
    ...panel,
    ask: (items, signal) => askApart(items, prompt, (questions) => model.ratings(questions, signal)),
  };
}

/** Votes by the log-probabilities of "1" and "2": nothing is sampled, nothing can be misread. */
async function pairwiseLocal(
  { runtime, cache }: JudgeDeps,
  { model, chat }: Extract<JudgeSpec, { type: "local" }>,
  prompt: JudgePrompt,
): Promise<Panel> {
  const limits = await questionLimits(model);
  const teacher = await openLocalJudge(runtime(), {
    model,
    limits,
    prompt: prompt.text,
    chat,
  });
  const version = teacherDigest(teacher.manifest);
  const pairOf = ({ prompt, a, b }: JudgeItem): CandidatePair => ({ id: "pair", prompt, a, b });
  return {
    ask: (items, signal) =>
      keptAnswers(
        cache,
        items.map((item) => ({ version, item })),
        isJudged,
        async (indices) => (await teacher.scorePairs(indices.map((i) => pairOf(items[i]!)))).map(votesOf),
        signal,
      ),
    versions: () => [version],
    close: () => teacher.close(),
  };
}

const isJudged = (value: unknown): value is PairVotes =>
  Array.isArray((value as { votes?: unknown } | null)?.votes);

function votesOf({ parts, flags }: PairScore): PairVotes {
  if (flags.includes("truncated")) return { votes: [null, null], why: "too-long" };
  const { aFirst, bFirst } = parts as Record<"aFirst" | "bFirst", readonly [number, number]>;
  return { votes: [sideOf(aFirst[0], aFirst[1]), sideOf(bFirst[1], bFirst[0])] };
}

const sideOf = (a: number, b: number): Vote => (a > b ? "a" : b > a ? "b" : "tie");

type ChatSpec = Extract<JudgeSpec, { type: "chat" }>;

/** The teacher of the same kind, asked about arms: one way of asking, reading and voting for both. */
function pairwiseChat(deps: JudgeDeps, spec: ChatSpec, prompt: JudgePrompt, onUnread: OnUnread): Panel {
  const { type: _type, mode: _mode, name: _name, ...endpoint } = spec;
  const judge = openChatJudge({ ...endpoint, prompt: prompt.text, cache: deps.cache, unread: onUnread });
  judge.watchSpending!((spent) => {
    const { asked, cached } = judge.counts();
    deps.heard?.(asked + cached, spent);
  });
  return {
    ask: async (items, signal) => {
      const pairs = items.map((item, i): CandidatePair => ({ id: String(i), ...item }));
      return (await judge.votes(pairs, signal)).map(pairOfVotes);
    },
    versions: () => judge.counts().models,
    tokens: () => tokensOf(judge.counts()),
    close: judge.close,
  };
}

/** Endpoints that rate: their replies are read here. */
function ratingChat(deps: JudgeDeps, spec: ChatSpec, prompt: JudgePrompt, onUnread: OnUnread): Panel {
  const { type: _type, mode, name: _name, prompt: _prompt, prices, ...endpoint } = spec;
  const reader = mode === "absolute" ? readTwoRatings : readRating;
  const chat = openChat({
    ...endpoint,
    cache: deps.cache,
    readable: ({ text }) => reader(text) !== undefined,
  });
  chat.watch(() => {
    const { asked, cached, tokens, uncounted } = chat.counts();
    deps.heard?.(asked + cached, spendingWords({ replies: asked, tokens, uncounted }, prices));
  });
  const models = new Set<string>();
  const ask = async (questions: readonly string[], signal: AbortSignal | undefined) => {
    const asked = questions.map((text) => ({ text }));
    return (await chat.ask(asked, signal)).map(({ text, model }) => {
      models.add(model);
      return text;
    });
  };
  return {
    ask: (items, signal) =>
      mode === "absolute"
        ? askRatings(items, prompt, (questions) => ask(questions, signal), onUnread)
        : askApart(items, prompt, async (questions) =>
            (await ask(questions, signal)).map((reply) => read(reply, readRating, onUnread) ?? Number.NaN),
          ),
    versions: () => [...models].sort(),
    tokens: () => tokensOf(chat.counts()),
    close: async () => {},
  };
}

/** Of all replies, asked for now or kept. */
const tokensOf = ({ tokens, keptTokens }: ChatCounts): TokensUsed => [
  tokens[0] + keptTokens[0],
  tokens[1] + keptTokens[1],
];

function read<T>(reply: string, reader: (reply: string) => T | undefined, onUnread: OnUnread): T | undefined {
  const answer = reader(reply);
  if (answer === undefined) onUnread(reply);
  return answer;
}

/** Replies to both orders of each item: a first, b first. */
async function askBothOrders<R>(
  items: readonly JudgeItem[],
  prompt: JudgePrompt,
  ask: (questions: readonly string[]) => Promise<R[]>,
): Promise<[R, R][]> {
  const replies = await ask(items.flatMap((item) => judgeQuestions(prompt, { id: "", ...item })));
  return items.map((_, i) => [replies[2 * i]!, replies[2 * i + 1]!]);
}

/** Shares are kept where they say more than the votes: probabilities, or several samples. */
function pairOfVotes([aFirst, bFirst]: readonly [OrderVote, OrderVote]): PairVotes {
  const shares = [aFirst.share, bFirst.share === undefined ? undefined : 1 - bFirst.share];
  const votes = shares.map((share) => (share === undefined ? null : sideOf(share, 0.5)));
  const [a, b] = shares;
  if (a === undefined || b === undefined) return { votes, why: "malformed" };
  const words = [a, b].every((share) => share === 0 || share === 0.5 || share === 1);
  return words ? { votes } : { votes, shares: [a, b] };
}

/** Two ratings per reply, in both orders. */
async function askRatings(
  items: readonly JudgeItem[],
  prompt: JudgePrompt,
  ask: (questions: readonly string[]) => Promise<(string | null)[]>,
  onUnread: OnUnread,
): Promise<PairVotes[]> {
  const replies = await askBothOrders(items, prompt, ask);
  return replies.map(([first, second]): PairVotes => {
    if (first === null || second === null) return { votes: [null, null], why: "too-long" };
    const aFirst = read(first, readTwoRatings, onUnread);
    const bFirst = read(second, readTwoRatings, onUnread);
    const votes = [
      aFirst ? sideOf(aFirst[0], aFirst[1]) : null,
      bFirst ? sideOf(bFirst[1], bFirst[0]) : null,
    ];
    if (!aFirst || !bFirst) return { votes, why: "malformed" };
    return { votes, ratings: [(aFirst[0] + bFirst[1]) / 2, (aFirst[1] + bFirst[0]) / 2] };
  });
}

/** Each response rated alone; the texts of an arm that meets several others are asked about once. NaN is an unreadable reply. */
async function askApart(
  items: readonly JudgeItem[],
  prompt: JudgePrompt,
  ask: (questions: readonly string[]) => Promise<(number | null)[]>,
): Promise<PairVotes[]> {
  const questions = items.flatMap(({ prompt: text, a, b }) =>
    [a, b].map((one) => ratingQuestion(prompt, text, one)),
  );
  const unique = [...new Set(questions)];
  const answers = await ask(unique);
  const ratings = new Map(unique.map((question, i) => [question, answers[i]!]));
  return items.map((_, i): PairVotes => {
    const [a, b] = [ratings.get(questions[2 * i]!)!, ratings.get(questions[2 * i + 1]!)!];
    if (a === null || b === null) return { votes: [null], why: "too-long" };
    if (Number.isNaN(a) || Number.isNaN(b)) return { votes: [null], why: "malformed" };
    return { votes: [sideOf(a, b)], ratings: [a, b] };
  });
}
