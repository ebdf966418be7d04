/** Makes the material of a preference world: candidate responses sampled from a model, and their gold scores. */
import { z } from "zod";
import { InterruptedError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { count } from "../../base/settings/parts.ts";
import { type GenerateOptions, generate } from "../../engine/model/generate.ts";
import type { Model } from "../../engine/model/model.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { encodePrompt } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import type { Text } from "../data/rows.ts";
import { promptId } from "../data/rows.ts";
import type { PromptCandidates } from "../split/world.ts";
import type { GoldScorer } from "./gold.ts";

/** Sampling, as in evaluation and in a made-up world. */
export const samplingFields = (temperature: number) => ({
  maxNewTokens: count.default(256).describe("Most tokens of a response."), // WDPO A.2
  temperature: z
    .number()
    .min(0)
    .default(temperature)
    .describe("Softness of sampling; 0 takes the likeliest token each time."),
  topK: count.optional().describe("Sample among the k likeliest tokens only."),
  topP: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe("Sample among the fewest tokens that sum to this probability."),
  stop: z.array(z.string().min(1)).optional().describe("Texts that end a response."),
});

const samplingSchema = z.object(samplingFields(1));

type Drawn = Pick<z.output<typeof samplingSchema>, "temperature" | "topK" | "topP"> & {
  readonly perPrompt?: number | undefined;
};

/** Refuses what temperature 0 leaves without effect: it draws nothing, so there is nothing to draw among, and every response is the same. */
export function refuseGreedy(
  { temperature, topK, topP, perPrompt = 1 }: Drawn,
  context: z.RefinementCtx,
): void {
  if (temperature !== 0) return;
  const refuse = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
  for (const [key, value] of Object.entries({ topK, topP }))
    if (value !== undefined)
      refuse(key, "has no effect with temperature 0, which takes the likeliest token each time. Remove it.");
  if (perPrompt > 1)
    refuse(
      "perPrompt",
      `expected 1 with temperature 0, which writes the same response ${perPrompt} times, got ${perPrompt}.`,
    );
}

/** How responses are sampled. */
export type SamplingSettings = Readonly<z.output<typeof samplingSchema>> & {
  readonly seed: number;
  /** Responses per prompt, default 1. */
  readonly perPrompt?: number | undefined;
  /** Most tokens of a prompt; default what the model's positions leave. */
  readonly maxPromptLength?: number | undefined;
  /** Sequences computed at once, default 96. */
  readonly batchSize?: number | undefined;
};

/** What work may use and tell. */
export type EvaluateDeps = {
  readonly runtime: Runtime;
  readonly log?: Log | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** One sampled response: its text, its ids as sampled (without EOS), and the ids it followed. */
export type Sample = {
  /** Index of its prompt. */
  readonly index: number;
  /** 0, 1, … among the responses to one prompt. */
  readonly sample: number;
  readonly promptIds: readonly number[];
  readonly ids: readonly number[];
  readonly text: string;
  readonly finish: "eos" | "stop" | "length";
  /** True when the prompt lost tokens at its begin. */
  readonly promptTruncated: boolean;
};

/**
 * Samples responses. Each draws from a stream named by the seed, its prompt's text and its number, so that models asked
 * with one seed get common random numbers, and a prompt's responses do not depend on what else is asked.
 * @returns `perPrompt` samples of the first prompt, then of the second, …
 * @throws ConfigError as `generate` and `encodePrompt`; InterruptedError when `signal` is aborted
 */
export async function sampleResponses(
  { runtime, log = silentLog, signal }: EvaluateDeps,
  model: Model,
  tokenizer: Tokenizer,
  prompts: readonly Text[],
  settings: SamplingSettings,
): Promise<Sample[]> {
  const { perPrompt = 1, maxNewTokens, stop, seed, temperature, topK, topP, batchSize } = settings;
  const room = Math.max(1, model.decoder.config.maxPositions - maxNewTokens);
  const longest = Math.min(settings.maxPromptLength ?? room, room);
  const encoded = prompts.map((prompt) => encodePrompt(tokenizer, prompt, longest));
  const asked = prompts.flatMap((prompt, index) =>
    Array.from({ length: perPrompt }, (_, sample) => ({
      index,
      sample,
      name: `${promptId(prompt)}/${sample}`,
    })),
  );
  const progress = log.progress("generate", asked.length * maxNewTokens, "tokens");
  let written = 0;
  const options: GenerateOptions = {
    maxNewTokens,
    temperature,
    topK,
    topP,
    stop:
      stop === undefined || stop.length === 0
        ? undefined
        : { strings: stop, decode: (ids) => tokenizer.decode(ids) },
    eosIds: tokenizer.eosIds,
    seed,
    sequenceIds: asked.map(({ name }) => name),
    batchSize,
    onToken: () => {
      if (signal?.aborted) throw new InterruptedError("generate");
      progress.update(++written);
    },
  };
  const results = await generate(
    runtime,
    model,
    asked.map(({ index }) => encoded[index]!.prompt),
    options,
  );
  progress.end();
  return asked.map(({ index, sample }, i) => {
    const { prompt: promptIds, flags } = encoded[index]!;
    const { ids, finish } = results[i]!;
    const text = tokenizer.decodeAfter(promptIds, ids);
    return {
      index,
      sample,
      promptIds,
      ids,
      text,
      finish,
      promptTruncated: flags.includes("truncated_prompt"),
    };
  });
}

/** Candidate texts per prompt, as `sampleCandidates` gives them. */
export type SampledCandidates = { readonly prompt: string; readonly responses: readonly string[] };

/** Samples candidate responses to prompts from a model. @throws as `sampleResponses` */
export async function sampleCandidates(
  deps: EvaluateDeps,
  model: Model,
  tokenizer: Tokenizer,
  prompts: readonly string[],
  settings: SamplingSettings,
): Promise<SampledCandidates[]> {
  const { perPrompt = 2 } = settings;
  const samples = await sampleResponses(deps, model, tokenizer, prompts, { ...settings, perPrompt });
  return prompts.map((prompt, index) => ({
    prompt,
    responses: samples.slice(index * perPrompt, (index + 1) * perPrompt).map(({ text }) => text),
  }));
}

/** Adds gold scores to candidates, for `preferenceWorld`. */
export async function scoreCandidates(
  gold: GoldScorer,
  candidates: readonly SampledCandidates[],
): Promise<PromptCandidates[]> {
  const items = candidates.flatMap(({ prompt, responses }) =>
    responses.map((response) => ({ prompt, response })),
  );
  const scores = await gold.score(items);
  let at = 0;
  return candidates.map(({ prompt, responses }) => ({
    prompt,
    candidates: responses.map((text) => ({ text, gold: scores[at++]! })),
  }));
}
