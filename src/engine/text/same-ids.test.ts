import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyFolder } from "../../../test/helpers/tiny-folder.ts";
import { idsDifference } from "./same-ids.ts";

type Json = Record<string, unknown>;
type File = {
  model: Json & { merges: (string | string[])[]; vocab: Record<string, number> };
  added_tokens: Json[];
} & Json;

let folder: string;
let own: string;
let copies = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "same-ids-"));
  own = await writeTinyFolder(folder, "own", { seed: 1, merge: "a b" });
});
afterAll(() => rm(folder, { recursive: true }));

/** The tokenizer with files changed. */
async function changed(change: (json: File) => object, config: (json: Json) => object = (json) => json) {
  const copy = join(folder, `copy-${copies++}`);
  await cp(own, copy, { recursive: true });
  const edit = async (name: string, with_: (json: never) => object) => {
    const file = join(copy, name);
    await writeFile(file, JSON.stringify(with_(JSON.parse(await readFile(file, "utf8")) as never)));
  };
  await edit("tokenizer.json", change);
  await edit("tokenizer_config.json", config);
  return idsDifference(copy, own);
}

describe("the same ids", () => {
  test("from the same files", async () => expect(await idsDifference(own, own)).toBeUndefined());

  test("from files that transformers wrote anew: defaults spelt out, merges in pairs, members in another order", async () => {
    const flags = { single_word: false, lstrip: false, rstrip: false };
    const difference = await changed(
      ({ model, added_tokens, pre_tokenizer, ...rest }) => ({
        ...{ version: "1.0", truncation: { max_length: 8 }, padding: null },
        model: {
          ...{ ignore_merges: false, byte_fallback: false, fuse_unk: false, dropout: null, unk_token: null },
          ...{ continuing_subword_prefix: "", end_of_word_suffix: null },
          ...Object.fromEntries(Object.entries(model).reverse()),
          merges: model.merges.map((pair) => (pair as string).split(" ")),
        },
        added_tokens: added_tokens.map((token) => ({ ...flags, ...token })).reverse(),
        pre_tokenizer: { use_regex: true, ...(pre_tokenizer as Json), trim_offsets: false },
        ...rest,
      }),
      (config) => ({ ...config, pad_token: "</s>", tokenizer_class: "TokenizersBackend" }),
    );
    expect(difference).toBeUndefined();
  });
});

describe("other ids, each told by the first difference", () => {
  const cases: [string, (json: File) => object, string][] = [
    [
      "two tokens swapped",
      ({ model, ...rest }) => ({
        ...rest,
        model: { ...model, vocab: { ...model.vocab, x: model.vocab["y"], y: model.vocab["x"] } },
      }),
      'the id of "x" is 121, expected 120',
    ],
    [
      "a token more",
      ({ model, ...rest }) => ({ ...rest, model: { ...model, vocab: { ...model.vocab, cd: 261 } } }),
      'the id of "cd" is 261, expected none',
    ],
    [
      "a merge less",
      ({ model, ...rest }) => ({ ...rest, model: { ...model, merges: [] } }),
      'merge 1 is none, expected "a b"',
    ],
    [
      "another merge",
      ({ model, ...rest }) => ({ ...rest, model: { ...model, merges: ["b a"] } }),
      'merge 1 is "b a", expected "a b"',
    ],
    [
      "an added token that takes the space before it",
      ({ added_tokens, ...rest }) => ({
        ...rest,
        added_tokens: added_tokens.map((token) => ({ ...token, lstrip: true })),
      }),
      'the added token "<s>" is 256 special lstrip, expected 256 special',
    ],
    [
      "a normalizer",
      (json) => ({ ...json, normalizer: { type: "NFC" } }),
      'normalizer is {"type":"NFC"}, expected null',
    ],
    [
      "a space put first",
      (json) => ({ ...json, pre_tokenizer: { ...(json["pre_tokenizer"] as Json), add_prefix_space: true } }),
      'pre_tokenizer is {"type":"ByteLevel"}, expected {"add_prefix_space":false,"type":"ByteLevel"}',
    ],
    [
      "whole words without merges",
      ({ model, ...rest }) => ({ ...rest, model: { ...model, ignore_merges: true } }),
      'model is {"ignore_merges":true,"type":"BPE"}, expected {"type":"BPE"}',
    ],
  ];
  test.each(cases)("%s", async (_, change, difference) => {
    expect(await changed(change)).toBe(difference);
  });

  test("no BOS, another end", async () => {
    const same = (json: File) => json;
    expect(await changed((json) => ({ ...json, post_processor: null }))).toMatch(
      /^a text begins with no token, expected id 256 \(the post-processor\)/,
    );
    expect(await changed(same, (config) => ({ ...config, eos_token: "<s>" }))).toMatch(
      /^a text ends with id 256, expected id 257/,
    );
  });
});
