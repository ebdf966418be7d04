/** What a model family must say about itself. */
import type { Tensor } from "../graph/tensor.ts";
import type { ConfigReader, DecoderConfig, HarmlessKeys } from "./config.ts";
import type { ModelContext } from "./context.ts";

/** A decoder of one family, configured. */
export interface Decoder {
  readonly config: DecoderConfig;
  /** Token (and position) embeddings of `context.ids`: `[N, C]`. */
  embed(context: ModelContext): Tensor;
  /** One layer: x `[N, C]` → `[N, C]`. */
  block(context: ModelContext, x: Tensor, layer: number): Tensor;
  /** What follows the last layer, usually a norm: `[N, C]` → `[N, E]`, E the embedding size. */
  finish(context: ModelContext, x: Tensor): Tensor;
  /** Name of the token embedding, also the head's when tied. */
  readonly embeddingName: string;
  /** Name of the head's own weight, when untied. */
  readonly headName: string;
  /** Gemma 2: logits are capped. */
  readonly logitCap?: number | undefined;
  /** Granite: logits are multiplied by this. */
  readonly logitScale?: number | undefined;
  /** LongRoPE: sequences of more tokens than this turn at other frequencies, from their first token on. */
  readonly longOver?: number | undefined;
}

/** A multimodal checkpoint that holds a text model of a family. */
export type Container = {
  /** `model_type` of the whole. */
  readonly modelType: string;
  /** Class names in `architectures` of the whole. */
  readonly languageModel: string;
  readonly rewardModel: string;
  /** How tensors of the text model begin: those of its trunk, and its head. Several layouts have been written. */
  readonly prefixes: readonly { readonly trunk: string; readonly head: string }[];
  /** Names of tensors that belong to the rest. */
  readonly rest: RegExp;
  /** Keys of the text model that the language model's own class follows and the whole's does not. */
  readonly textOnly: readonly string[];
  readonly harmless: HarmlessKeys;
};

/** A model family. */
export interface Family {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** Class names in `architectures`. */
  readonly languageModel: string;
  readonly rewardModel: string;
  /** First part of parameter names, which older hub files leave out. */
  readonly prefix: string;
  /** Projections PEFT adapts by default. */
  readonly loraTargets: readonly string[];
  /** Padding where the config says none, if the class has one: a reward model's score is read at the last other token. */
  readonly padToken?: number;
  /** Keys of config.json that change nothing in this family, beside `COMMON_HARMLESS`. */
  readonly harmless: HarmlessKeys;
  /** The multimodal checkpoint this family's models also come in. */
  readonly container?: Container;
  configure(config: ConfigReader): Decoder;
}
