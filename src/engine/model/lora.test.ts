import { expect, test } from "vitest";
import { TINY_CONFIGS } from "../../../test/helpers/tiny-decoders.ts";
import { describeModel } from "./families/index.ts";
import { adapterSpec, parameterShapes } from "./model.ts";

const options = { r: 2, alpha: 4, dropout: 0 };
const model = (name: string) => describeModel(TINY_CONFIGS[name]);

test.each(Object.keys(TINY_CONFIGS))("%s has its usual targets in every layer", (name) => {
  const { family, decoder } = model(name);
  const spec = adapterSpec({ family, decoder }, options);
  expect(spec.targets).toEqual(family.loraTargets);
  const adapted = [...parameterShapes(decoder, "language-model", spec).keys()].filter((key) =>
    key.endsWith(".lora_A.weight"),
  );
  expect(adapted).toHaveLength(family.loraTargets.length * decoder.config.layers);
});

test("a target that is on no projection is named, beside those that there are", () => {
  expect(() => adapterSpec(model("gpt2"), { ...options, targetModules: ["q_proj", "c_attn"] })).toThrow(
    'lora.target_modules: "q_proj" is on no projection of the model (gpt2), expected some of c_attn, c_proj, c_fc; did you mean "c_proj"?',
  );
  expect(() => adapterSpec(model("opt"), { ...options, targetModules: ["q_proj", "qq", "proj"] })).toThrow(
    /^(?!.*"q_proj" is on).*"qq" is on no .* expected some of q_proj, k_proj, v_proj, out_proj, fc1, fc2\. Name some of these, or none for the usual of the family \(q_proj, v_proj\)\.\n.*"proj" is on no /,
  );
});

test("a whole name, or the end of one, is a target", () => {
  const targets = ["transformer.h.0.attn.c_attn", "mlp.c_fc"];
  expect(adapterSpec(model("gpt2"), { ...options, targetModules: targets }).targets).toEqual(targets);
});
