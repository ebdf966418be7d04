import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { ConfigError, NumericsError } from "../../base/core/errors.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { encodePromptResponse } from "../../engine/text/pair.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import { openScorer } from "../objective/score.ts";
import { goldSourceDigest, goldSpecSchema, openGoldScorer } from "./gold.ts";

let folder: string;
let runtime: Runtime;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gold-"));
  runtime = openRuntime({ threads: 1 });
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});

async function tiny(name: string, seed: number, task: "reward" | "language-model"): Promise<string> {
  const path = join(folder, name);
  await writeTinyModel(path, { family: "llama", seed, task });
  return path;
}

const open = (spec: object) => openGoldScorer({ runtime }, goldSpecSchema.parse(spec));
const items = [
  { prompt: "a", response: "bb" },
  { prompt: "aaa", response: "b" },
];

async function programmatic(source: string) {
  const path = join(folder, "score.mjs");
  await writeFile(path, source);
  return open({ type: "programmatic", module: path });
}

describe("a programmatic gold scorer", () => {
  it("asks the user's function for every item, in order, as text", async () => {
    const gold = await programmatic(
      "export default (prompt, response) => 10 * prompt.length + response.length;",
    );
    const turns = [{ role: "user", content: "a" }];
    expect(await gold.score([...items, { prompt: turns, response: "" }])).toEqual([12, 31, 10]);
  });

  it("may be asynchronous, and a changed module is another scorer", async () => {
    const one = await programmatic("export default async () => 1;");
    const two = await programmatic("export default async () => 2;");
    expect([await one.score(items), await two.score(items)]).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(one.digest).not.toBe(two.digest);
  });

  it("is another scorer when a module that it imports changes, which a living process cannot load", async () => {
    const source = `import { n } from "./beside.mjs";\nexport default () => n;`;
    await writeFile(join(folder, "beside.mjs"), "export const n = 1;");
    const one = await programmatic(source);
    expect((await programmatic(source)).digest).toBe(one.digest);
    await writeFile(join(folder, "beside.mjs"), "export const n = 2;");
    expect(await goldSourceDigest({ type: "programmatic", module: join(folder, "score.mjs") })).not.toBe(
      one.digest,
    );
    await expect(programmatic(source)).rejects.toThrow(/beside.mjs has changed since this process loaded it/);
  });

  it("refuses scores that are no finite numbers, naming the row", async () => {
    const nan = await programmatic("export default (prompt) => (prompt === 'aaa' ? NaN : 1);");
    await expect(nan.score(items)).rejects.toThrow(/score of row 1 is NaN/);
    const word = await programmatic("export default () => '1';");
    await expect(word.score(items)).rejects.toThrow(NumericsError);
  });

  it("refuses a function that changes its mind", async () => {
    const gold = await programmatic("let n = 0; export default () => n++;");
    await expect(gold.score(items)).rejects.toThrow(/gave 0 and then 2 for one response/);
  });

  it("says what is wrong with the module", async () => {
    await expect(open({ type: "programmatic", module: join(folder, "none.mjs") })).rejects.toThrow(
      /cannot be read/,
    );
    await expect(programmatic("export const score = 1;")).rejects.toThrow(
      /expected a default export .*got undefined/,
    );
    await expect(programmatic("syntax error")).rejects.toThrow(/cannot be loaded/);
    const thrower = await programmatic("export default () => { throw new Error('no dictionary'); };");
    await expect(thrower.score(items)).rejects.toThrow(/threw no dictionary/);
  });
});

describe("the sentiment scorer", () => {
  it("is above zero for cheerful responses, below for sad ones, zero for none, and reads the response alone", async () => {
    const gold = await open({ type: "sentiment" });
    const score = async (response: string) =>
      (await gold.score([{ prompt: "What a horrible, sad day.", response }]))[0]!;
    // VADER's own: "happy" is rated 2.7, so compound = 2.7 / sqrt(2.7² + 15) = 0.5719.
    expect(await score("She was happy.")).toBeCloseTo(0.5719, 4);
    expect(await score("She was sad.")).toBeLessThan(-0.3);
    expect(await score("")).toBe(0);
    expect(gold.digest).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("a reward model as gold", () => {
  it("gives the engine's own scores of the encoded rows", async () => {
    const path = await tiny("reward", 3, "reward");
    const gold = await open({ type: "reward-model", model: path, name: "rm" });
    const tokenizer = await loadTokenizer(path);
    const limits = { maxLength: 256, maxPromptLength: 128 };
    const rows = items.map((item) => {
      const { prompt, response } = encodePromptResponse(tokenizer, item, limits);
      return { prompt, responses: [response] };
    });
    const model = await loadModel(runtime, path, { id: "check" });
    const expected = (await (await openScorer(runtime, model)).score(rows)).map(
      ({ rewards }) => rewards![0]!,
    );
    expect(await gold.score(items)).toEqual(expected);
    expect(expected[0]).not.toBe(expected[1]);
    expect(gold.name).toBe("rm");
    await gold.close();
  });

  it("stops at a row that does not fit, unless told to cut it", async () => {
    const path = await tiny("short", 3, "reward");
    const long = [{ prompt: "abc", response: "x".repeat(20) }];
    const strict = await open({ type: "reward-model", model: path, maxLength: 12 });
    await expect(strict.score(long)).rejects.toThrow(
      /row 0 does not fit \(truncated_response\).*at most 12 tokens/,
    );
    await strict.close();
    const lax = await open({ type: "reward-model", model: path, maxLength: 12, tooLong: "truncate" });
    expect(await lax.score(long)).toHaveLength(1);
    await lax.close();
  });

  it("refuses a language model", async () => {
    const path = await tiny("lm", 3, "language-model");
    await expect(open({ type: "reward-model", model: path })).rejects.toThrow(ConfigError);
  });
});

describe("goldSpecSchema", () => {
  it("refuses unknown types and options without effect", () => {
    expect(goldSpecSchema.safeParse({ type: "sentiments" }).success).toBe(false);
    expect(goldSpecSchema.safeParse({ type: "sentiment", model: "x" }).success).toBe(false);
  });
});
