/**
 * Trained reward models as gold scorers: decoders with a scalar head read at the last token, and encoders (DeBERTa v2/v3, ModernBERT)
 * read at [CLS] or over all tokens. Which of the two a folder holds is told from its config.json.
 */
import { z } from "zod";
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import type { Log } from "../../base/core/log.ts";
import {
  type EncoderModel,
  loadEncoder,
  loadEncoderConfig,
  releaseEncoder,
  scoreSequences,
} from "../../engine/checkpoint/load-encoder.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { modelIdentity } from "../../engine/checkpoint/model-identity.ts";
import type { PackedBits } from "../../engine/graph/packed.ts";
import { type Model, releaseModel } from "../../engine/model/model.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { encodePrompt, encodePromptResponse, type TokenLimits } from "../../engine/text/pair.ts";
import { ENCODER_SPECIALS, encodeTextPair } from "../../engine/text/text-pair.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { plainText, type Text } from "../data/rows.ts";
import { conversationOf } from "../data/transcript.ts";
import { openScorer } from "../objective/score.ts";
import {
  inFewBits,
  type PrecisionSettings,
  precisionOf,
  precisionSchema,
} from "../teacher/precision-settings.ts";
import { bitsFor } from "../teacher/teacher-model.ts";
import { type CutCheck, comparedFirst, type GoldReader } from "./gold-precision.ts";
import type { GoldItem, GoldScorer } from "./gold-scorer.ts";

const tokens = (least: number) => z.number().int().min(least).optional();

/** How a reward model reads, wherever it runs. */
export const readingShape = {
  maxPromptLength: tokens(1).describe("Most tokens of a prompt; default maxLength / 2."),
  reads: z
    .enum(["auto", "chat", "text"])
    .default("auto")
    .describe(
      "chat: a transcript, or any text as one turn, is put into the model's own chat template; text: read as it stands; auto: chat where the model has a template. Encoders read two texts.",
    ),
  tooLong: z
    .enum(["fail", "truncate", "cut-prompt"])
    .default("fail")
    .describe(
      "What to do with a row that does not fit: stop, score what is left of it, or (cut-prompt) keep the response whole and cut the prompt's begin to the room that is left.",
    ),
  trainedOn: z
    .array(z.string())
    .default([])
    .describe("Datasets the model was trained on; it is flagged on these."),
};

/** What a gold scorer of this machine computes with. */
export type GoldModelDeps = {
  readonly runtime: Runtime;
  /** Folder that keeps how servers' canaries sang and what few bits changed; none: neither is known to the next process. */
  readonly memory?: string | undefined;
  readonly log?: Log | undefined;
};

/** Settings of a reward model in a `gold` entry, beside its type and name. */
export const rewardModelShape = {
  model: z
    .string()
    .min(1)
    .describe(
      "Folder (or hub:Owner/name) of a *ForSequenceClassification model with one label: a decoder, deberta-v2 or modernbert.",
    ),
  maxLength: tokens(2).describe("Most tokens of prompt and response; default the model's."),
  ...readingShape,
  precision: precisionSchema,
};

const schema = z.strictObject(rewardModelShape);

/** Which reward model and how it reads. */
export type RewardModelSpec = Omit<z.output<typeof schema>, "precision"> & {
  readonly type: "reward-model";
  readonly name?: string | undefined;
  /** Default float32. */
  readonly precision?: PrecisionSettings | undefined;
};

/** What reads items of one kind of model. */
type Reader = {
  readonly maxPositions: number;
  /** Settings beside model, tokenizer and limits that scores depend on. */
  readonly facts: Readonly<Record<string, unknown>>;
  score(items: readonly GoldItem[], limits: TokenLimits, cut: CutCheck): Promise<number[]>;
  close(): Promise<void>;
};

/** What a reader is opened for. */
type Opening = {
  readonly spec: RewardModelSpec;
  readonly tokenizer: Tokenizer;
  /** For messages. */
  readonly where: string;
  readonly bits: PackedBits | undefined;
};

/**
 * Opens a reward model.
 * @param options.onCut - told of the index of every item that lost tokens, with `tooLong: "truncate"`
 * @throws CheckpointError when the folder is wrong; ConfigError when it holds no reward model, and from `score` for a row
 *   that does not fit with `tooLong: "fail"`
 */
export async function openRewardModel(
  { runtime, memory, log }: GoldModelDeps,
  spec: RewardModelSpec,
  options: { readonly onCut?: (index: number) => void } = {},
): Promise<GoldScorer> {
  const where = `gold scorer ${spec.name ?? spec.model}`;
  const tokenizer = await loadTokenizer(spec.model);
  const openKind = (await loadEncoderConfig(spec.model)) ? openEncoder : openDecoder;
  const open = (bits?: PackedBits) => openKind(runtime, { spec, tokenizer, where, bits });
  const { precision: few } = inFewBits(spec.precision);
  const opened = await open(bitsFor(runtime, few?.kind));
  const limits = rewardLimits(spec, opened.maxPositions);
  const limited = (reader: Reader): GoldReader => ({
    score: (items, cut) => reader.score(items, limits, cut),
    close: reader.close,
  });
  const read = { type: spec.type, model: await modelIdentity(spec.model), ...opened.facts, ...limits };
  const reader =
    few === undefined
      ? limited(opened)
      : comparedFirst({ where, few, identity: read, memory, log }, limited(opened), async () =>
          limited(await open()),
        );
  return {
    name: spec.name ?? "reward-model",
    digest: digestOf({ ...read, ...precisionOf(few) }),
    trainedOn: spec.trainedOn,
    score: (items) => reader.score(items, cutCheck(where, spec.tooLong, limits, options.onCut)),
    close: reader.close,
  };
}

/** Token limits of a reward model of so many positions. */
export function rewardLimits(
  { maxLength: most, maxPromptLength }: Pick<RewardModelSpec, "maxLength" | "maxPromptLength">,
  positions: number,
): TokenLimits {
  const maxLength = Math.min(most ?? positions, positions);
  return { maxLength, maxPromptLength: maxPromptLength ?? Math.max(1, maxLength >> 1) };
}

/** Tokens of a prompt as the reward model reads it, with those that it puts around the texts of a row. @param encoder - whether it reads two texts */
export function promptTokens(
  tokenizer: Tokenizer,
  spec: Pick<RewardModelSpec, "reads" | "model">,
  prompt: Text,
  encoder: boolean,
): number {
  if (encoder) return tokenizer.encode(plainText(prompt)).length + ENCODER_SPECIALS;
  const read = readsChat(spec, tokenizer, spec.model) ? conversationOf(prompt) : prompt;
  return encodePrompt(tokenizer, read, WHOLE).prompt.length;
}

async function openDecoder(runtime: Runtime, { spec, tokenizer, where, bits }: Opening): Promise<Reader> {
  const folder = spec.model;
  const chat = readsChat(spec, tokenizer, where);
  const model: Model = await loadModel(runtime, folder, { id: storeId(folder, bits), bits });
  if (model.task !== "reward") {
    await releaseModel(runtime, model);
    throw new ConfigError(
      `${where}: is a language model, expected a *ForSequenceClassification model with one label.`,
    );
  }
  const scorer = await openScorer(runtime, model);
  return {
    maxPositions: model.decoder.config.maxPositions,
    facts: chat ? { reads: "chat" } : {},
    async score(items, limits, cut) {
      const rows = readDecoderRows(tokenizer, spec, where, items, limits, cut);
      return (await scorer.score(rows)).map(({ rewards }) => rewards![0]!);
    },
    async close() {
      await scorer.close();
      await releaseModel(runtime, model);
    },
  };
}

/** The same model in two precisions may be open at a time. */
const storeId = (folder: string, bits: PackedBits | undefined): string =>
  `gold:${folder}${bits === undefined ? "" : `:${bits}`}`;

/** Rows of a model with a scalar head at the last token. @throws ConfigError for a row that does not fit, through `cut` */
export function readDecoderRows(
  tokenizer: Tokenizer,
  spec: Pick<RewardModelSpec, "reads" | "tooLong">,
  where: string,
  items: readonly GoldItem[],
  limits: TokenLimits,
  cut: CutCheck,
): { prompt: readonly number[]; responses: [readonly number[]] }[] {
  const chat = readsChat(spec, tokenizer, where);
  return items.map((item, index) => {
    const text = chat ? asConversation(item) : item;
    const room = spec.tooLong === "cut-prompt" ? roomBeside(tokenizer, text, limits) : limits;
    const { prompt, response, flags } = encodePromptResponse(tokenizer, text, room);
    cut(index, flags);
    return { prompt, responses: [response] };
  });
}

/** Whether texts are put into the model's chat template. @throws ConfigError when they should be and there is none */
function readsChat(
  { reads }: Pick<RewardModelSpec, "reads">,
  { chatTemplate }: Tokenizer,
  where: string,
): boolean {
  if (reads === "chat" && chatTemplate === undefined)
    throw new ConfigError(`${where}: reads: chat needs a chat template, and the model has none. Use text.`);
  return reads !== "text" && chatTemplate !== undefined;
}

function asConversation({ prompt, response }: GoldItem): GoldItem {
  return {
    prompt: conversationOf(prompt),
    response: typeof response === "string" ? response.trim() : response,
  };
}

/** Limits that leave a prompt what its whole response does not take. @throws ConfigError as `encodePromptResponse` */
function roomBeside(tokenizer: Tokenizer, item: GoldItem, { maxLength }: TokenLimits): TokenLimits {
  const whole = { maxLength: WHOLE + 1, maxPromptLength: WHOLE };
  const { response } = encodePromptResponse(tokenizer, item, whole);
  return { maxLength, maxPromptLength: Math.max(1, Math.min(maxLength - 1, maxLength - response.length)) };
}

/** More tokens than any text has. */
const WHOLE = 2 ** 30;

/** Conversations are read as plain text, turns on lines of their own: an encoder has no template. */
async function openEncoder(
  runtime: Runtime,
  { spec: { model: folder, reads, tooLong }, tokenizer, where, bits }: Opening,
): Promise<Reader> {
  if (reads === "chat")
    throw new ConfigError(
      `${where}: reads: chat has no use for an encoder, which reads two texts. Use text.`,
    );
  const model: EncoderModel = await loadEncoder(runtime, folder, { id: storeId(folder, bits), bits });
  return {
    maxPositions: model.encoder.maxPositions,
    facts: { reads: "text-pair" },
    async score(items, limits, cut) {
      const sequences = items.map(({ prompt, response }, index) => {
        const texts = { prompt: plainText(prompt), response: plainText(response) };
        const left = limits.maxLength - ENCODER_SPECIALS - tokenizer.encode(texts.response).length;
        const room = tooLong === "cut-prompt" ? { ...limits, maxPromptLength: Math.max(1, left) } : limits;
        const { ids, types, flags } = encodeTextPair(tokenizer, texts, room);
        cut(index, flags);
        return { ids, types };
      });
      return scoreSequences(runtime, model, sequences);
    },
    close: () => releaseEncoder(runtime, model),
  };
}

/** Stops at the first row that does not fit, unless the settings say otherwise. @param onCut - told of every row that lost tokens */
export function cutCheck(
  where: string,
  tooLong: RewardModelSpec["tooLong"],
  limits: TokenLimits,
  onCut: ((index: number) => void) | undefined,
): CutCheck {
  return (index, flags) => {
    const cut = flags.find(
      (flag) => flag.startsWith("truncated") && (tooLong !== "cut-prompt" || flag !== "truncated_prompt"),
    );
    if (cut !== undefined && tooLong !== "truncate")
      throw new ConfigError(
        `${where}: row ${index} does not fit (${cut}), expected at most ${limits.maxLength} tokens, ${limits.maxPromptLength} of them ` +
          'the prompt\'s. Raise maxLength or maxPromptLength, or set tooLong: "truncate" or "cut-prompt".',
      );
    if (flags.some((flag) => flag.startsWith("truncated"))) onCut?.(index);
  };
}
