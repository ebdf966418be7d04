/** A tiny ModernBERT reward model with drawn weights and the tokenizer of `tiny-encoder.ts`. */

import { createRng } from "../../src/base/core/rng.ts";
import { writeModelFolder } from "../../src/engine/checkpoint/write-model.ts";
import { describeEncoder } from "../../src/engine/model/encoders/index.ts";
import { encoderTokenizerFiles } from "./tiny-encoder.ts";

/** As the first checkpoints on the hub spell it: one layer in two sees everything, windows of 3 to each side. */
export const MODERNBERT_CONFIG = {
  model_type: "modernbert",
  architectures: ["ModernBertForSequenceClassification"],
  vocab_size: 160,
  hidden_size: 16,
  intermediate_size: 12,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  max_position_embeddings: 64,
  local_attention: 6,
  global_attn_every_n_layers: 2,
  global_rope_theta: 160000.0,
  local_rope_theta: 10000.0,
  classifier_pooling: "mean",
  layer_norm_eps: 1e-5,
  norm_eps: 1e-5,
  position_embedding_type: "absolute",
  torch_dtype: "float32",
  id2label: { 0: "LABEL_0" },
  label2id: { LABEL_0: 0 },
  pad_token_id: 0,
};

/** Writes it at `folder`; equal configs and scales of the weights give equal bytes. */
export async function writeTinyModernBert(folder: string, changes: object = {}, scale = 0.4): Promise<void> {
  const config = { ...MODERNBERT_CONFIG, ...changes };
  const rng = createRng(11);
  const tensors = [...describeEncoder(config)!.scores().context.parameters()].map(([name, { shape }]) => {
    const sizes = shape as readonly number[];
    const draw = rng.fork(name);
    const centre = /norm\.weight$/.test(name) ? 1 : 0;
    const data = new Float32Array(sizes.reduce((a, b) => a * b, 1)).map(() => centre + scale * draw.normal());
    return { name, shape: sizes, data };
  });
  await writeModelFolder(folder, { config, tensors, files: encoderTokenizerFiles() });
}
