/**
 * The DeBERTa fixture with a tokenizer as DeBERTa-v3 has one: Unigram over "▁" pieces, [CLS] and [SEP] put there by a template. Word
 * `w17` is token 17, so that a text spells the fixture's ids.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Scores of transformers in float64, and the pairs they are of. */
export type EncoderOracle = {
  readonly bt: {
    readonly pairs: readonly {
      readonly chosen_ids: readonly number[];
      readonly rejected_ids: readonly number[];
      readonly chosen_score: number;
      readonly rejected_score: number;
    }[];
  };
};

const FIXTURE = fileURLToPath(new URL("../../../shared/fixtures/parity/rm-deberta_v2", import.meta.url));

/** False where the fixtures do not lie beside the checkout. */
export const hasEncoderFixture = existsSync(FIXTURE);

/** Writes the fixture with its tokenizer at `folder`. */
export async function writeTinyEncoder(folder: string): Promise<EncoderOracle> {
  await mkdir(folder, { recursive: true });
  for (const name of ["config.json", "model.safetensors"])
    await writeFile(join(folder, name), await readFile(join(FIXTURE, name)));
  for (const [name, text] of Object.entries(encoderTokenizerFiles()))
    await writeFile(join(folder, name), text);
  return JSON.parse(await readFile(join(FIXTURE, "expected.json"), "utf8")) as EncoderOracle;
}

/** The tokenizer's files by name. */
export function encoderTokenizerFiles(): Record<string, string> {
  return {
    "tokenizer.json": JSON.stringify(tokenizer()),
    "tokenizer_config.json": JSON.stringify(SPECIAL),
  };
}

/** A prompt and a response that spell a fixture's `[CLS] prompt [SEP] response [SEP]`. */
export function textsOf(ids: readonly number[]): { prompt: string; response: string } {
  const [prompt, response] = [ids.slice(1, ids.indexOf(2)), ids.slice(ids.indexOf(2) + 1, -1)];
  const words = (list: readonly number[]) => list.map((id) => `w${id}`).join(" ");
  return { prompt: words(prompt), response: words(response) };
}

const SPECIAL = {
  bos_token: "[CLS]",
  cls_token: "[CLS]",
  eos_token: "[SEP]",
  sep_token: "[SEP]",
  unk_token: "[UNK]",
  pad_token: "[PAD]",
};
const NAMES = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"];

function tokenizer() {
  const words = Array.from({ length: 156 }, (_, i) => [`▁w${i + 4}`, -5]);
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const text = (id: string) => ({ Sequence: { id, type_id: 0 } });
  return {
    added_tokens: NAMES.map((content, id) => ({ id, content, special: true, normalized: false })),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Strip", strip_left: true, strip_right: true },
        { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
      ],
    },
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    post_processor: {
      type: "TemplateProcessing",
      single: [special("[CLS]"), text("A"), special("[SEP]")],
      pair: [special("[CLS]"), text("A"), special("[SEP]"), text("B"), special("[SEP]")],
      special_tokens: Object.fromEntries(NAMES.map((id, at) => [id, { id, ids: [at], tokens: [id] }])),
    },
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    model: { type: "Unigram", unk_id: 3, vocab: [...NAMES.map((name) => [name, 0]), ...words] },
  };
}
