/**
 * Reward models behind a server: vLLM's `/pooling` or `/classify`, this project's `serve`. Texts become token ids here, as for local ones; the
 * server gives one raw score per text. It is probed before it is believed, and watched by canaries around every piece of work.
 */
import { z } from "zod";
import { digestOf } from "../../base/core/digest.ts";
import { AlignError, ConfigError } from "../../base/core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../../base/core/files.ts";
import { type HttpClient, openHttp } from "../../base/core/http.ts";
import { inParallel } from "../../base/core/parallel.ts";
import { serverAt } from "../../base/settings/server.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { cutCheck, readDecoderRows, readingShape, rewardLimits } from "./gold-reward-model.ts";
import type { GoldScorer } from "./gold-scorer.ts";

/** Settings of a `gold` entry of type `reward-server`, beside its type and name. */
export const rewardServerShape = {
  ...serverAt("A server with /pooling or /classify: vLLM, weak-teacher serve."),
  model: z.string().min(1).describe("The reward model's name at the server."),
  tokenizer: z.string().min(1).describe("Folder of its tokenizer and chat template."),
  ...readingShape,
  maxLength: z
    .number()
    .int()
    .min(2)
    .describe("Most tokens of prompt and response: at most what the server takes (--max-model-len)."),
};

const schema = z.strictObject(rewardServerShape);

/** Which served reward model, and how it reads. */
export type RewardServerSpec = z.output<typeof schema> & {
  readonly type: "reward-server";
  readonly name?: string | undefined;
};

/** Texts in one request: enough to fill a server's batch, few enough that a lost request costs little. */
const TEXTS_PER_REQUEST = 8;
const MAX_REPLY_BYTES = 16 * 2 ** 20;

/**
 * Distance of two scores of one text up to which they are one, as a share of their size or of 1 where that is more: servers batch as they like and
 * compute in half precision. Another checkpoint differs by more.
 */
export const REWARD_TOLERANCE = 0.03;

/**
 * Opens a served reward model: looks its name up, probes it, and remembers how its canaries sing.
 * @param options.memory - folder that keeps the canaries' scores from session to session
 * @throws ConfigError for settings that do not fit; AlignError "remote" when the server gives no raw scores, or other ones than in an earlier session
 */
export async function openRewardServer(
  spec: RewardServerSpec,
  {
    memory,
    signal = new AbortController().signal,
  }: { memory?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<GoldScorer> {
  const where = `gold scorer ${spec.name ?? spec.model}`;
  const url = spec.url.replace(/\/+$/, "").replace(/\/v1$/, "");
  const http = openHttp(where, { ...spec, url }, MAX_REPLY_BYTES);
  const tokenizer = await loadTokenizer(spec.tokenizer);
  await checkListed(http, spec, where, signal);
  const ask = await findPath(http, spec.model, canaries(tokenizer), signal);
  const limits = rewardLimits(spec, spec.maxLength);
  const song = await ask(canaries(tokenizer), signal);
  await remember(http.url, spec.model, tokenizer, memory, song);
  return {
    name: spec.name ?? spec.type,
    digest: await rewardServerDigest(spec),
    trainedOn: spec.trainedOn,
    async score(items) {
      const cut = cutCheck(where, spec.tooLong, limits, undefined);
      const rows = readDecoderRows(tokenizer, spec, where, items, limits, cut);
      const texts = rows.map(({ prompt, responses: [response] }) => [...prompt, ...response!]);
      const requests = Array.from({ length: Math.ceil(texts.length / TEXTS_PER_REQUEST) }, (_, i) =>
        texts.slice(i * TEXTS_PER_REQUEST, (i + 1) * TEXTS_PER_REQUEST),
      );
      const scores = (await inParallel(requests, http.concurrency, ask, signal)).flat();
      // These count only if the model is still what it was before them.
      checkSame(http.url, spec.model, song, await ask(canaries(tokenizer), signal), "when this work began");
      return scores;
    },
    close: async () => {},
  };
}

/** What scores depend on as far as it can be told without asking: the model's name, the tokenizer, and how texts are read. @throws as `loadTokenizer` */
export async function rewardServerDigest(spec: RewardServerSpec): Promise<string> {
  const { digest, chatTemplate } = await loadTokenizer(spec.tokenizer);
  const { type, model, reads, maxLength, maxPromptLength } = spec;
  return digestOf([
    type,
    model,
    digest,
    chatTemplate?.digest ?? null,
    reads,
    rewardLimits({ maxLength, maxPromptLength }, maxLength),
  ]);
}

type Ask = (texts: readonly (readonly number[])[], signal: AbortSignal) => Promise<number[]>;

/** One way to ask: a path, and where in its reply the numbers of a text are. */
const PATHS = [
  { path: "/pooling", numbers: "data" },
  { path: "/classify", numbers: "probs" },
] as const;

/** The first path that gives raw scores. @throws AlignError "remote" when none does, with what each said */
async function findPath(
  http: HttpClient,
  model: string,
  texts: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<Ask> {
  const problems: string[] = [];
  for (const { path, numbers } of PATHS) {
    const body = (input: readonly (readonly number[])[], active: boolean) => ({
      ...{ model, input, add_special_tokens: false },
      ...(path === "/pooling" ? { task: "classify" } : {}),
      // Its names since and before vLLM 0.11.
      ...{ use_activation: active, activation: active },
    });
    const { status, text } = await http.look(path, signal, body(texts, false));
    if (status !== 200) {
      problems.push(`${path} answered ${status === 0 ? text : `${status}: ${text.slice(0, 200)}`}`);
      continue;
    }
    const asked =
      (active: boolean): Ask =>
      (input, at) =>
        http.ask({
          path,
          body: body(input, active),
          read: (value) => readScores(value, numbers, input.length),
          expected: `${input.length} scores, one number for each text`,
          signal: at,
        });
    const ask = asked(false);
    await checkRaw(
      http.url,
      path,
      await ask(texts, signal),
      await ask(texts, signal),
      await asked(true)(texts, signal),
    );
    return ask;
  }
  throw new AlignError(
    "remote",
    `${http.url}: gives no scores of texts: ${problems.join("; ")}. Serve a *ForSequenceClassification model with vLLM (--runner pooling) or weak-teacher serve.`,
  );
}

function readScores(value: unknown, numbers: "data" | "probs", count: number): number[] | undefined {
  const { data } = (value ?? {}) as { data?: unknown };
  if (!Array.isArray(data) || data.length !== count) return undefined;
  const ordered = [...(data as Readonly<Record<string, unknown>>[])].sort(
    (x, y) => Number(x["index"] ?? 0) - Number(y["index"] ?? 0),
  );
  const scores = ordered.map((one) => {
    const given = one[numbers];
    // A number for each token, or for several classes, is no score of the text.
    return Array.isArray(given) && given.length === 1 ? (given[0] as unknown) : given;
  });
  return scores.every((score) => typeof score === "number" && Number.isFinite(score))
    ? (scores as number[])
    : undefined;
}

/** Wants the same numbers twice, and others with an activation than without: a sigmoid that cannot be switched off is not what is measured here. */
function checkRaw(
  url: string,
  path: string,
  first: readonly number[],
  second: readonly number[],
  active: readonly number[],
): void {
  if (!isSame(first, second))
    throw new AlignError(
      "remote",
      `${url}${path}: asked twice, it gave ${first} and ${second}, expected the same scores.`,
    );
  const squeezed = first.every((score) => score >= 0 && score <= 1);
  if (squeezed && first.every((score, i) => Math.abs(score - active[i]!) < 1e-6))
    throw new AlignError(
      "remote",
      `${url}${path}: gave ${first.map((score) => score.toPrecision(3)).join(", ")} with and without use_activation, expected raw scores: an activation seems to be on that a request cannot switch off. Start the server without it (vLLM: --pooler-config '{"use_activation": false}').`,
    );
}

const isSame = (x: readonly number[], y: readonly number[]): boolean =>
  x.length === y.length &&
  x.every((score, i) => Math.abs(score - y[i]!) <= REWARD_TOLERANCE * Math.max(1, Math.abs(score)));

function checkSame(
  url: string,
  model: string,
  before: readonly number[],
  now: readonly number[],
  when: string,
): void {
  if (isSame(before, now)) return;
  throw new AlignError(
    "remote",
    `${url}: ${model} is not the model it was ${when}: it gives ${now.map((score) => score.toPrecision(4)).join(", ")} for texts that got ${before.map((score) => score.toPrecision(4)).join(", ")}. Scores of two models cannot stand side by side. Serve the first again, or run under another --out.`,
  );
}

async function remember(
  url: string,
  model: string,
  tokenizer: Tokenizer,
  memory: string | undefined,
  song: readonly number[],
): Promise<void> {
  if (memory === undefined) return;
  const name = digestOf({ model, tokenizer: tokenizer.digest }).slice(0, 12);
  const file = `${memory}/gold-canary-${name}.json`;
  if (await exists(file))
    return checkSame(url, model, (await readJson(file)) as number[], song, "when it was first asked");
  await writeJsonAtomic(file, song);
}

/** @throws ConfigError when the server lists other models, or one with less room */
async function checkListed(
  http: HttpClient,
  { model, maxLength }: RewardServerSpec,
  where: string,
  signal: AbortSignal,
): Promise<void> {
  const { status, text } = await http.look("/v1/models", signal);
  if (status === 0) throw new AlignError("remote", `${where}: ${http.url}: ${text}. Is the server up?`);
  const list = status === 200 ? listed(text) : undefined;
  if (list === undefined) return;
  const found = list.find(({ id }) => id === model);
  if (found === undefined)
    throw new ConfigError(
      `${where}: ${http.url} does not serve ${model}, expected one of ${list.map(({ id }) => String(id)).join(", ")}.`,
    );
  const most = Number(found.max_model_len ?? Number.POSITIVE_INFINITY);
  if (maxLength > most)
    throw new ConfigError(
      `${where}: ${http.url} takes ${most} tokens, expected at least max_length ${maxLength}. Lower it.`,
    );
}

function listed(text: string): { id?: unknown; max_model_len?: unknown }[] | undefined {
  try {
    const { data } = JSON.parse(text) as { data?: unknown };
    return Array.isArray(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

/** Texts of a few tokens, whose scores show whether a model is still the same. */
function canaries(tokenizer: Tokenizer): number[][] {
  return [
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "Thank you so much, that was kind and helpful.",
    "No. Go away and never ask again.",
  ].map((text) => tokenizer.encode(text).slice(0, 24));
}
