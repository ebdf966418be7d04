/** What a model family must say about itself. */
import type { Tensor } from "../graph/tensor.ts";
import type { ConfigReader, DecoderConfig } from "./config.ts";
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
}

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
  configure(config: ConfigReader): Decoder;
}
