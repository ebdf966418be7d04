/**
 * Rotary positions of a GGUF file in `config.json`'s words. What transformers keeps as parameters, llama.cpp's converter may have
 * turned into tensors of per-frequency factors: Llama 3's scaling (`rope_freqs`) and Phi-3's (`rope_factors_long`, `_short`).
 */
import type { GgufFile } from "./gguf-file.ts";

/** Tensors read here; they are no weights of the model. */
export const ROPE_TENSORS: readonly string[] = [
  "rope_freqs.weight",
  "rope_factors_long.weight",
  "rope_factors_short.weight",
];

/** The rotary keys of a config. */
export type RopeConfig = {
  readonly rope_theta: number;
  readonly rope_scaling: Readonly<Record<string, unknown>> | null;
  /** Phi-3 keeps it beside the scaling. */
  readonly original_max_position_embeddings?: number | undefined;
};

/**
 * Rotary base and scaling.
 * @param arch - prefix of the metadata keys
 * @param headDim - rotated width of a head
 * @throws CheckpointError when the scaling is of a kind that is not known, or factors fit no rule that transformers has
 */
export async function ropeConfig(gguf: GgufFile, arch: string, headDim: number): Promise<RopeConfig> {
  const { metadata } = gguf;
  const theta = metadata.optionalNumber(`${arch}.rope.freq_base`) ?? 10_000;
  const original = metadata.optionalNumber(`${arch}.rope.scaling.original_context_length`);
  if (gguf.tensors.has("rope_factors_long.weight"))
    return { rope_theta: theta, ...(await longRope(gguf, arch, original)) };
  if (gguf.tensors.has("rope_freqs.weight"))
    return {
      rope_theta: theta,
      rope_scaling: llama3Scaling(gguf, await gguf.read("rope_freqs.weight"), theta, headDim),
    };
  return { rope_theta: theta, rope_scaling: plainScaling(gguf, arch, original) };
}

function plainScaling(
  gguf: GgufFile,
  arch: string,
  original: number | undefined,
): RopeConfig["rope_scaling"] {
  const { metadata } = gguf;
  const key = `${arch}.rope.scaling.type`;
  const factor =
    metadata.optionalNumber(`${arch}.rope.scaling.factor`) ??
    metadata.optionalNumber(`${arch}.rope.scale_linear`);
  const type = metadata.text(key) ?? (factor === undefined || factor === 1 ? "none" : "linear");
  if (type === "none") return null;
  if (type === "linear") return factor === undefined || factor === 1 ? null : { rope_type: "linear", factor };
  if (type !== "yarn")
    throw metadata.error(key, '"none", "linear", "yarn", or factors stored as tensors', type);
  if (factor === undefined) throw metadata.error(`${arch}.rope.scaling.factor`, "a number", undefined);
  return {
    rope_type: "yarn",
    factor,
    ...(original === undefined ? {} : { original_max_position_embeddings: original }),
    ...attentionFactor(gguf, arch, 0.1 * Math.log(factor) + 1),
  };
}

/** Phi-3: factors for prompts up to the original length, and for longer ones. */
async function longRope(
  gguf: GgufFile,
  arch: string,
  original: number | undefined,
): Promise<Omit<RopeConfig, "rope_theta">> {
  const { metadata } = gguf;
  if (original === undefined)
    throw metadata.error(
      `${arch}.rope.scaling.original_context_length`,
      "a number, since rotary factors are stored",
      undefined,
    );
  metadata.text(`${arch}.rope.scaling.type`);
  const scale = metadata.number(`${arch}.context_length`) / original;
  // Su et al. in transformers' words: how much attention is scaled once the context is longer than the original one.
  const standard = scale <= 1 ? 1 : Math.sqrt(1 + Math.log(scale) / Math.log(original));
  return {
    rope_scaling: {
      rope_type: "longrope",
      long_factor: decimals(await gguf.read("rope_factors_long.weight")),
      short_factor: decimals(await gguf.read("rope_factors_short.weight")),
      ...attentionFactor(gguf, arch, standard),
    },
    original_max_position_embeddings: original,
  };
}

/** The factor on attention, where the file says another than transformers would compute. */
function attentionFactor(gguf: GgufFile, arch: string, standard: number): { attention_factor?: number } {
  const given = gguf.metadata.optionalNumber(`${arch}.rope.scaling.attn_factor`);
  // yarn's metadata may say 1, "none beside the usual one".
  if (given === undefined || given === 1 || Math.abs(given - standard) < 1e-5 * standard) return {};
  return { attention_factor: given };
}

/** Float32 factors as the decimals a config has. */
const decimals = (values: Float32Array) => [...values].map((value) => Number(value.toPrecision(7)));

/** Bounds of Llama 3's scaling, the same in all of its published models: low and high frequency factor, original length. */
const LLAMA3 = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 } as const;

/** The scaling whose factors these are: frequencies are divided by 1 at the fast end and by `factor` at the slow end. */
function llama3Scaling(
  gguf: GgufFile,
  factors: Float32Array,
  theta: number,
  headDim: number,
): RopeConfig["rope_scaling"] {
  const factor = Number(Math.max(...factors).toPrecision(6));
  if (factor === 1) return null;
  const wavelength = (i: number) => 2 * Math.PI * theta ** ((2 * i) / headDim);
  const fits = factors.every(
    (given, i) => Math.abs(given - llama3Factor(wavelength(i), factor)) < 1e-4 * given,
  );
  if (!fits || factors.length !== headDim / 2)
    throw gguf.metadata.error(
      "tensor rope_freqs.weight",
      "the factors of Llama 3's rotary scaling (low 1, high 4, original length 8192)",
      `${factors.length} factors up to ${factor}`,
    );
  return { rope_type: "llama3", factor, ...LLAMA3 };
}

/** What a frequency of this wavelength is divided by. Llama 3.1's `apply_scaling`. */
function llama3Factor(wavelength: number, factor: number): number {
  const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: original } = LLAMA3;
  if (wavelength < original / high) return 1;
  if (wavelength > original / low) return factor;
  const smooth = (original / wavelength - low) / (high - low);
  return 1 / ((1 - smooth) / factor + smooth);
}
