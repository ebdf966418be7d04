/**
 * Keys of `config.json` that change no number here, each with its reason. Whatever is neither read by a family nor listed
 * here is refused by name; docs/config-keys.md is made from these tables.
 */
import type { HarmlessKey, HarmlessKeys } from "./config.ts";

/** A row of the table for each of several keys with one reason. */
export function harmless(why: string, ...keys: string[]): HarmlessKeys {
  return Object.fromEntries(keys.map((key) => [key, { why }]));
}

/** A key that changes nothing while it is off. */
export function harmlessWhen(expected: string, holds: (value: unknown) => boolean, why: string): HarmlessKey {
  return { why, holds, expected };
}

const isOff = (value: unknown): boolean =>
  value === false ||
  value === 0 ||
  (typeof value === "object" && value !== null && Object.keys(value).length === 0);

/** Dropout of a model. @see docs/families.md, "Dropout" */
export const dropouts = (...keys: string[]): HarmlessKeys =>
  harmless(
    "dropout acts while training only; a model's own dropout is not applied here when it trains (where TRL applies it: docs/interop.md)",
    ...keys,
  );

/** True for every family and encoder. */
export const COMMON_HARMLESS: HarmlessKeys = {
  ...harmless("says where the file came from", "_name_or_path", "name_or_path", "_commit_hash"),
  ...harmless("says who wrote the file", "transformers_version", "unsloth_version", "unsloth_fixed"),
  ...harmless("notes for other programs", "transformers.js_config", "is_llama_config", "tokenizer_class"),
  ...harmless(
    "names code of its own, which is not run; the family's own is computed, as transformers does without trust_remote_code",
    "auto_map",
  ),
  ...harmless(
    "how transformers runs it, not what it computes",
    "use_cache",
    "cache_implementation",
    "attn_implementation",
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_experts_implementation",
    "gradient_checkpointing",
    "chunk_size_feed_forward",
    "pretraining_tp",
    "torchscript",
    "use_bfloat16",
    "return_dict",
    "use_return_dict",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "tf_legacy_loss",
    "reorder_and_upcast_attn",
  ),
  ...harmless("weights are drawn with it once", "initializer_range", "initializer_factor", "init_std"),
  ...harmless(
    "tokens are the tokenizer's and the recipe's to choose",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "sep_token_id",
    "cls_token_id",
    "mask_token_id",
    "unk_token_id",
    "decoder_start_token_id",
    "prefix",
    "model_max_length",
    "max_sequence_length",
  ),
  ...harmless(
    "a setting of generation; recipes and flags say those",
    "bad_words_ids",
    "begin_suppress_tokens",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "exponential_decay_length_penalty",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "length_penalty",
    "max_length",
    "max_new_tokens",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_scores",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict_in_generate",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
  ),
  ...harmless(
    "names of labels and the loss they were trained with",
    "label2id",
    "problem_type",
    "finetuning_task",
  ),
  is_decoder: { why: "a decoder is one, whatever it is called" },
  ...Object.fromEntries(
    [
      "is_encoder_decoder",
      "add_cross_attention",
      "tie_encoder_decoder",
      "pruned_heads",
      "cross_attention_hidden_size",
    ].map((key) => [key, harmlessWhen("off (nothing of the kind is computed)", isOff, "off")]),
  ),
};
