/** GPT-Neo: scores are not scaled, every other layer sees a local window, q/k/v have no bias. */
import { add } from "../../graph/ops/elementwise.ts";
import { gatherRows } from "../../graph/ops/gather.ts";
import type { ConfigReader } from "../config.ts";
import { dropouts, harmless } from "../config-keys.ts";
import { activate } from "../context.ts";
import type { Decoder, Family } from "../family.ts";

/** GPTNeoForCausalLM. */
export const gptNeo: Family = {
  modelType: "gpt_neo",
  languageModel: "GPTNeoForCausalLM",
  rewardModel: "GPTNeoForSequenceClassification",
  prefix: "transformer.",
  loraTargets: ["q_proj", "v_proj"],
  harmless: {
    ...dropouts("resid_dropout", "embed_dropout", "attention_dropout", "classifier_dropout"),
    ...harmless(
      "left over from GPT-2's config; the class has no such head",
      "summary_type",
      "summary_use_proj",
      "summary_activation",
      "summary_proj_to_labels",
      "summary_first_dropout",
    ),
  },
  configure,
};

function configure(json: ConfigReader): Decoder {
  const hiddenSize = json.size("hidden_size", 2048);
  const heads = json.size(["num_heads", "num_attention_heads"], 16);
  const config = {
    vocabSize: json.size("vocab_size", 50257),
    hiddenSize,
    embeddingSize: hiddenSize,
    layers: json.layers(["num_layers", "num_hidden_layers"], 24),
    heads,
    kvHeads: heads,
    headDim: hiddenSize / heads,
    intermediateSize: json.size("intermediate_size", 4 * hiddenSize),
    maxPositions: json.size("max_position_embeddings", 2048),
    tied: json.flag("tie_word_embeddings", true),
    normEpsilon: json.number("layer_norm_epsilon", 1e-5),
    activation: json.activation("activation_function", "gelu_new"),
  };
  const { vocabSize, maxPositions, headDim, intermediateSize, normEpsilon, activation } = config;
  const local = attentionKinds(json, config.layers).map((kind) => kind === "local");
  const windowSize = json.size("window_size", 256);
  return {
    config,
    embeddingName: "transformer.wte.weight",
    headName: "lm_head.weight",
    embed: (m) => {
      const tokens = m.weight("transformer.wte.weight", [vocabSize, hiddenSize]);
      const places = m.weight("transformer.wpe.weight", [maxPositions, hiddenSize]);
      return add(gatherRows(tokens, m.ids), gatherRows(places, m.positions));
    },
    block: (m, x, layer) => {
      const name = `transformer.h.${layer}`;
      const normal = m.layerNorm(x, `${name}.ln_1`, normEpsilon);
      const [q, k, v] = ["q_proj", "k_proj", "v_proj"].map((part) =>
        m.linear(normal, `${name}.attn.attention.${part}`, hiddenSize),
      );
      const window = local[layer] ? windowSize : undefined;
      const mixed = m.attention(q!, k!, v!, { layer, heads, kvHeads: heads, headDim, scale: 1, window });
      const y = add(x, m.linear(mixed, `${name}.attn.attention.out_proj`, hiddenSize, { bias: true }));
      const normalY = m.layerNorm(y, `${name}.ln_2`, normEpsilon);
      const up = activate(
        m.linear(normalY, `${name}.mlp.c_fc`, intermediateSize, { bias: true }),
        activation,
      );
      return add(y, m.linear(up, `${name}.mlp.c_proj`, hiddenSize, { bias: true }));
    },
    finish: (m, x) => m.layerNorm(x, "transformer.ln_f", normEpsilon),
  };
}

/** "global" or "local" per layer, from `attention_layers` or the run-length `attention_types`. */
function attentionKinds(json: ConfigReader, layers: number): string[] {
  const listed = json.raw("attention_layers");
  const runs = json.raw("attention_types") ?? [[["global", "local"], layers / 2]];
  const kinds = Array.isArray(listed) ? listed : rolledOut(runsOf(json, runs, layers));
  const said = Array.isArray(listed) && json.has("attention_types") ? runsOf(json, runs, layers) : [];
  if (said.length > 0) json.agrees("attention_layers", "attention_types, rolled out", rolledOut(said));
  if (kinds.length !== layers || !kinds.every((kind) => kind === "global" || kind === "local"))
    throw json.error("attention_types", `"global" or "local" for each of ${layers} layers`, kinds);
  return kinds;
}

const rolledOut = (runs: readonly [string[], number][]): string[] =>
  runs.flatMap(([pattern, times]) => Array.from({ length: times }, () => pattern).flat());

/** Pairs of a pattern and how often it comes. @throws CheckpointError when there is something else, or more than there are layers */
function runsOf(json: ConfigReader, runs: unknown, layers: number): [string[], number][] {
  const isRun = (run: unknown) =>
    Array.isArray(run) && Array.isArray(run[0]) && run[0].length <= layers && run[1] >= 0 && run[1] <= layers;
  if (!Array.isArray(runs) || runs.length > layers || !runs.every(isRun))
    throw json.error("attention_types", `patterns with how often each comes, for ${layers} layers`, runs);
  return runs as [string[], number][];
}
