/** SmolLM3: Llama without rotary positions in every fourth layer. */
import type { ConfigReader } from "../config.ts";
import { dropouts, harmless } from "../config-keys.ts";
import type { Family } from "../family.ts";
import { layerKinds, windowSize, windows } from "./layer-kinds.ts";
import { llamaDecoder } from "./llama-block.ts";
import { attentionBiases, LLAMA_DEFAULTS, llamaConfig, sameRope } from "./llama-config.ts";

const DEFAULTS = {
  ...LLAMA_DEFAULTS,
  vocabSize: 128256,
  hiddenSize: 2048,
  layers: 36,
  heads: 16,
  kvHeads: 4,
  maxPositions: 32768,
  tied: true,
};

/** SmolLM3ForCausalLM. */
export const smollm3: Family = {
  modelType: "smollm3",
  languageModel: "SmolLM3ForCausalLM",
  rewardModel: "SmolLM3ForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  padToken: 128004,
  harmless: {
    ...dropouts("attention_dropout"),
    ...harmless("written in published files, read by no code of this family", "max_window_layers"),
  },
  configure: (json) => {
    const config = llamaConfig(json, DEFAULTS);
    const turns = ropeLayers(json, config.layers);
    const slides = json.flag("use_sliding_window", false);
    const size = windowSize(json, undefined);
    const window = slides ? size : undefined;
    const kinds = layerKinds(json, config.layers, (layer) => window !== undefined && !turns[layer]);
    const rope = sameRope(json, config, { theta: 2_000_000 })();
    return llamaDecoder(config, {
      rope: (layer) => (turns[layer] ? rope : undefined),
      ...attentionBiases(json),
      mlpBias: json.flag("mlp_bias", false),
      window: windows(json, kinds, window, slides ? "sliding_window" : '"use_sliding_window": false'),
    });
  },
};

/** True for each layer with rotary positions: 1 in `no_rope_layers`, whatever its name says. */
function ropeLayers(json: ConfigReader, layers: number): boolean[] {
  const interval = json.size("no_rope_layer_interval", 4);
  if (!json.has("no_rope_layers")) return Array.from({ length: layers }, (_, i) => (i + 1) % interval !== 0);
  const listed = json.raw("no_rope_layers");
  if (!Array.isArray(listed) || listed.length !== layers || !listed.every((x) => x === 0 || x === 1))
    throw json.error("no_rope_layers", `0 or 1 for each of ${layers} layers`, listed);
  return listed.map((x) => x === 1);
}
