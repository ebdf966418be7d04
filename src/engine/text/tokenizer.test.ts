import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CheckpointError, ConfigError } from "../../base/core/errors.ts";
import { onNotice } from "../../base/core/notices.ts";
import { loadTokenizer } from "./tokenizer.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tokenizer-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

let made = 0;
/** A folder of the given files; values that are not text are written as JSON. */
async function folderOf(files: Record<string, unknown>): Promise<string> {
  const folder = join(root, `model-${made++}`);
  await mkdir(folder);
  for (const [name, value] of Object.entries(files))
    await writeFile(join(folder, name), typeof value === "string" ? value : JSON.stringify(value));
  return folder;
}

/** GPT-2's characters for the bytes 0 to 255: printable ones are themselves, the others follow from U+0100. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCodePoint(printable ? byte : next++);
  });
}

/** Vocabulary in GPT-2's order: 256 bytes, merges, then end of text. Ids: bytes by value, "he" 256, "Ġhe" 257, end 258. */
const merges = ["h e", "Ġ he"];
const vocab: Record<string, number> = Object.fromEntries(
  [...byteCharacters(), "he", "Ġhe", "<|endoftext|>"].map((token, id) => [token, id]),
);
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
const end = { id: 258, content: "<|endoftext|>", special: true, normalized: false };
const gpt2 = {
  added_tokens: [end],
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: byteLevel,
  decoder: byteLevel,
  model: { type: "BPE", vocab, merges },
};
/** Puts a token before (and after) every text, as Llama's, Gemma's and BERT's post-processors do. */
const template = (before: string[], after: string[] = []) => ({
  type: "TemplateProcessing",
  single: [
    ...before.map((id) => ({ SpecialToken: { id, type_id: 0 } })),
    { Sequence: { id: "A", type_id: 0 } },
    ...after.map((id) => ({ SpecialToken: { id, type_id: 0 } })),
  ],
  pair: [],
  special_tokens: {},
});

describe("loadTokenizer", () => {
  it("reads a GPT-2 style folder: EOS known, no BOS wanted", async () => {
    const tokens = { bos_token: "<|endoftext|>", eos_token: { content: "<|endoftext|>" } };
    const tokenizer = await loadTokenizer(
      await folderOf({ "tokenizer.json": gpt2, "tokenizer_config.json": tokens }),
    );
    // "he" 256, " he" 257, "\n" is byte 10, "é" bytes 195 169.
    expect(tokenizer.encode("he he\né")).toEqual([256, 257, 10, 195, 169]);
    expect(tokenizer).toMatchObject({ bosId: 258, eosId: 258, eosIds: [258], addBos: false, vocabSize: 259 });
    expect(tokenizer.padId).toBeUndefined();
    expect(tokenizer.chatTemplate).toBeUndefined();
    expect(tokenizer.encode("")).toEqual([]);
  });

  it("lets tokenizer.json alone decide: flags of slow tokenizers take no space or accent away", async () => {
    const flags = { remove_space: true, do_lowercase_and_remove_accent: true };
    const tokenizer = await loadTokenizer(
      await folderOf({ "tokenizer.json": gpt2, "tokenizer_config.json": flags }),
    );
    expect(tokenizer.encode("Hé  he")).toEqual([72, 195, 169, 32, 257]);
  });

  it("refuses an added token that is found in whole words only", async () => {
    const whole = { ...end, id: 259, content: "cat", single_word: true };
    const folder = await folderOf({ "tokenizer.json": { ...gpt2, added_tokens: [end, whole] } });
    await expect(loadTokenizer(folder)).rejects.toThrow(/single_word of "cat" is wrong, expected false/);
  });

  it.each([
    ["prepend", { type: "Prepend", prepend: "▁".repeat(257) }],
    [
      "content",
      {
        type: "Sequence",
        normalizers: [{ type: "Replace", pattern: { String: "a" }, content: "b".repeat(300) }],
      },
    ],
  ])("refuses a normalizer that puts in a long text: %s", async (what, normalizer) => {
    const folder = await folderOf({ "tokenizer.json": { ...gpt2, normalizer } });
    await expect(loadTokenizer(folder)).rejects.toThrow(
      `the ${what} of a normalizer is wrong, expected at most 256`,
    );
  });

  const doubled = (pattern: object, content: string) => ({
    type: "Sequence",
    normalizers: Array.from({ length: 40 }, () => ({ type: "Replace", pattern, content })),
  });
  it.each([
    ["a character doubled again and again", doubled({ String: "a" }, "aa")],
    ["a character put in everywhere", doubled({ Regex: "(?=b|c)|" }, "x")],
    [
      "two sequences",
      { type: "Sequence", normalizers: [doubled({ Regex: "." }, "ab"), doubled({ Regex: "b{2}" }, "abc")] },
    ],
  ])("refuses normalizers that let a text grow without bound: %s", async (_, normalizer) => {
    const folder = await folderOf({ "tokenizer.json": { ...gpt2, normalizer } });
    await expect(loadTokenizer(folder)).rejects.toThrow(
      /what its normalizers replace is wrong, expected a text to grow at most 1024 times, got 1\.?\d*e?\+?\d*/,
    );
  });

  it("refuses pre-tokenizers whose marks let a text grow without bound", async () => {
    const mark = { type: "Metaspace", replacement: " ".repeat(200), prepend_scheme: "never", split: false };
    const pre_tokenizer = { type: "Sequence", pretokenizers: [mark, mark] };
    const folder = await folderOf({ "tokenizer.json": { ...gpt2, pre_tokenizer } });
    await expect(loadTokenizer(folder)).rejects.toThrow(
      "expected a text to grow at most 1024 times, got 40000",
    );
  });

  it("puts in what a normalizer says as it stands: $& is no word for the match", async () => {
    const normalizer = { type: "Replace", pattern: { Regex: "[ab]+" }, content: "$&$`$$" };
    const tokenizer = await loadTokenizer(await folderOf({ "tokenizer.json": { ...gpt2, normalizer } }));
    expect(tokenizer.decode(tokenizer.encode("xabab"))).toBe("x$&$`$$");
  });

  it("builds the same tokenizer from vocab.json and merges.txt", async () => {
    const tokens = { bos_token: "<|endoftext|>", eos_token: "<|endoftext|>" };
    const files = { "vocab.json": vocab, "merges.txt": `#version: 0.2\n${merges.join("\n")}\n` };
    const built = await loadTokenizer(await folderOf({ ...files, "special_tokens_map.json": tokens }));
    expect(built.encode("he he\né<|endoftext|>")).toEqual([256, 257, 10, 195, 169, 258]);
    expect(built.eosId).toBe(258);
  });

  it("wants BOS when the post-processor puts one first (Llama 3)", async () => {
    const post = await loadTokenizer(
      await folderOf({
        "tokenizer.json": { ...gpt2, post_processor: template(["<|endoftext|>"]) },
        "config.json": { eos_token_id: [7, 258] },
      }),
    );
    expect(post).toMatchObject({ addBos: true, bosId: 258, eosId: 7, eosIds: [7, 258] });
    expect(post.encode("he")).toEqual([256]);
  });

  it("lets add_bos_token decide only where there is no tokenizer.json (OPT), as transformers 5 does", async () => {
    const opt = { bos_token: "<|endoftext|>", eos_token: "<|endoftext|>", pad_token: "!" };
    const old = { "vocab.json": vocab, "merges.txt": merges.join("\n") };
    const of = async (files: Record<string, unknown>, flag: boolean | undefined) =>
      loadTokenizer(await folderOf({ ...files, "tokenizer_config.json": { ...opt, add_bos_token: flag } }));
    expect(await of(old, true)).toMatchObject({ addBos: true, bosId: 258, eosId: 258, padId: 33 });
    expect((await of(old, true)).encode("he")).toEqual([256]);
    for (const flag of [false, undefined])
      expect(await of(old, flag)).toMatchObject({ addBos: false, bosId: 258 });
    const noBos = folderOf({ ...old, "tokenizer_config.json": { add_bos_token: true } });
    await expect(loadTokenizer(await noBos)).rejects.toThrow(/no bos_token is named/);
  });

  it.each([true, false])(
    "follows the post-processor where add_bos_token %s contradicts it, and says so",
    async (flag) => {
      const told: string[] = [];
      const stop = onNotice((text) => told.push(text));
      const post_processor = flag ? byteLevel : template(["<|endoftext|>"]);
      const folder = await folderOf({
        "tokenizer.json": { ...gpt2, post_processor },
        "tokenizer_config.json": { add_bos_token: flag, bos_token: "<|endoftext|>" },
      });
      expect(await loadTokenizer(folder)).toMatchObject({ addBos: !flag, bosId: 258 });
      stop();
      const puts = `add_bos_token is ${flag}, but the post-processor of tokenizer.json puts ${flag ? "none" : "a token"}`;
      expect(told).toEqual([expect.stringContaining(puts)]);
    },
  );

  it("takes what a BERT-like post-processor puts around a text as BOS and EOS", async () => {
    const tokenizer = await loadTokenizer(
      await folderOf({ "tokenizer.json": { ...gpt2, post_processor: template(["!"], ["?"]) } }),
    );
    expect(tokenizer).toMatchObject({ addBos: true, bosId: 33, eosId: 63 });
  });

  it("joins the tokenizer's EOS with the generation config's, which stands before the config's", async () => {
    const tokenizer = await loadTokenizer(
      await folderOf({
        "tokenizer.json": gpt2,
        "tokenizer_config.json": { eos_token: "<|endoftext|>" },
        "generation_config.json": { eos_token_id: [33, 258] },
        "config.json": { eos_token_id: 5, pad_token_id: 4, bos_token_id: 3 },
      }),
    );
    expect(tokenizer).toMatchObject({ eosId: 258, eosIds: [258, 33], padId: 4, bosId: 3, addBos: false });
  });

  it("decodes whatever it encoded, and never tidies spaces away", async () => {
    const tokenizer = await loadTokenizer(await folderOf({ "tokenizer.json": gpt2 }));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
    );
    expect(tokenizer.decode(tokenizer.encode("he , do n't !"))).toBe("he , do n't !");
    expect(tokenizer.decode([])).toBe("");
    expect(tokenizer.decode([256, 258, 257])).toBe("he<|endoftext|> he");
    expect(tokenizer.decode([256, 258, 257], { skipSpecial: true })).toBe("he he");
    expect(tokenizer.decode([256, 9999, 257])).toBe("he\uFFFD he");
  });

  it("shows pieces and decodes what ids add, also in the middle of a character", async () => {
    const tokenizer = await loadTokenizer(await folderOf({ "tokenizer.json": gpt2 }));
    expect(tokenizer.pieces([256, 257, 10, 195, 9999])).toEqual(["he", " he", "\n", "\uFFFD", "\uFFFD"]);
    expect(tokenizer.decodeAfter([256], [257])).toBe(" he");
    expect(tokenizer.decodeAfter([], [257])).toBe(" he");
    // é is 195 169: the context ends inside it.
    expect(tokenizer.decodeAfter([256, 195], [169, 257])).toBe("é he");
  });

  it("gives one digest to equal tokenizers and another when ids would differ", async () => {
    const digest = async (json: object, config: object = {}) =>
      (await loadTokenizer(await folderOf({ "tokenizer.json": json, "tokenizer_config.json": config })))
        .digest;
    const base = await digest(gpt2);
    const reordered = Object.fromEntries(Object.entries(gpt2).reverse());
    expect(await digest(reordered)).toBe(base);
    expect(await digest(gpt2, { model_max_length: 5 })).toBe(base);
    expect(await digest({ ...gpt2, model: { ...gpt2.model, merges: ["h e"] } })).not.toBe(base);
    expect(await digest({ ...gpt2, post_processor: template(["!"]) })).not.toBe(base);
    expect(await digest(gpt2, { add_bos_token: true, bos_token: "!" })).toBe(base);
    expect(await digest(gpt2, { eos_token: "!" })).not.toBe(base);
  });

  it("finds the chat template in its file, in JSON, in the config or in a list of named ones", async () => {
    const source = async (files: Record<string, unknown>) =>
      (await loadTokenizer(await folderOf({ "tokenizer.json": gpt2, ...files }))).chatTemplate?.source;
    const config = { chat_template: "from config" };
    expect(await source({ "tokenizer_config.json": config })).toBe("from config");
    expect(
      await source({ "tokenizer_config.json": config, "chat_template.json": { chat_template: "json" } }),
    ).toBe("json");
    expect(await source({ "tokenizer_config.json": config, "chat_template.jinja": "file" })).toBe("file");
    const list = [
      { name: "tool_use", template: "tools" },
      { name: "default", template: "the default" },
    ];
    expect(await source({ "tokenizer_config.json": { chat_template: list } })).toBe("the default");
    await expect(source({ "tokenizer_config.json": { chat_template: list.slice(0, 1) } })).rejects.toThrow(
      /"default"/,
    );
  });

  it("refuses folders without a tokenizer, damaged files and contradictions", async () => {
    const load = async (files: Record<string, unknown>) => loadTokenizer(await folderOf(files));
    await expect(load({})).rejects.toThrow(
      /is no model folder, expected config.json, weights and tokenizer.json/,
    );
    const unread = load({ "config.json": "{}" });
    await expect(unread).rejects.toThrow(
      /holds no tokenizer, expected tokenizer.json \(or vocab.json and merges.txt\)/,
    );
    await expect(load({ "tokenizer.json": "{" })).rejects.toThrow(CheckpointError);
    await expect(load({ "tokenizer.json": "[]" })).rejects.toThrow(/expected a JSON object/);
    await expect(load({ "tokenizer.json": {} })).rejects.toThrow(/cannot be used/);
    await expect(load({ "tokenizer.json": { ...gpt2, pre_tokenizer: { type: "Magic" } } })).rejects.toThrow(
      /Magic/,
    );
    const two = { ...gpt2, post_processor: template(["!", "?"]) };
    await expect(load({ "tokenizer.json": two })).rejects.toThrow(/at most one token before/);
  });

  it("refuses text it has no ids for", async () => {
    const model = { type: "BPE", vocab: { a: 0, b: 1 }, merges: [], unk_token: "<unk>" };
    const json = {
      ...gpt2,
      added_tokens: [],
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model,
    };
    const tokenizer = await loadTokenizer(await folderOf({ "tokenizer.json": json }));
    expect(tokenizer.encode("ab")).toEqual([0, 1]);
    expect(() => tokenizer.encode("abc")).toThrow(ConfigError);
  });
});
