/** ModernBERT reward models: numbers of transformers, the config's two spellings, what is refused, and the gold scorer over them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MODERNBERT_CONFIG, writeTinyModernBert } from "../../../test/helpers/tiny-modernbert.ts";
import { loadEncoder, releaseEncoder, scoreSequences } from "../../engine/checkpoint/load-encoder.ts";
import { describeEncoder } from "../../engine/model/encoders/index.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { goldSpecSchema, openGoldScorer } from "./gold.ts";

let folder: string;
let runtime: Runtime;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "modernbert-"));
  runtime = openRuntime({ threads: 1 });
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});

const SEQUENCES = [
  [1, 5, 6, 2, 7, 2],
  [1, 20, 21, 22, 23, 24, 25, 26, 27, 28, 2, 40, 41, 42, 43, 2],
  [1, 9, 2, 100, 2],
];
// By test/interop/encoder_fixtures.py --score: transformers 5.24 in float64 on these weights. Three layers of at most 48 terms a
// product: √400 · 2⁻²⁴ of states around 3, four times over.
const LIMIT = 1.5e-5;
const MEAN = [-0.2990071880903874, 1.6578221163427527, 1.1741130380693927];
const CLS = [-0.9129924289470202, -0.7412557112419904, -1.6758457953650159];

const scoresOf = async (name: string, changes: object = {}): Promise<number[]> => {
  await writeTinyModernBert(join(folder, name), changes);
  const model = await loadEncoder(runtime, join(folder, name));
  const scores = await scoreSequences(
    runtime,
    model,
    SEQUENCES.map((ids) => ({ ids })),
  );
  await releaseEncoder(runtime, model);
  return scores;
};
const near = (got: readonly number[], wanted: readonly number[]) =>
  got.forEach((score, i) => {
    expect(Math.abs(score - wanted[i]!)).toBeLessThan(LIMIT);
  });

describe("a ModernBERT reward model", () => {
  it("has transformers' scores, by the mean of all tokens", async () => near(await scoresOf("mean"), MEAN));

  it("and by the first token, with biases where the config asks for them", async () =>
    near(await scoresOf("cls", { classifier_pooling: "cls", norm_bias: true, classifier_bias: true }), CLS));

  it("reads transformers 5's spelling as the same model", async () => {
    const {
      global_attn_every_n_layers: _,
      global_rope_theta: __,
      local_rope_theta: ___,
      ...rest
    } = MODERNBERT_CONFIG;
    const kinds = ["full_attention", "sliding_attention", "full_attention"];
    const rope = (rope_theta: number) => ({ rope_type: "default", rope_theta });
    const gone = {
      global_attn_every_n_layers: null,
      global_rope_theta: undefined,
      local_rope_theta: undefined,
    };
    const rope_parameters = { full_attention: rope(160000), sliding_attention: rope(10000) };
    near(
      await scoresOf("v5", { ...rest, ...gone, layer_types: kinds, rope_parameters, dtype: "float32" }),
      MEAN,
    );
    // The window, the bases and the kinds of layers all count.
    for (const [name, change] of [
      ["window", { local_attention: 2 }],
      ["theta", { rope_parameters: { ...rope_parameters, full_attention: rope(100) } }],
      ["local", { rope_parameters: { ...rope_parameters, sliding_attention: rope(10) } }],
      ["kinds", { layer_types: kinds.toReversed().map((_, i) => kinds[(i + 1) % 3]!) }],
    ] as const) {
      const other = await scoresOf(name, {
        ...rest,
        ...gone,
        layer_types: kinds,
        rope_parameters,
        ...change,
      });
      expect(Math.max(...other.map((score, i) => Math.abs(score - MEAN[i]!))), name).toBeGreaterThan(1e-3);
    }
  });

  it("scores as gold what [CLS] prompt [SEP] response [SEP] is worth, alone and among others", async () => {
    await writeTinyModernBert(join(folder, "gold"));
    const gold = await openGoldScorer(
      { runtime },
      goldSpecSchema.parse({ type: "reward-model", model: join(folder, "gold") }),
    );
    const items = [
      { prompt: "w5 w6", response: "w7" },
      { prompt: "w20 w21 w22 w23 w24 w25 w26 w27 w28", response: "w40 w41 w42 w43" },
      { prompt: "w9", response: "w100" },
    ];
    near(await gold.score(items), MEAN);
    near(await gold.score(items.slice(2)), MEAN.slice(2));
    await gold.close();
  });
});

describe("its config", () => {
  const read = (changes: object) => describeEncoder({ ...MODERNBERT_CONFIG, ...changes }, "c.json");
  it.each([
    [{ some_key: 1 }, /"some_key": 1: not known for modernbert/],
    [{ classifier_pooling: "max" }, /"classifier_pooling": expected "cls" or "mean", got "max"/],
    [{ layer_types: ["full_attention"] }, /"layer_types": expected .* for each of 3 layers/],
    [
      { layer_types: ["full_attention", "full_attention", "full_attention"] },
      /"layer_types".*global_attn_every_n_layers 2 as layer types/,
    ],
    [
      { rope_parameters: { full_attention: { rope_type: "default", rope_theta: 5 } } },
      /rope_parameters\.full_attention\.rope_theta.*global_rope_theta/,
    ],
    [{ rope_scaling: { rope_type: "linear", factor: 2 } }, /"rope_scaling": expected null/],
    [
      { global_rope_theta: undefined, rope_parameters: { full_attention: { rope_type: "longrope" } } },
      /rope_type.*expected one of default, linear/,
    ],
    [{ local_rope_theta: null }, /"local_rope_theta": expected a positive number, got null/],
    [{ hidden_activation: "tanh" }, /"hidden_activation"/],
    [{ num_attention_heads: 3 }, /"num_attention_heads": expected a divisor of 16, got 3/],
    [{ id2label: { 0: "a", 1: "b" } }, /"id2label": expected one label/],
    [{ architectures: ["ModernBertForMaskedLM"] }, /architectures/],
    [{ sliding_window: 5 }, /"sliding_window"/],
    [{ quantization_config: { bits: 4 } }, /quantization_config/],
  ])("refuses %j", (changes, message) => {
    expect(() => read(changes)).toThrow(message);
  });

  it("leaves other kinds of models to others", () => {
    expect(describeEncoder({ model_type: "llama" })).toBeUndefined();
    expect(read({ sliding_window: 3 })?.maxPositions).toBe(64);
  });
});
