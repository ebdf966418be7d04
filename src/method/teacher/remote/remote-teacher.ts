/**
 * A teacher whose models run elsewhere: behind vLLM, SGLang, an OpenAI-style `echo`, or this project's own server. Texts become token ids
 * here, as for local teachers; the server only adds up log-probabilities, under the policy and, for implicit rewards, under its reference.
 */
import { join } from "node:path";
import { digestOf } from "../../../base/core/digest.ts";
import { AlignError, ConfigError } from "../../../base/core/errors.ts";
import { type HttpClient, type HttpOptions, openHttp } from "../../../base/core/http.ts";
import type { TokenLimits } from "../../../engine/text/pair.ts";
import { loadTokenizer, type Tokenizer } from "../../../engine/text/tokenizer.ts";
import { encodePairs } from "../encode.ts";
import { implicitRewards, plainScores } from "../logratio.ts";
import { type Teacher, type TeacherManifest, teacherDigest } from "../teacher.ts";
import { checkSong, hearLogps, rememberSong, type Song } from "./canary.ts";
import { candidateNumbers } from "./candidates.ts";
import { detectServer, type ServerFacts } from "./detect.ts";
import { findListed, listedModels } from "./listed.ts";
import { type GivenText, SERVER_KINDS, type ServerKind } from "./protocol.ts";
import { canaryTexts, openRemoteScorer, probe, type RemoteScorer } from "./scorer.ts";

/** How to open a remote teacher. */
export type RemoteTeacherOptions = HttpOptions & {
  /** Default: found out. */
  readonly server?: ServerKind | undefined;
  /** The policy's name at the server. */
  readonly model: string;
  /** The reference's name at the server; without one the scores are likelihoods. */
  readonly reference?: string | undefined;
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
  const { limits, model, reference, signal = new AbortController().signal } = options;
  checkOptions(options);
  const url = options.url.replace(/\/+$/, "").replace(/\/v1$/, "");
  const http = openHttp("remote teacher", { ...options, url }, MAX_REPLY_BYTES);
  const tokenizer = await loadTokenizer(options.tokenizer);
  const facts = await detectServer(http, options.server, signal);
  const scorer = openRemoteScorer(http, facts);
  const models = [model, ...(reference === undefined ? [] : [reference])];
  const digests = await checkModels(http, facts, models, limits, signal);
  await probeAll({ http, scorer, facts }, tokenizer, models, signal);
  const sing = (at: AbortSignal) => songOf(scorer, canaryTexts(tokenizer), models, at);
  const song = await sing(signal);
  const voices = digestOf({ models, kind: facts.kind, tokenizer: tokenizer.digest }).slice(0, 12);
  await rememberSong(http.url, hearLogps, join(options.memory, `canary-${voices}.json`), song);
  const manifest = manifestOf(options, facts, tokenizer, digests);
  return {
    name: options.name ?? `remote-${teacherDigest(manifest).slice(0, 12)}`,
    manifest,
    async scorePairs(pairs, outer) {
      const at = outer ?? signal;
      const encoded = encodePairs(tokenizer, pairs, limits);
      const ids = pairs.map(({ id }) => id);
      const sums = (name: string) => candidateNumbers(encoded, ids, (texts) => scorer.sums(name, texts, at));
      const policy = await sums(model);
      const base = reference === undefined ? undefined : await sums(reference);
      // These scores count only if the models are still what they were before them.
      checkSong(http.url, hearLogps, song, await sing(at), "when this labelling began");
      if (base !== undefined)
        return implicitRewards(ids, encoded, {
          ...{ policy, reference: base },
          beta: options.beta ?? DEFAULT_BETA,
        });
      return plainScores(ids, encoded, policy).map((row, i) => ({ ...row, parts: { policy: policy[i]! } }));
    },
    close: async () => {},
  };
}

const DEFAULT_BETA = 0.1;

function checkOptions({ beta, reference, model, server }: RemoteTeacherOptions): void {
  const issues: string[] = [];
  if (beta !== undefined && !(beta > 0 && Number.isFinite(beta)))
    issues.push(`remote teacher: beta is out of range, expected above 0, got ${beta}.`);
  if (beta !== undefined && reference === undefined)
    issues.push("remote teacher: beta has no effect without a reference. Name one, or leave beta out.");
  if (model === reference)
    issues.push(
      `remote teacher: policy and reference are both ${model}, so every pair would be a tie. Name the model before preference training as the reference.`,
    );
  if (server !== undefined && !SERVER_KINDS.includes(server))
    issues.push(`remote teacher: expected server ${SERVER_KINDS.join(", ")}, got ${String(server)}.`);
  if (issues.length > 0) throw new ConfigError(issues);
}

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
    read: listedModels,
    expected: "a list of models",
    signal,
  });
  return models.map((model) => {
    // vLLM writes a token after every prompt, and wants room for it.
    const need = { model, length: limits.maxLength, spare: kind === "vllm" ? 1 : 0 };
    const found = findListed("remote teacher", http.url, data, need);
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
  { limits, model, reference, beta = DEFAULT_BETA }: RemoteTeacherOptions,
  { kind, version }: ServerFacts,
  tokenizer: Tokenizer,
  digests: readonly (string | undefined)[],
): TeacherManifest {
  const [policy, base] = digests;
  return {
    kind: "remote",
    code: "1",
    lengthUnit: "tokens",
    tokenizer: tokenizer.digest,
    template: tokenizer.chatTemplate?.digest ?? null,
    limits,
    policy,
    reference: base,
    beta: reference === undefined ? undefined : beta,
    settings: { server: kind, version, model, reference: reference ?? null },
  };
}
