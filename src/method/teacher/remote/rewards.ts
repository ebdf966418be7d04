/**
 * Reward models behind a server: vLLM's `/pooling` or `/classify`, this project's `serve`. Token ids go there, one raw score per text comes back.
 * The server is probed before it is believed, and watched by canaries around every piece of work.
 */
import { join } from "node:path";
import { digestOf } from "../../../base/core/digest.ts";
import { AlignError } from "../../../base/core/errors.ts";
import { type HttpClient, type HttpOptions, openHttp } from "../../../base/core/http.ts";
import { inParallel } from "../../../base/core/parallel.ts";
import type { Tokenizer } from "../../../engine/text/tokenizer.ts";
import { checkSong, hearRewards, rememberSong, type Song } from "./canary.ts";
import { findListed, listedModels } from "./listed.ts";

/** Scores texts under one served reward model. */
export interface ServedRewards {
  /** The model's digest, where the server knows it (this project's own does). */
  readonly digest: string | undefined;
  /** What the server calls its version; null when it does not say. */
  readonly version: string | null;
  /**
   * One raw score for each text of token ids, higher is better. They count only if the canaries sing as before.
   * @throws AlignError "remote" when the server fails, or its model is no longer what it was
   */
  score(texts: readonly (readonly number[])[], signal: AbortSignal): Promise<number[]>;
}

/** Which reward model, and where. */
export type ServedRewardsOptions = HttpOptions & {
  /** Begins every message about a setting: "gold scorer rm", "remote teacher". */
  readonly who: string;
  /** Its name at the server. */
  readonly model: string;
  readonly tokenizer: Tokenizer;
  /** Most tokens of a text. */
  readonly maxLength: number;
  /** Folder that keeps the canaries' scores from session to session; none: only changes while it is asked are met. */
  readonly memory?: string | undefined;
  readonly signal: AbortSignal;
};

/** Texts in one request: enough to fill a server's batch, few enough that a lost request costs little. */
const TEXTS_PER_REQUEST = 8;
const MAX_REPLY_BYTES = 16 * 2 ** 20;

/**
 * Opens a served reward model: looks its name up, probes it, and remembers how its canaries sing.
 * @throws ConfigError for settings that do not fit; AlignError "remote" when the server gives no raw scores, or other ones than in an earlier session
 */
export async function openServedRewards(options: ServedRewardsOptions): Promise<ServedRewards> {
  const { who, model, tokenizer, memory, signal } = options;
  const http = openServer(who, options);
  const facts = await lookUp(http, options);
  const known = canaries(tokenizer);
  const ask = await findPath(http, model, known, signal);
  const sing = async (at: AbortSignal): Promise<Song> => {
    return { [model]: (await ask(known, at)).map((score) => [score]) };
  };
  const song = await sing(signal);
  const voice = digestOf({ model, tokenizer: tokenizer.digest }).slice(0, 12);
  if (memory !== undefined)
    await rememberSong(http.url, hearRewards, join(memory, `canary-rewards-${voice}.json`), song);
  return {
    ...facts,
    async score(texts, at) {
      const requests = Array.from({ length: Math.ceil(texts.length / TEXTS_PER_REQUEST) }, (_, i) =>
        texts.slice(i * TEXTS_PER_REQUEST, (i + 1) * TEXTS_PER_REQUEST),
      );
      const scores = (await inParallel(requests, http.concurrency, ask, at)).flat();
      checkSong(http.url, hearRewards, song, await sing(at), "when this work began");
      return scores;
    },
  };
}

/** Paths of scores stand beside `/v1`, which an address may end with. */
const openServer = (who: string, options: HttpOptions): HttpClient =>
  openHttp(who, { ...options, url: options.url.replace(/\/+$/, "").replace(/\/v1$/, "") }, MAX_REPLY_BYTES);

/** Why nothing answers at the address; undefined where something does, whatever it says. @throws ConfigError as `openHttp`; InterruptedError */
export async function whyNoServer(
  who: string,
  options: HttpOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { status, text } = await openServer(who, options).look("/v1/models", signal);
  return status === 0 ? text : undefined;
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
  if (hearRewards([first], [second]) !== undefined)
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

type Facts = Pick<ServedRewards, "digest" | "version">;

/** @throws ConfigError when the server lists other models, or one with less room; AlignError "remote" when nothing answers */
async function lookUp(
  http: HttpClient,
  { who, model, maxLength, signal }: ServedRewardsOptions,
): Promise<Facts> {
  const { status, text } = await http.look("/v1/models", signal);
  if (status === 0) throw new AlignError("remote", `${who}: ${http.url}: ${text}. Is the server up?`);
  const list = status === 200 ? listedModels(parsed(text)) : undefined;
  const found = list && findListed(who, http.url, list, { model, length: maxLength });
  const said = await http.look("/version", signal);
  const { version } = ((said.status === 200 ? parsed(said.text) : undefined) ?? {}) as { version?: unknown };
  return {
    digest: typeof found?.digest === "string" ? found.digest : undefined,
    version: typeof version === "string" ? version : null,
  };
}

/** JSON, or undefined where a page for people is. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
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
