/**
 * Fields that this server does not have. Those that would change the result are refused by name; any other unknown field is ignored, as
 * OpenAI's and vLLM's servers do, so that their clients work.
 */
import { Problem } from "./problem.ts";

/** Values under which a field changes nothing, beside null. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  allowed_token_ids: [],
  audio: [],
  bad_words: [[]],
  beam_width: [],
  best_of: [1],
  chat_template: [],
  chat_template_kwargs: [{}],
  continue_final_message: [false],
  documents: [[]],
  frequency_penalty: [0],
  function_call: ["none"],
  functions: [[]],
  guided_choice: [],
  guided_grammar: [],
  guided_json: [],
  guided_regex: [],
  include_stop_str_in_output: [false],
  length_penalty: [1],
  logit_bias: [{}],
  logits_processors: [[]],
  min_p: [0],
  min_tokens: [0],
  modalities: [["text"]],
  n: [1],
  presence_penalty: [0],
  prompt_embeds: [],
  reasoning_effort: [],
  repetition_penalty: [1],
  response_format: [{ type: "text" }],
  skip_special_tokens: [true],
  spaces_between_special_tokens: [true],
  stop_token_ids: [[]],
  stream: [false],
  structured_outputs: [],
  suffix: [""],
  tool_choice: ["none", "auto"],
  tools: [[]],
  truncate_prompt_tokens: [],
  use_beam_search: [false],
};

/**
 * Refuses a body with a field that would change the result.
 * @param more - further fields with their neutral values, for one endpoint
 * @throws Problem 400 naming all of them
 */
export function refuseEffects(
  body: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, readonly unknown[]>> = {},
): void {
  const refused = Object.entries({ ...NEUTRAL, ...more }).filter(([field, neutral]) => {
    if (!Object.hasOwn(body, field)) return false;
    const value = body[field];
    return value !== null && !neutral.some((allowed) => JSON.stringify(allowed) === short(value));
  });
  if (refused.length === 0) return;
  const sentences = refused.map(([field, neutral]) => {
    const expected =
      neutral.length === 0 ? "it to be left out" : neutral.map((value) => JSON.stringify(value)).join(" or ");
    return `${field}: is not supported by this server and would change the result, expected ${expected}, got ${short(body[field]).slice(0, 60)}.`;
  });
  throw new Problem(400, sentences.join(" "), { param: refused[0]![0], code: "unsupported_value" });
}

const short = (value: unknown): string => JSON.stringify(value) ?? "nothing";
