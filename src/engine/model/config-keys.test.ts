import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TINY_CONFIGS } from "../../../test/helpers/tiny-decoders.ts";
import { CheckpointError } from "../../base/core/errors.ts";
import { describeEncoder } from "./encoders/index.ts";
import { describeModel } from "./families/index.ts";

const tiny = (name: string, changes: object = {}) => describeModel({ ...TINY_CONFIGS[name], ...changes });

describe.each(Object.keys(TINY_CONFIGS))("config.json of %s", (name) => {
  test("refuses a key that nobody knows, by name and value", () => {
    expect(() => tiny(name, { attention_sinks: 4 })).toThrow(/"attention_sinks": 4: not known for/);
  });

  test("refuses any other key too", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.integer(), (key, value) => {
        fc.pre(!known(name).has(key));
        expect(() => tiny(name, { [key]: value })).toThrow(/not known for/);
      }),
    );
  });

  test("names every unknown key at once", () => {
    expect(() => tiny(name, { one: 1, two: { three: 3 } })).toThrow(/"one": 1, "two": .*they change/);
  });

  test("refuses weights that are quantised", () => {
    expect(() => tiny(name, { quantization_config: { quant_method: "gptq" } })).toThrow(
      /quantization_config/,
    );
  });

  test("passes what changes nothing, and a null", () => {
    expect(() =>
      tiny(name, { transformers_version: "5.24.0", use_cache: false, dtype: "bfloat16", nothing: null }),
    ).not.toThrow();
  });

  test("refuses two dtypes that differ", () => {
    expect(() => tiny(name, { dtype: "bfloat16", torch_dtype: "float32" })).toThrow(
      /"torch_dtype" is "float32" and "dtype" is "bfloat16"/,
    );
  });

  test("refuses an encoder-decoder", () => {
    expect(() => tiny(name, { is_encoder_decoder: true })).toThrow(/is_encoder_decoder/);
  });
});

/** Keys of every table, so that a random one is not among them. */
function known(name: string): Set<string> {
  return new Set([...Object.keys(TINY_CONFIGS[name]!), "id2label", "architectures", "__proto__"]);
}

test("layer types that the class does not compute are refused", () => {
  expect(() => tiny("llama", { layer_types: ["full_attention", "full_attention"] })).not.toThrow();
  expect(() => tiny("llama", { layer_types: ["full_attention", "sliding_attention"] })).toThrow(
    /layer_types/,
  );
  expect(() => tiny("mistral", { layer_types: ["full_attention", "full_attention"] })).toThrow(/layer_types/);
  expect(() => tiny("qwen2", { layer_types: ["full_attention", "sliding_attention"] })).toThrow(
    /use_sliding_window/,
  );
});

test("a config says one thing under two names, or is refused with both", () => {
  expect(() => tiny("gpt2", { hidden_size: 21 })).toThrow(/"hidden_size" is 21 and "n_embd" is 20/);
  expect(() => tiny("gemma2", { hidden_act: "silu" })).toThrow(
    /"hidden_act" is "silu" and "hidden_activation"/,
  );
  expect(() => tiny("gemma2", { sliding_window_size: 9 })).toThrow(/"sliding_window_size" is 9/);
});

test("the first Gemma's gelu is the tanh form, and that is said", () => {
  const { decoder, notes } = tiny("gemma", { hidden_act: "gelu", hidden_activation: null });
  expect(decoder.config.activation).toBe("gelu-tanh");
  expect(notes).toEqual([expect.stringContaining("gelu_pytorch_tanh")]);
  expect(() => tiny("gemma", { hidden_act: "gelu", hidden_activation: "gelu" })).toThrow(/hidden_activation/);
});

test("other architectures are refused with what is supported", () => {
  expect(() => describeModel({ model_type: "mixtral" })).toThrow(
    /expected one of gpt2, .*, got "mixtral".*mixtures/,
  );
  expect(() => tiny("llama", { architectures: ["LlamaForTokenClassification"] })).toThrow(/LlamaForCausalLM/);
});

test("a reward model has one label, said in one way", () => {
  const rewards = { architectures: ["LlamaForSequenceClassification"] };
  expect(tiny("llama", { ...rewards, id2label: { 0: "LABEL_0" } }).task).toBe("reward");
  expect(tiny("llama", { ...rewards, num_labels: 1 }).task).toBe("reward");
  expect(() => tiny("llama", rewards)).toThrow(/num_labels.*got 2/);
  expect(() => tiny("llama", { ...rewards, id2label: { 0: "a" }, num_labels: 3 })).toThrow(
    /"num_labels" is 3/,
  );
});

test("DeBERTa's keys are known, or refused", () => {
  const config = { model_type: "deberta-v2", relative_attention: true, share_att_key: true };
  expect(() => describeEncoder(config, "c.json")).not.toThrow();
  expect(() =>
    describeEncoder({ ...config, hidden_dropout_prob: 0.1, legacy: true }, "c.json"),
  ).not.toThrow();
  expect(() => describeEncoder({ ...config, z_steps: 2 }, "c.json")).toThrow(/"z_steps": 2: not known/);
  expect(() => describeEncoder({ ...config, share_att_key: undefined }, "c.json")).toThrow(/share_att_key/);
  const far = { position_buckets: 8, max_relative_positions: 5 };
  expect(() => describeEncoder({ ...config, ...far }, "c.json")).toThrow(/"max_relative_positions".*got 5/);
  expect(() => describeEncoder({ ...config, ...far, max_relative_positions: 6 }, "c.json")).not.toThrow();
});

test("values deeper than any config, under two names of one thing, are refused and overflow no stack", () => {
  const deep = () => JSON.parse(`${"[".repeat(20_000)}1${"]".repeat(20_000)}`) as unknown;
  expect(() => tiny("llama", { dtype: deep(), torch_dtype: deep() })).toThrow(CheckpointError);
});

test("a key of the file as long as the file is cut in what is said of it", () => {
  const scaling = { rope_type: "linear", factor: 2, ["x".repeat(50_000)]: 1 };
  const said = (): string => {
    try {
      return String(tiny("llama", { rope_scaling: scaling }));
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(said()).toMatch(/rope_scaling\.x+…": expected no such entry/);
  expect(said().length).toBeLessThan(400);
});
