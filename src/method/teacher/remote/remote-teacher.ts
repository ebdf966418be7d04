/**
 * A teacher whose models run elsewhere: behind vLLM, SGLang, an OpenAI-style `echo`, or this project's own server. Texts become token ids
 * here, as for local teachers; the server only adds up log-probabilities, under the policy and, for implicit rewards, under its reference.
 */
import { join } from "node:path";
import { digestOf } from "../../../base/core/digest.ts";
import { AlignError, ConfigError, NumericsError } from "../../../base/core/errors.ts";
import { type HttpClient, type HttpOptions, openHttp } from "../../../base/core/http.ts";
import type { EncodedPair, TokenLimits } from "../../../engine/text/pair.ts";
import { loadTokenizer, type Tokenizer } from "../../../engine/text/tokenizer.ts";
import type { CandidatePair } from "../../data/rows.ts";
import { encodePairs } from "../encode.ts";
import { type CandidateLogps, implicitRewards, plainScores } from "../logratio.ts";
import { type Teacher, type TeacherManifest, teacherDigest } from "../teacher.ts";
import { checkSong, rememberSong, type Song } from "./canary.ts";
import { detectServer, type ServerFacts } from "./detect.ts";
import { type GivenText, SERVER_KINDS, type ServerKind } from "./protocol.ts";
import { canaryTexts, openRemoteScorer, probe, type RemoteScorer } from "./scorer.ts";

/** How to open a remote teacher. */
export type RemoteTeacherOptions = HttpOptions & {
  /** Default: found out. */
  readonly server?: ServerKind | undefined;
  /** The policy's name at the server. */
  readonly modelName: string;
  /** The reference's name at the server; without one the scores are likelihoods. */
  readonly referenceName?: string | undefined;
  /** Folder of the models' tokenizer (and template). */
  readonly tokenizer: string;
  /** Factor on the log-ratio, above 0, default 0.1; only with a reference. */
  readonly beta?: number | undefined;
  readonly limits: TokenLimits;
  readonly name?: string | undefined;
  /** Folder that keeps the canaries' songs from session to session, one for each set of models. */
  readonly memory: string;
  readonly signal?: AbortSignal | undefined;
};

const MAX_REPLY_BYTES = 256 * 2 ** 20;

/**
 * Opens a remote teacher: finds out what the server is, probes it under each model, and remembers how its canaries sing.
 * @throws ConfigError for options that do not fit; AlignError "remote" when the server cannot score given text, or its model is not the one
 *   of an earlier session
 */
export async function openRemoteTeacher(options: RemoteTeacherOptions): Promise<Teacher> {
  const { limits, modelName, referenceName, signal = new AbortController().signal } = options;
  checkOptions(options);
  const url = options.url.replace(/\/+$/, "").replace(/\/v1$/, "");
  const http = openHttp("remote teacher", { ...options, url }, MAX_REPLY_BYTES);
  const tokenizer = await loadTokenizer(options.tokenizer);
  const facts = await detectServer(http, options.server, signal);
  const scorer = openRemoteScorer(http, facts);
  const models = [modelName, ...(referenceName === undefined ? [] : [referenceName])];
  const digests = await checkModels(http, facts, models, limits, signal);
  await probeAll({ http, scorer, facts }, tokenizer, models, signal);
  const sing = (at: AbortSignal) => songOf(scorer, canaryTexts(tokenizer), models, at);
  const song = await sing(signal);
  const voices = digestOf({ models, kind: facts.kind, tokenizer: tokenizer.digest }).slice(0, 12);
  await rememberSong(http.url, join(options.memory, `canary-${voices}.json`), song);
  const manifest = manifestOf(options, facts, tokenizer, digests);
  return {
    name: options.name ?? `remote-${teacherDigest(manifest).slice(0, 12)}`,
    manifest,
    async scorePairs(pairs, outer) {
      const at = outer ?? signal;
      const encoded = encodePairs(tokenizer, pairs, limits);
      const ids = pairs.map(({ id }) => id);
      const policy = await candidateSums(scorer, modelName, encoded, pairs, at);
      const reference =
        referenceName === undefined
          ? undefined
          : await candidateSums(scorer, referenceName, encoded, pairs, at);
      // These scores count only if the models are still what they were before them.
      checkSong(http.url, song, await sing(at), "when this labelling began");
      if (reference !== undefined)
        return implicitRewards(ids, encoded, { policy, reference, beta: options.beta ?? DEFAULT_BETA });
      return plainScores(ids, encoded, policy).map((row, i) => ({ ...row, parts: { policy: policy[i]! } }));
    },
    close: async () => {},
  };
}

const DEFAULT_BETA = 0.1;

function checkOptions({ beta, referenceName, modelName, server }: RemoteTeacherOptions): void {
  const issues: string[] = [];
  if (beta !== undefined && !(beta > 0 && Number.isFinite(beta)))
    issues.push(`remote teacher: beta is out of range, expected above 0, got ${beta}.`);
  if (beta !== undefined && referenceName === undefined)
    issues.push("remote teacher: beta has no effect without a reference. Name one, or leave beta out.");
  if (modelName === referenceName)
    issues.push(
      `remote teacher: policy and reference are both ${modelName}, so every pair would be a tie. Name the model before preference training as the reference.`,
    );
  if (server !== undefined && !SERVER_KINDS.includes(server))
    issues.push(`remote teacher: expected server ${SERVER_KINDS.join(", ")}, got ${String(server)}.`);
  if (issues.length > 0) throw new ConfigError(issues);
}

type Listed = { readonly id?: unknown; readonly max_model_len?: unknown; readonly digest?: unknown };

/** Looks the models up in the server's list, where it has one; their digests, where it knows them. */
async function checkModels(
  http: HttpClient,
  { kind }: ServerFacts,
  models: readonly string[],
  limits: TokenLimits,
  signal: AbortSignal,
): Promise<(string | undefined)[]> {
  // SGLang does not list its adapters, and not every server with an echo lists its models.
  if (kind === "sglang") return models.map(() => undefined);
  if (kind === "openai-echo" && (await http.look("/v1/models", signal)).status !== 200)
    return models.map(() => undefined);
  const data = await http.ask({
    path: "/v1/models",
    read: (value) => {
      const { data: list } = (value ?? {}) as { data?: unknown };
      return Array.isArray(list) ? (list as Listed[]) : undefined;
    },
    expected: "a list of models",
    signal,
  });
  return models.map((name) => {
    const found = data.find(({ id }) => id === name);
    if (found === undefined)
      throw new ConfigError(
        `remote teacher: ${http.url} does not serve ${name}, expected one of ${data.map(({ id }) => String(id)).join(", ")}.`,
      );
    // vLLM writes a token after every prompt, and wants room for it.
    const most = Number(found.max_model_len ?? Number.POSITIVE_INFINITY) - (kind === "vllm" ? 1 : 0);
    if (limits.maxLength > most)
      throw new ConfigError(
        `remote teacher: ${name} has room for ${most} tokens, expected at least max_length ${limits.maxLength}. Lower it, or serve with a larger --max-model-len.`,
      );
    return typeof found.digest === "string" ? found.digest : undefined;
  });
}

/** @throws AlignError when policy and reference give the same numbers */
async function probeAll(
  server: Parameters<typeof probe>[0],
  tokenizer: Tokenizer,
  models: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const found: number[][] = [];
  for (const model of models) found.push(await probe(server, tokenizer, model, signal));
  const [policy, reference] = found;
  if (reference?.every((logp, i) => logp === policy![i]))
    throw new AlignError(
      "remote",
      `${server.http.url}: ${models.join(" and ")} give the same log-probabilities, so every pair would be a tie. Is the adapter loaded?`,
    );
}

async function songOf(
  scorer: RemoteScorer,
  texts: readonly GivenText[],
  models: readonly string[],
  signal: AbortSignal,
): Promise<Song> {
  const song: Record<string, readonly (readonly number[])[]> = {};
  for (const model of models) song[model] = await scorer.logps(model, texts, signal);
  return song;
}

function manifestOf(
  { limits, modelName, referenceName, beta = DEFAULT_BETA }: RemoteTeacherOptions,
  { kind, version }: ServerFacts,
  tokenizer: Tokenizer,
  [policy, reference]: readonly (string | undefined)[],
): TeacherManifest {
  return {
    kind: "remote",
    code: "1",
    lengthUnit: "tokens",
    tokenizer: tokenizer.digest,
    template: tokenizer.chatTemplate?.digest ?? null,
    limits,
    ...(policy === undefined ? {} : { policy }),
    ...(reference === undefined ? {} : { reference }),
    ...(referenceName === undefined ? {} : { beta }),
    settings: { server: kind, version, model: modelName, reference: referenceName ?? null },
  };
}

/** log π of candidates a and b of each pair. Equal candidates are asked for once; one without tokens is not asked for and gets 0. */
async function candidateSums(
  scorer: RemoteScorer,
  model: string,
  encoded: readonly EncodedPair[],
  pairs: readonly CandidatePair[],
  signal: AbortSignal,
): Promise<CandidateLogps[]> {
  const texts: GivenText[] = [];
  const places = encoded.map(({ prompt, a, b, flags }) => {
    const place = (ids: readonly number[]) =>
      ids.length === 0 ? undefined : texts.push({ ids: [...prompt, ...ids], from: prompt.length }) - 1;
    const first = place(a);
    return [first, flags.includes("identical") ? first : place(b)] as const;
  });
  const sums = await scorer.sums(model, texts, signal);
  return places.map((sides, i) => {
    const numbers = sides.map((place) => (place === undefined ? 0 : sums[place]!));
    if (!numbers.every(Number.isFinite))
      throw new NumericsError(
        `remote teacher: pair ${pairs[i]!.id}`,
        `a score is not finite, got ${numbers}.`,
      );
    return numbers as [number, number];
  });
}
