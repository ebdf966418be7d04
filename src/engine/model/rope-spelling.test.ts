import { describe, expect, test } from "vitest";
import { TINY_CONFIGS } from "../../../test/helpers/tiny-decoders.ts";
import { writeProgram } from "../graph/onnx/write.ts";
import { dialectOf } from "../runtime/device.ts";
import { packedAttention, packedInputs } from "./attention.ts";
import { createContext } from "./context.ts";
import { describeModel } from "./families/index.ts";
import { logits, runTrunk } from "./heads.ts";

type Config = Record<string, unknown>;

/** The whole program of a config: equal graphs give equal bytes, angles included. */
function programOf(config: Config): Buffer {
  const { decoder } = describeModel(config);
  const inputs = packedInputs();
  const context = createContext({ ...inputs, attention: packedAttention(inputs) });
  const outputs = { logits: logits(context, decoder, runTrunk(context, decoder).hidden) };
  return Buffer.from(writeProgram(outputs, dialectOf("cpu")).bytes);
}

const YARN = { factor: 4, original_max_position_embeddings: 16, beta_fast: 8 };
const LLAMA3 = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 16 };
const LONG = {
  short_factor: [1, 1.5, 2, 2.5],
  long_factor: [2, 3, 4, 5],
  original_max_position_embeddings: 16,
};

/** A base and a scaling in transformers 4's spelling, for families whose layers all turn alike. */
const SCALINGS: readonly (readonly [string, Config])[] = [
  ["default", {}],
  ["linear", { factor: 4 }],
  ["dynamic", { factor: 2 }],
  ["yarn", YARN],
  ["llama3", LLAMA3],
  ["longrope", LONG],
];
const ALIKE = ["llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "smollm3", "olmo2", "granite"];

describe.each(ALIKE)("rotary positions of %s", (family) => {
  const config = { ...TINY_CONFIGS[family] };
  const plain = programOf({ ...config, rope_theta: 10000 });

  test.each(SCALINGS)("say the same in both spellings: %s", (type, entries) => {
    const older = { ...config, rope_theta: 700, rope_scaling: { rope_type: type, ...entries } };
    const newer = { ...config, rope_parameters: { rope_type: type, rope_theta: 700, ...entries } };
    const oldest = { ...config, rope_theta: 700, rope_scaling: { type, ...entries } };
    const wanted = programOf(older);
    expect(programOf(newer).equals(wanted)).toBe(true);
    expect(programOf(oldest).equals(wanted)).toBe(true);
    expect(programOf({ ...older, ...newer }).equals(wanted)).toBe(true);
    expect(wanted.equals(plain)).toBe(false);
  });

  test("said twice and differently, the error names both", () => {
    const parameters = { rope_type: "linear", rope_theta: 700, factor: 2 };
    expect(() => describeModel({ ...config, rope_parameters: parameters, rope_theta: 800 })).toThrow(
      /"rope_parameters.rope_theta" is 700 and "rope_theta" is 800/,
    );
    const scaling = { type: "linear", factor: 3 };
    expect(() => describeModel({ ...config, rope_parameters: parameters, rope_scaling: scaling })).toThrow(
      /"rope_parameters.factor" is 2 and "rope_scaling.factor" is 3/,
    );
    const other = { type: "dynamic", factor: 2 };
    expect(() => describeModel({ ...config, rope_parameters: parameters, rope_scaling: other })).toThrow(
      /"rope_parameters.rope_type" is "linear" and "rope_scaling.type" is "dynamic"/,
    );
  });

  test("a type, an entry or a missing value is refused by name", () => {
    const wrong = (parameters: Config) => () => describeModel({ ...config, rope_parameters: parameters });
    expect(wrong({ rope_type: "proportional" })).toThrow(/rope_type".*one of default, linear/);
    expect(wrong({ rope_type: "default", factor: 2 })).toThrow(/"rope_parameters.factor".*no such entry/);
    expect(wrong({ rope_type: "linear" })).toThrow(/"rope_parameters.factor": expected a positive number/);
    expect(wrong({ rope_type: "default", mrope_section: [1, 1, 2] })).toThrow(/mrope_section/);
    expect(wrong({ rope_type: "default", partial_rotary_factor: 0.5 })).toThrow(/partial_rotary_factor/);
  });

  test("by layer type they are refused: transformers would not read them in this family", () => {
    const one = { rope_type: "default", rope_theta: 700 };
    for (const kinds of [
      { full_attention: one, sliding_attention: one },
      { full_attention: one },
      { ...one, full_attention: one },
      { full_attention: null },
    ])
      expect(() => describeModel({ ...config, rope_parameters: kinds })).toThrow(
        /"rope_parameters": expected one setting for all layers/,
      );
  });
});

test("GPT-NeoX's older names", () => {
  const config = TINY_CONFIGS["gpt_neox"]!;
  const { rotary_pct: _share, ...bare } = config;
  const older = programOf({ ...bare, rotary_pct: 0.5, rotary_emb_base: 700 });
  const parameters = { rope_type: "default", rope_theta: 700, partial_rotary_factor: 0.5 };
  expect(programOf({ ...bare, rope_parameters: parameters }).equals(older)).toBe(true);
  expect(() => describeModel({ ...bare, rotary_pct: 0.25, rope_parameters: parameters })).toThrow(
    /"rope_parameters.partial_rotary_factor" is 0.5 and "rotary_pct" is 0.25/,
  );
  expect(() => describeModel({ ...bare, rope_theta: 700 })).toThrow(/"rope_theta" is 700/);
});

test("Gemma 3 and OLMo 3 turn layers of two types differently", () => {
  const { rope_scaling: _scaling, ...gemma } = TINY_CONFIGS["gemma3"]!;
  const linear = { rope_type: "linear", factor: 8 };
  const older = { ...gemma, rope_theta: 5000, rope_local_base_freq: 300, rope_scaling: linear };
  const full = { ...linear, rope_theta: 5000 };
  const newer = {
    ...gemma,
    rope_parameters: { full_attention: full, sliding_attention: { rope_type: "default", rope_theta: 300 } },
  };
  expect(programOf(newer).equals(programOf(older))).toBe(true);
  expect(() => describeModel({ ...newer, rope_local_base_freq: 301 })).toThrow(
    /"rope_local_base_freq" is 301/,
  );
  expect(() => describeModel({ ...gemma, rope_parameters: full })).toThrow(
    /full_attention and sliding_attention/,
  );
  const byType = { ...gemma, rope_theta: 5000, rope_scaling: { type: "linear", factor: 8 } };
  expect(() => describeModel(byType)).toThrow(/"rope_scaling.type": expected "rope_type"/);
  const both = { ...older, rope_scaling: { ...linear, type: "linear" } };
  expect(programOf(both).equals(programOf(older))).toBe(true);
  const { rope_theta: _theta, ...olmo } = TINY_CONFIGS["olmo3"]!;
  expect(() => describeModel({ ...olmo, rope_theta: 10000 })).toThrow(/transformers 4 and 5/);
  expect(() => describeModel(olmo)).toThrow(/transformers 4 and 5/);
});

test("Phi-3 keeps its original length beside, and knows LongRoPE as su", () => {
  const config = TINY_CONFIGS["phi3"]!;
  const long = { short_factor: [1, 1.5], long_factor: [2, 5] };
  const wanted = programOf({ ...config, rope_scaling: { type: "longrope", ...long } });
  expect(programOf({ ...config, rope_scaling: { type: "su", ...long } }).equals(wanted)).toBe(true);
  const inside = { type: "longrope", ...long, original_max_position_embeddings: 13 };
  expect(() => describeModel({ ...config, rope_scaling: inside })).toThrow(
    /"rope_scaling.original_max_position_embeddings" is 13 and "original_max_position_embeddings" is 12/,
  );
  expect(() => describeModel({ ...config, rope_scaling: { type: "linear", factor: 2 } })).toThrow(
    /one of default, longrope/,
  );
});
