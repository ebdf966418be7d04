/** Settings that transformers follows in one class and not in another, or cannot compute with: refused by name. */
import { expect, test } from "vitest";
import { TINY_CONFIGS } from "../../../test/helpers/tiny-decoders.ts";
import { describeModel } from "./families/index.ts";

test("a cap on the logits inside a multimodal checkpoint, whose class does not apply it", () => {
  const text = { ...TINY_CONFIGS["gemma3"]!, architectures: undefined };
  const whole = (more: object) => ({
    model_type: "gemma3",
    architectures: ["Gemma3ForConditionalGeneration"],
    text_config: { ...text, ...more },
  });
  expect(() => describeModel(whole({ final_logit_softcapping: null }))).not.toThrow();
  expect(() => describeModel(whole({ final_logit_softcapping: 5 }))).toThrow(
    /"text_config.final_logit_softcapping": expected none.*Gemma3ForCausalLM only.*got 5/,
  );
});
