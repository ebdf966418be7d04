import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type EncoderOracle,
  hasEncoderFixture,
  textsOf,
  writeTinyEncoder,
} from "../../../test/helpers/tiny-encoder.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { encodeTextPair } from "../../engine/text/text-pair.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import { type GoldScorer, goldSpecSchema, openGoldScorer } from "./gold.ts";

let folder: string;
let runtime: Runtime;
let oracle: EncoderOracle;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gold-encoder-"));
  runtime = openRuntime({ threads: 1 });
  if (hasEncoderFixture) oracle = await writeTinyEncoder(join(folder, "deberta"));
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});

const open = (options: object = {}): Promise<GoldScorer> =>
  openGoldScorer(
    { runtime },
    goldSpecSchema.parse({ type: "reward-model", model: join(folder, "deberta"), ...options }),
  );

describe.skipIf(!hasEncoderFixture)("a DeBERTa reward model as gold", () => {
  it("gives transformers' scores of [CLS] prompt [SEP] response [SEP]", async () => {
    const { pairs } = oracle.bt;
    const gold = await open();
    const scores = await gold.score(
      pairs.flatMap((pair) => [textsOf(pair.chosen_ids), textsOf(pair.rejected_ids)]),
    );
    const expected = pairs.flatMap((pair) => [pair.chosen_score, pair.rejected_score]);
    // expected.json states 3.8e-7 between float32 and float64 in transformers itself.
    for (const [i, score] of scores.entries()) expect(Math.abs(score - expected[i]!)).toBeLessThan(5e-6);
    await gold.close();
  });

  it("scores a response the same alone and among longer ones, up to rounding", async () => {
    const { pairs } = oracle.bt;
    const gold = await open();
    const short = { prompt: "w5", response: "w9 w10" };
    const [alone] = await gold.score([short]);
    const [among] = await gold.score([short, ...pairs.map((pair) => textsOf(pair.rejected_ids))]);
    expect(Math.abs(alone! - among!)).toBeLessThan(2e-6);
    await gold.close();
  });

  it("reads the prompt and the response as two texts of two types", async () => {
    const tokenizer = await loadTokenizer(join(folder, "deberta"));
    const limits = { maxLength: 64, maxPromptLength: 32 };
    expect(encodeTextPair(tokenizer, { prompt: " w5  w6", response: "w7" }, limits)).toEqual({
      ids: [1, 5, 6, 2, 7, 2],
      types: [0, 0, 0, 0, 1, 1],
      flags: [],
    });
    // Three special tokens and two of the prompt leave one for the response; the prompt keeps its end.
    const cut = encodeTextPair(
      tokenizer,
      { prompt: "w5 w6 w7", response: "w8 w9" },
      { maxLength: 6, maxPromptLength: 2 },
    );
    expect(cut).toEqual({
      ids: [1, 6, 7, 2, 8, 2],
      types: [0, 0, 0, 0, 1, 1],
      flags: ["truncated_prompt", "truncated_response"],
    });
  });

  it("stops at a row that does not fit", async () => {
    const gold = await open({ maxLength: 8, maxPromptLength: 4 });
    const long = { prompt: "w5", response: Array(9).fill("w6").join(" ") };
    await expect(gold.score([long])).rejects.toThrow(/row 0 does not fit \(truncated_response\)/);
    await gold.close();
  });

  it("refuses what it does not compute, by name", async () => {
    const file = join(folder, "deberta", "config.json");
    const text = await readFile(file, "utf8");
    const config = JSON.parse(text) as Record<string, unknown>;
    const refused: [object, RegExp][] = [
      [{ conv_kernel_size: 3 }, /conv_kernel_size/],
      [{ share_att_key: false }, /share_att_key/],
      [{ id2label: { 0: "a", 1: "b" } }, /id2label/],
      [{ pos_att_type: ["p2p"] }, /pos_att_type.*p2p/],
      [{ model_type: "bert" }, /bert/],
    ];
    for (const [change, message] of refused) {
      await writeFile(file, JSON.stringify({ ...config, ...change }));
      await expect(open()).rejects.toThrow(message);
    }
    await writeFile(file, text);
  });
});
